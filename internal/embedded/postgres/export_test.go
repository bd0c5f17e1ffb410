package postgres

import (
	"archive/tar"
	"context"
	"log/slog"
)

// Find looks for programs in dirs only, and downloads from source into cache.
func Find(ctx context.Context, dirs []string, source, cache string, major int) (dir string, version int, err error) {
	p, err := finder{dirs: dirs, cache: cache, source: source}.find(ctx, major, slog.New(slog.DiscardHandler))
	return p.dir, p.version, err
}

// Untar writes an archive below dir.
func Untar(from *tar.Reader, dir string) error { return untar(from, dir) }
