// Package folder makes and locks the data folders of the embedded parts.
package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrLocked is returned by Lock when another process holds the lock.
var ErrLocked = errors.New("another process uses it")

// Make makes dir and its missing parents, and returns its absolute path without symbolic links. Existing folders keep
// their permissions. New folders are for our user only; as root they can be passed through by others, but not listed,
// because the unprivileged user that PostgreSQL runs under must reach its cluster.
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

// Lock locks the file at path, which it makes if it is missing, and writes our process id into it. The lock ends with
// Unlock or with the process, however that ends. The error is ErrLocked, with the id of the process that has the lock if
// it is known, or an error of the file system.
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

// Unlock releases a lock and closes its file. Closing alone would not release it while a child process is being started:
// the child has a copy of the file until it runs its program.
func Unlock(f *os.File) error { return errors.Join(unlock(f), f.Close()) }

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// WriteFile replaces a file that only our user may read. A process that is killed meanwhile leaves the old file or the
// new one, never a part.
func WriteFile(path string, content []byte) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, content, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
