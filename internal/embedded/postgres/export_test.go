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

// StartOn is Start with a choice of the port: the first attempt takes the first port, and so on, then free ones.
func StartOn(ctx context.Context, o Options, ports ...int) (*Server, error) {
	return start(ctx, o, func(ctx context.Context) (int, error) {
		if len(ports) == 0 {
			return freePort(ctx)
		}
		port := ports[0]
		ports = ports[1:]
		return port, nil
	})
}
