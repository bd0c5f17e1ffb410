package postgres

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/inflio/persona/internal/embedded/folder"
)

// Names of files beside the cluster.
const (
	dataName     = "data"          // the cluster itself
	passwordName = "password"      // of the superuser; its hash connects an outside cluster with its folder
	noteName     = "cluster-is-at" // the path of the cluster when it is outside
	ownerName    = "owner.json"    // in an outside cluster: the folder that it belongs to
	lockName     = "lock"
)

// outsideBases returns the folders for clusters whose own folder the unprivileged user cannot reach, in order of
// preference.
func outsideBases(temporary bool) []string {
	const name = "persona-postgres"
	stable := []string{filepath.Join("/var/lib", name), filepath.Join("/tmp", name)}
	if temporary {
		return []string{filepath.Join(os.TempDir(), name), stable[1], stable[0]}
	}
	return stable
}

// isTemporary reports whether a folder is below the folder for temporary files.
func isTemporary(dir string) bool {
	tmp, err := filepath.EvalSymlinks(os.TempDir())
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(tmp, dir)
	return err == nil && filepath.IsLocal(rel)
}

// home is the folder of a cluster, locked for this process.
type home struct {
	dir      string   // the folder of Options, absolute
	root     string   // the folder with the cluster: dir, or one outside
	user     *account // the user that PostgreSQL runs under; nil: our own user
	password string
	locks    []*os.File

	temporary bool // an outside cluster may be deleted when dir is gone
}

// owner connects an outside cluster with the folder that it belongs to. A folder that was deleted and made again has
// another password and so another token: it never gets the old cluster.
type owner struct {
	Dir       string `json:"dir"`
	Token     string `json:"token"`     // SHA-256 of the password
	Temporary bool   `json:"temporary"` // delete the cluster once Dir is gone
}

func (h *home) data() string { return filepath.Join(h.root, dataName) }

func (h *home) close() {
	for _, f := range h.locks {
		_ = folder.Unlock(f)
	}
	h.locks = nil
}

// openHome finds or makes the folder of the cluster and locks it.
func openHome(dir string, fast bool, log *slog.Logger) (_ *home, err error) {
	user, err := unprivileged()
	if err != nil {
		return nil, err
	}
	unusable := func(err error) error {
		return fmt.Errorf("the folder %s cannot be used for PostgreSQL: %w", dir, err)
	}
	h := &home{user: user}
	if h.dir, err = folder.Make(dir); err != nil {
		return nil, unusable(err)
	}
	h.root = h.dir
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if err := h.takeLock(h.dir); err != nil {
		return nil, err
	}
	if h.password, err = h.readPassword(); err != nil {
		return nil, unusable(err)
	}
	h.temporary = fast || isTemporary(h.dir)
	if err := h.choosePlace(log); err != nil {
		return nil, err
	}
	if err := h.checkOwner(); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *home) takeLock(dir string) error {
	f, err := folder.Lock(filepath.Join(dir, lockName))
	switch {
	case errors.Is(err, folder.ErrLocked):
		return fmt.Errorf("the PostgreSQL cluster in %s cannot be used: %w", h.dir, err)
	case err != nil:
		return fmt.Errorf("the folder %s cannot be used for PostgreSQL: %w", dir, err)
	}
	h.locks = append(h.locks, f)
	return nil
}

