package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"
)

// remove deletes one blob; one that is not there is fine.
func (s *Store) remove(ctx context.Context, path string) error {
	if err := translateBlob(s.bucket.Delete(ctx, path)); !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// removeAll deletes every blob under prefix, which lies in the persona's folder.
func (s *Store) removeAll(ctx context.Context, personaID, prefix string) (int, error) {
	paths, err := s.list(ctx, prefix, 0)
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		if err := s.remove(ctx, path); err != nil {
			return 0, err
		}
	}
	if prefix == prefixOf(personaID) {
		if err := s.removeFolder(ctx, personaID); err != nil {
			return 0, err
		}
	}
	return len(paths), nil
}

// list returns the paths under prefix, at most most of them, or all for 0. All are listed before any is deleted: what a page
// token means after a deletion differs between buckets.
func (s *Store) list(ctx context.Context, prefix string, most int) ([]string, error) {
	var paths []string
	listing := s.bucket.List(&blob.ListOptions{Prefix: prefix})
	for most == 0 || len(paths) < most {
		object, err := listing.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, translateBlob(err)
		}
		paths = append(paths, object.Key)
	}
	return paths, nil
}

// removeFolder removes what a bucket on a file system keeps besides blobs: the folder, whose name is the persona's id, side
// files, and what a killed writer left. Other buckets have no folders. The bucket does not tell where it lies, but its error
// about a file that is not there does.
func (s *Store) removeFolder(ctx context.Context, personaID string) error {
	folder, ok := s.folder(ctx, personaID)
	if !ok {
		return nil
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("storage: remove the folder of persona %s: %w", personaID, errors.Unwrap(err))
	}
	return nil
}

// folder returns the persona's folder when the bucket lies on a file system.
func (s *Store) folder(ctx context.Context, personaID string) (string, bool) {
	_, err := s.bucket.Attributes(ctx, prefixOf(personaID)+"absent")
	var missing *fs.PathError
	if err == nil || !s.bucket.ErrorAs(err, &missing) {
		return "", false
	}
	folder := filepath.Dir(missing.Path)
	if !strings.HasSuffix(folder, filepath.Join("personas", personaID)) {
		return "", false
	}
	return folder, true
}
