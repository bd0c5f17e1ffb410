// Package folder makes the folders of the embedded parts and keeps two processes from using one at the same time.
package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrLocked says that another process holds the lock.
var ErrLocked = errors.New("another process uses it")

// Make makes dir and the folders above it that are missing, and returns its absolute path without symbolic links.
// What exists keeps its permissions. As root, what is made lets other users pass through but not look around: the
// unprivileged user that PostgreSQL runs under must get to its cluster.
func Make(dir string) (string, error) {
	mode := fs.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

// Lock takes the lock at path, making the file when it is missing, and writes our process id into it. It holds until
// Unlock or until the process ends, however it ends. The error is ErrLocked, with the id of the process that
// holds it when that is known, or one of the file system.
func Lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		_ = f.Close()
		if !errors.Is(err, ErrLocked) {
			return nil, err
		}
		if holder, readErr := os.ReadFile(path); readErr == nil && len(holder) > 0 {
			return nil, fmt.Errorf("%w (process %s)", ErrLocked, strings.TrimSpace(string(holder)))
		}
		return nil, err
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, fmt.Sprintln(os.Getpid()))); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Unlock gives a lock up and closes its file. Closing alone would leave the lock with a child that is being started at
// that moment, until it runs its own program.
func Unlock(f *os.File) error { return errors.Join(unlock(f), f.Close()) }

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// WriteFile replaces a file for our eyes only as a whole, so that a kill in between leaves no half of it.
func WriteFile(path string, content []byte) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, content, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
