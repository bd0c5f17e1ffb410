package localtrainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// unfinished is the suffix of files that are being written. Files that have it after a crash are removed.
const unfinished = ".unfinished"

// writeJSON writes v to path. After a crash at any moment the file has either the old or the new value.
func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return writeDurable(path, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// writeDurable writes path with fill. When it returns nil, the content is on the disk under its final name.
func writeDurable(path string, fill func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*"+unfinished)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if err := fill(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return err
	}
	return f.Close()
}

// syncDir makes the names in dir durable: without it, a renamed file can be missing after a power failure.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readJSON reads what writeJSON wrote.
func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s is damaged: %w", filepath.Base(path), err)
	}
	return nil
}

// removeUnfinished deletes the files under root that were being written when the process ended.
func removeUnfinished(root string) error {
	var left []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, unfinished) {
			left = append(left, path)
		}
		return err
	})
	for _, path := range left {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}