// readPassword returns the superuser's password. It makes one when the folder is new.
func (h *home) readPassword() (string, error) {
	path := filepath.Join(h.dir, passwordName)
	kept, err := os.ReadFile(path)
	if err == nil && len(kept) > 0 {
		return string(kept), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if _, err := os.Lstat(filepath.Join(h.dir, dataName)); err == nil {
		return "", fmt.Errorf("it is damaged, its file %q is missing or empty", passwordName)
	}
	password := rand.Text()
	return password, folder.WriteFile(path, []byte(password))
}

// choosePlace sets root and user. The cluster is in the folder itself whenever the unprivileged user can reach it.
func (h *home) choosePlace(log *slog.Logger) error {
	if h.user == nil {
		return h.followNote()
	}
	for _, base := range outsideBases(true) {
		sweep(base)
	}
	inside := filepath.Join(h.dir, dataName)
	if owner, err := ownerOf(inside); err == nil && !owner.isUs() {
		h.user = owner // another account made it, and only its owner can run it
	}
	if err := h.followNote(); err != nil || h.root != h.dir {
		return err
	}
	if h.user.canReach(h.dir) {
		return nil
	}
	return h.moveOutside(inside, log)
}

// followNote sets root to the outside cluster, if there is one.
func (h *home) followNote() error {
	note, err := os.ReadFile(filepath.Join(h.dir, noteName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the folder %s cannot be used for PostgreSQL: %w", h.dir, err)
	}
	root := strings.TrimSpace(string(note))
	was, err := readOwner(root)
	if err != nil || was.Token != h.token() {
		return fmt.Errorf("the PostgreSQL cluster of %s is damaged (it should be in %s but is not): restore it, or delete %s to start with an empty one", h.dir, root, h.dir)
	}
	if was.Dir != h.dir {
		if other, err := os.ReadFile(filepath.Join(was.Dir, passwordName)); err == nil && string(other) == h.password {
			return fmt.Errorf("the folder %s is a copy of %s, but its PostgreSQL cluster is outside, in %s, and was not copied with it: delete %s to start with an empty one",
				h.dir, was.Dir, root, h.dir)
		}
	}
	h.root = root
	if err := h.takeLock(root); err != nil {
		return err
	}
	// The folder may have been moved. Writing the file also records when the cluster was last used.
	return writeOwner(root, owner{Dir: h.dir, Token: h.token(), Temporary: h.temporary})
}

// moveOutside makes a folder that the unprivileged user can reach, and moves the cluster there if it exists.
func (h *home) moveOutside(inside string, log *slog.Logger) error {
	base, err := outsideBase(h.user, h.temporary)
	if err != nil {
		return err
	}
	path := sha256.Sum256([]byte(h.dir))
	name := hex.EncodeToString(path[:8])
	forgotten, _ := filepath.Glob(filepath.Join(base, name+"-*"))
	for _, old := range forgotten {
		if was, err := readOwner(old); err == nil && was.Token != h.token() && was.Dir == h.dir {
			log.Warn("there is an older PostgreSQL cluster of this folder; delete it if it is not needed", "cluster", old)
		}
	}
	root := filepath.Join(base, name+"-"+h.token()[:8])
	if err := os.MkdirAll(root, 0o711); err != nil { //nolint:gosec // the unprivileged user must get through to its cluster
		return fmt.Errorf("the folder %s cannot be used for PostgreSQL: %w", root, err)
	}
	if err := h.takeLock(root); err != nil {
		return err
	}
	if err := writeOwner(root, owner{Dir: h.dir, Token: h.token(), Temporary: h.temporary}); err != nil {
		return err
	}
	h.root = root
	if _, err := os.Lstat(inside); err == nil {
		if err := os.Rename(inside, h.data()); err != nil {
			return fmt.Errorf("the user %s can no longer reach the PostgreSQL cluster in %s, and it cannot be moved to %s: %w",
				h.user.name, inside, h.data(), err)
		}
	}
	return folder.WriteFile(filepath.Join(h.dir, noteName), []byte(root+"\n"))
}

// checkOwner refuses a cluster of another user; PostgreSQL would too, with a less clear message.
func (h *home) checkOwner() error {
	owner, err := ownerOf(h.data())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the PostgreSQL cluster in %s cannot be used: %w", h.data(), err)
	}
	if h.user == nil && !owner.isUs() {
		return fmt.Errorf("the PostgreSQL cluster in %s belongs to the user %s: start as the user who made it, or use another folder", h.data(), owner.name)
	}
	if h.user != nil {
		if owner.isUs() {
			return fmt.Errorf("the PostgreSQL cluster in %s belongs to root, and PostgreSQL does not run as root: give it to the user %s, or use another folder", h.data(), h.user.name)
		}
		h.user = owner
	}
	return nil
}

func (h *home) token() string { return tokenOf(h.password) }

func tokenOf(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// outsideBase makes the common parent of outside clusters.
func outsideBase(user *account, temporary bool) (string, error) {
	var last error
	bases := outsideBases(temporary)
	for _, base := range bases {
		if last = os.MkdirAll(base, 0o711); last != nil { //nolint:gosec // as above
			continue
		}
		if isOurs(base) && user.canReach(base) {
			return base, nil
		}
		last = errors.New("it is not ours or cannot be reached")
	}
	return "", fmt.Errorf("there is no folder for the PostgreSQL cluster that the user %s can reach (%s: %w)", user.name, bases[len(bases)-1], last)
}

// isOurs reports whether a folder belongs to our user. Where everybody may write, another user may have made it first.
func isOurs(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		return false
	}
	owner, err := ownerOf(dir)
	return err == nil && owner.isUs()
}

// sweepAfter is how long a cluster must have been unused before sweep deletes it: its folder may be being moved.
const sweepAfter = time.Hour

// sweep deletes outside clusters whose temporary folder is gone. Clusters of other folders are kept: the folder may be
// on a disk that is not mounted.
func sweep(base string) {
	entries, err := os.ReadDir(base)
	if err != nil || !isOurs(base) {
		return
	}
	for _, entry := range entries {
		root := filepath.Join(base, entry.Name())
		was, err := readOwner(root)
		if err != nil || !was.Temporary {
			continue
		}
		if info, err := os.Stat(filepath.Join(root, ownerName)); err != nil || time.Since(info.ModTime()) < sweepAfter {
			continue
		}
		if password, err := os.ReadFile(filepath.Join(was.Dir, passwordName)); err == nil && tokenOf(string(password)) == was.Token {
			continue
		}
		lock, err := folder.Lock(filepath.Join(root, lockName))
		if err != nil {
			continue
		}
		if pid, err := readPIDFile(filepath.Join(root, dataName)); err != nil || !alive(pid.pid) {
			_ = os.RemoveAll(root)
		}
		_ = folder.Unlock(lock)
	}
}

func readOwner(root string) (owner, error) {
	var o owner
	raw, err := os.ReadFile(filepath.Join(root, ownerName))
	if err != nil {
		return o, err
	}
	return o, json.Unmarshal(raw, &o)
}

func writeOwner(root string, o owner) error {
	raw, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return folder.WriteFile(filepath.Join(root, ownerName), raw)
}
