//go:build unix

package postgres

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the unprivileged user that PostgreSQL runs under when this process is root.
type account struct {
	name     string
	uid, gid uint32
}

// unprivileged returns the account for a new cluster. It is nil unless this process is root: PostgreSQL does not run as
// root.
func unprivileged() (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if found, err := user.Lookup(name); err == nil {
			if a, ok := toAccount(found); ok {
				return a, nil
			}
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
}

func toAccount(u *user.User) (*account, bool) {
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	return &account{name: u.Username, uid: uint32(uid), gid: uint32(gid)}, err1 == nil && err2 == nil && uid != 0
}

// ownerOf returns the owner of a file.
func ownerOf(path string) (*account, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, fs.ErrInvalid
	}
	a := &account{name: strconv.FormatUint(uint64(st.Uid), 10), uid: st.Uid, gid: st.Gid}
	if u, err := user.LookupId(a.name); err == nil {
		a.name = u.Username
	}
	return a, nil
}

// isUs reports whether the account is the one this process runs under.
func (a *account) isUs() bool { return int(a.uid) == os.Geteuid() }

// canReach reports whether the account may pass through path and every folder above it.
func (a *account) canReach(path string) bool {
	if a == nil {
		return true
	}
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false
	}
	for {
		info, err := os.Stat(path)
		if err != nil {
			return false
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return false
		}
		pass := fs.FileMode(0o001)
		if st.Uid == a.uid {
			pass = 0o100
		} else if st.Gid == a.gid {
			pass = 0o010
		}
		if info.Mode().Perm()&pass == 0 {
			return false
		}
		parent := filepath.Dir(path)
		if parent == path {
			return true
		}
		path = parent
	}
}

// give makes the account the owner of a file or folder of ours.
func (a *account) give(path string) error {
	if a == nil {
		return nil
	}
	return os.Lchown(path, int(a.uid), int(a.gid))
}

func childAttributes(a *account) *syscall.SysProcAttr {
	// In a session of its own it does not get a Ctrl-C at the terminal. We get it, and stop the server last.
	attributes := &syscall.SysProcAttr{Setsid: true}
	if a != nil {
		attributes.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	endWithParent(attributes)
	return attributes
}

// interrupt asks for PostgreSQL's fast shutdown: open transactions are rolled back, the cluster is left clean.
func interrupt(p *os.Process) { _ = p.Signal(syscall.SIGINT) }

// quit asks for PostgreSQL's immediate shutdown: all its processes end at once, the next start recovers.
func quit(p *os.Process) { _ = p.Signal(syscall.SIGQUIT) }

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
