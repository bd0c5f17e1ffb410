package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
)

// oldest is the oldest major version that the product's schema works with.
const oldest = 15

// programs is a folder with the programs of one version of PostgreSQL.
type programs struct {
	dir     string
	version int // major
}

func (p programs) path(name string) string { return filepath.Join(p.dir, name+exe()) }

// finder looks for the programs on this machine, and downloads them if there are none.
type finder struct {
	user   *account // who must be able to run them
	dirs   []string // on PATH
	places []string // globs of folders, tried newest first
	cache  string   // for downloads
	source string   // where to download from; "": repository
}

func newFinder(user *account) finder {
	cache := "/var/cache/persona-postgres" // root's own cache folder is closed to the unprivileged user
	if user == nil {
		dir, err := os.UserCacheDir()
		if err != nil {
			dir = os.TempDir()
		}
		cache = filepath.Join(dir, "persona-postgres")
	}
	return finder{
		user: user, cache: cache, dirs: filepath.SplitList(os.Getenv("PATH")),
		places: []string{
			"/usr/lib/postgresql/*/bin",                       // Debian, Ubuntu
			"/opt/homebrew/opt/postgresql@*/bin",              // Homebrew on ARM
			"/usr/local/opt/postgresql@*/bin",                 // Homebrew on Intel
			"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin", // Homebrew on Linux
			"/usr/pgsql-*/bin",                                // Red Hat and its derivatives, from postgresql.org
			"/usr/local/pgsql/bin",                            // built from source
			"/usr/libexec/postgresql*",                        // Alpine
			"/Applications/Postgres.app/Contents/Versions/*/bin",
			`C:\Program Files\PostgreSQL\*\bin`,
		},
	}
}

// find returns the programs of a major version, or of any version from oldest on when major is 0.
func (f finder) find(ctx context.Context, major int, log *slog.Logger) (programs, error) {
	for _, dir := range f.candidates() {
		p, err := f.look(ctx, dir)
		if err == nil && (p.version == major || major == 0 && p.version >= oldest) {
			return p, nil
		}
	}
	wanted := major
	if major == 0 {
		wanted = slices.Max(slices.Collect(maps.Keys(downloads)))
	}
	p, err := f.download(ctx, wanted, log)
	switch {
	case err == nil:
		return p, nil
	case major == 0:
		return programs{}, fmt.Errorf("PostgreSQL was not found and could not be downloaded: install PostgreSQL %d or newer (%w)", oldest, err)
	default:
		return programs{}, fmt.Errorf("the cluster was made by PostgreSQL %d, which was not found and could not be downloaded: install PostgreSQL %d or use another data folder (%w)", major, major, err)
	}
}

// candidates returns the folders that may have programs.
func (f finder) candidates() []string {
	dirs := slices.Clone(f.dirs)
	for _, place := range f.places {
		found, _ := filepath.Glob(place)
		slices.SortFunc(found, func(a, b string) int { return lastNumber(b) - lastNumber(a) })
		dirs = append(dirs, found...)
	}
	return dirs
}

// look returns the programs of a folder.
func (f finder) look(ctx context.Context, dir string) (programs, error) {
	if dir == "" || !filepath.IsAbs(dir) {
		return programs{}, errors.New("not an absolute folder")
	}
	server, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"+exe()))
	if err != nil {
		return programs{}, err
	}
	p := programs{dir: filepath.Dir(server)}
	if _, err := os.Stat(p.path("initdb")); err != nil {
		return programs{}, err
	}
	if !f.user.canReach(server) {
		return programs{}, errors.New("out of reach")
	}
	out, err := exec.CommandContext(ctx, server, "--version").Output()
	if err != nil {
		return programs{}, err
	}
	p.version = lastNumber(regexp.MustCompile(`^\D*\d+`).FindString(string(out)))
	return p, nil
}

// download returns the programs in the cache, after downloading them if they are not there.
func (f finder) download(ctx context.Context, major int, log *slog.Logger) (programs, error) {
	version, ok := downloads[major]
	if !ok {
		return programs{}, fmt.Errorf("there is no download of PostgreSQL %d", major)
	}
	dir := filepath.Join(f.cache, version)
	if p, err := f.look(ctx, filepath.Join(dir, "bin")); err == nil {
		return p, nil
	}
	if f.user == nil {
		if err := os.MkdirAll(f.cache, 0o700); err != nil {
			return programs{}, err
		}
	} else if err := os.MkdirAll(f.cache, 0o755); err != nil { //nolint:gosec // programs, which the unprivileged user must reach
		return programs{}, err
	}
	// The folder gets its name when it is complete, so that a killed process leaves no incomplete one.
	scratch, err := os.MkdirTemp(f.cache, "fetch-")
	if err != nil {
		return programs{}, err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	log.Warn("PostgreSQL was not found: downloading it", "version", version)
	if err := fetch(ctx, version, f.source, scratch); err != nil {
		return programs{}, err
	}
	if err := os.Rename(filepath.Join(scratch, "unpacked"), dir); err != nil {
		return programs{}, err
	}
	return f.look(ctx, filepath.Join(dir, "bin"))
}

var digits = regexp.MustCompile(`\d+`)

// lastNumber returns the last number in a text, or 0.
func lastNumber(s string) int {
	all := digits.FindAllString(s, -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(all[len(all)-1])
	return n
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
