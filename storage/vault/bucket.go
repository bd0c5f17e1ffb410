package vault

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

	"github.com/inflio/persona/internal/persona"
)

// Remove deletes one blob. It is no error when there is none.
func (v *Vault) Remove(ctx context.Context, path string) error {
	if err := translateMissing(v.bucket.Delete(ctx, path)); !errors.Is(err, ErrNotFound) {
		return err
	}
	return nil
}

// RemoveAll deletes every blob of a persona whose path starts with prefix and returns how many it deleted, also when it fails. An
// empty prefix stands for the folder of the persona. ErrNotFound when prefix does not lie in that folder. Running it again, or
// twice at once, is safe.
func (v *Vault) RemoveAll(ctx context.Context, personaID, prefix string) (removed int, err error) {
	folder := Folder(personaID)
	if prefix == "" {
		prefix = folder
	}
	if !persona.IsID(personaID) || !strings.HasPrefix(prefix, folder) {
		return 0, fmt.Errorf("%w: the prefix is not one of this persona", ErrNotFound)
	}
	paths, err := v.list(ctx, prefix, 0)
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		if err := v.Remove(ctx, path); err != nil {
			return removed, err
		}
		removed++
	}
	if prefix == folder {
		err = v.removeFolder(ctx, personaID)
	}
	return removed, err
}

// Exists reports whether there is a blob at path.
func (v *Vault) Exists(ctx context.Context, path string) (bool, error) {
	there, err := v.bucket.Exists(ctx, path)
	return there, translate(err)
}

// Holds reports whether there is any blob of a persona.
func (v *Vault) Holds(ctx context.Context, personaID string) (bool, error) {
	paths, err := v.list(ctx, Folder(personaID), 1)
	return len(paths) > 0, err
}

// list returns the paths under prefix: at most limit of them, or all for 0. The list is complete before anything is deleted,
// because buckets differ in what a page token means after a deletion.
func (v *Vault) list(ctx context.Context, prefix string, limit int) ([]string, error) {
	var paths []string
	listing := v.bucket.List(&blob.ListOptions{Prefix: prefix})
	for limit == 0 || len(paths) < limit {
		object, err := listing.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, translate(err)
		}
		paths = append(paths, object.Key)
	}
	return paths, nil
}

// removeFolder removes what a bucket on a file system keeps besides blobs: the folder, whose name is the persona's id, side
// files, and temporary files of a writer that was killed. It does nothing for other buckets.
func (v *Vault) removeFolder(ctx context.Context, personaID string) error {
	folder, ok := v.folderOnDisk(ctx, personaID)
	if !ok {
		return nil
	}
	if err := os.RemoveAll(folder); err != nil {
		return unavailable("The file store cannot be used at the moment.",
			fmt.Errorf("vault: remove the folder of persona %s: %w", personaID, errors.Unwrap(err)))
	}
	return nil
}

// folderOnDisk returns the persona's folder when the bucket lies on a file system. The bucket has no method that returns its
// folder, but its error about a missing file contains the file's path.
func (v *Vault) folderOnDisk(ctx context.Context, personaID string) (string, bool) {
	_, err := v.bucket.Attributes(ctx, Folder(personaID)+"absent")
	var missing *fs.PathError
	if err == nil || !v.bucket.ErrorAs(err, &missing) {
		return "", false
	}
	folder := filepath.Dir(missing.Path)
	if !strings.HasSuffix(folder, filepath.Join("personas", personaID)) {
		return "", false
	}
	return folder, true
}
