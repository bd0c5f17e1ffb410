package storagetest

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver that pgtestdb uses
	"github.com/peterldowns/pgtestdb"

	"github.com/inflio/persona/internal/embedded/postgres"
	"github.com/inflio/persona/storage"
)

const (
	appPassword = "for tests"
	folderStart = "persona-test-"
)

// server is the PostgreSQL of this process.
type server struct {
	folder   string
	postgres *postgres.Server
	config   pgtestdb.Config // makes the databases of the tests
}

var (
	started atomic.Pointer[server]
	shared  = sync.OnceValues(start)
)

// Main runs a package's tests and then stops the server, if any test started one. Use it as
//
//	func TestMain(m *testing.M) { storagetest.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	if s := started.Load(); s != nil {
		s.stop()
	}
	os.Exit(code)
}

func start() (_ *server, err error) {
	sweep()
	name := folderStart + strconv.Itoa(os.Getpid()) + "-"
	folder, err := os.MkdirTemp(base(), name)
	if err != nil {
		folder, err = os.MkdirTemp("", name) // the faster place may be read-only
	}
	if err != nil {
		return nil, err
	}
	s := &server{folder: folder}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if err := os.Chmod(folder, 0o711); err != nil { //nolint:gosec // PostgreSQL may run as another user, who must pass through
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // it may have to be downloaded
	defer cancel()
	s.postgres, err = postgres.Start(ctx, postgres.Options{Dir: filepath.Join(folder, "postgres"), Fast: true})
	if err != nil {
		return nil, err
	}
	if s.config, err = configOf(s.postgres.URL("postgres")); err != nil {
		return nil, err
	}
	started.Store(s)
	return s, nil
}

// configOf makes the superuser of a server the owner of the tests' databases, because Migrate makes a role.
func configOf(superuserURL string) (pgtestdb.Config, error) {
	config, err := pgx.ParseConfig(superuserURL)
	if err != nil {
		return pgtestdb.Config{}, err
	}
	return pgtestdb.Config{
		DriverName: "pgx",
		Host:       config.Host, Port: strconv.Itoa(int(config.Port)), User: config.User, Password: config.Password,
		Database: config.Database, Options: "sslmode=disable",
		TestRole: &pgtestdb.Role{Username: config.User, Password: config.Password, Capabilities: "SUPERUSER"},
		// Sessions whose client has closed its connection may live a moment longer.
		ForceTerminateConnections: true,
	}, nil
}

// migrator fills the template of the tests' databases.
type migrator struct{}

// Hash names the template. A server lasts as long as the process, so the migrations do not change under it.
func (migrator) Hash() (string, error) { return "persona", nil }

// Migrate runs all migrations.
func (migrator) Migrate(ctx context.Context, _ *sql.DB, template pgtestdb.Config) error {
	return storage.Migrate(ctx, template.URL(), appPassword)
}

func (s *server) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if s.postgres != nil {
		_ = s.postgres.Stop(ctx)
	}
	_ = os.RemoveAll(s.folder)
}

// sweep removes the folders of test processes that were killed.
func sweep() {
	folders, _ := filepath.Glob(filepath.Join(base(), folderStart+"*")) // the pattern is valid
	for _, folder := range folders {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(folder), folderStart), "-")
		pid, err := strconv.Atoi(number)
		if err != nil || pid <= 0 {
			continue
		}
		process, err := os.FindProcess(pid)
		if err == nil {
			err = process.Signal(syscall.Signal(0))
		}
		if errors.Is(err, os.ErrProcessDone) {
			_ = os.RemoveAll(folder)
		}
	}
}
