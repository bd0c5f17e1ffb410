package storagetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/inflio/persona/internal/embedded/postgres"
	"github.com/inflio/persona/storage"
)

const (
	template    = "persona_template"
	appPassword = "for tests"
	folderStart = "persona-test-"
)

// server is the PostgreSQL of this process.
type server struct {
	folder   string
	postgres *postgres.Server
	admin    *pgxpool.Pool
	clones   atomic.Int64
}

func (s *server) nextName() string { return "test_" + strconv.FormatInt(s.clones.Add(1), 10) }

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
	if s.admin, err = pgxpool.New(ctx, s.postgres.URL("postgres")); err != nil {
		return nil, err
	}
	if _, err := s.admin.Exec(ctx, "CREATE DATABASE "+template); err != nil {
		return nil, fmt.Errorf("make the template: %w", err)
	}
	if err := storage.Migrate(ctx, s.postgres.URL(template), appPassword); err != nil {
		return nil, err
	}
	started.Store(s)
	return s, nil
}

func (s *server) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if s.admin != nil {
		s.admin.Close()
	}
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
