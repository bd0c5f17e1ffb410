// Package postgres runs a private PostgreSQL: one cluster in one folder, for one process, on 127.0.0.1.
//
// It is for development and tests. On Linux the server ends with the process that started it. On other systems it may be
// left over; it is stopped before the cluster is used again.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// superuser is the name of the cluster's first role.
const superuser = "postgres"

// Options are the settings of a cluster.
type Options struct {
	// Dir is the folder of the cluster; it is made when it is missing. When the process is root and the unprivileged
	// user that PostgreSQL runs under cannot reach Dir, the cluster is elsewhere and the file cluster-is-at has its path.
	Dir string
	// Log gets PostgreSQL's messages at the level debug, fatal ones at the level warn. Nil discards them.
	Log *slog.Logger
	// Fast turns off writing to disk in order: a crash of the machine may damage the cluster. For tests.
	Fast bool
}

// Server is a running cluster.
type Server struct {
	home     *home
	process  *child
	port     int
	password string
	adopted  bool
}

// Start starts the cluster in o.Dir, which it makes if there is none, and returns when it accepts connections. ctx limits
// the start only. Every error is one sentence for the person who started the program.
func Start(ctx context.Context, o Options) (*Server, error) { return start(ctx, o, freePort) }

// start is Start with a choice of the port.
func start(ctx context.Context, o Options, choosePort func(context.Context) (int, error)) (_ *Server, err error) {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	h, err := openHome(o.Dir, o.Fast, log)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			h.close()
		}
	}()

	major, err := h.clusterVersion()
	if err != nil {
		return nil, err
	}
	programs, err := newFinder(h.user).find(ctx, major, log)
	if err != nil {
		return nil, err
	}
	leftOver, err := stopLeftOver(ctx, h.data())
	if err != nil {
		return nil, err
	}
	if major == 0 {
		log.Info("making a new PostgreSQL cluster", "version", programs.version)
		if err := initialize(ctx, h, programs, o.Fast); err != nil {
			return nil, err
		}
	}
	s := &Server{home: h, password: h.password, adopted: leftOver}
	if err := s.run(ctx, programs, choosePort, o.Fast, log); err != nil {
		return nil, err
	}
	return s, nil
}

// URL returns the address of a database of this cluster for its superuser, with the password.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, s.password),
		Host: "127.0.0.1:" + strconv.Itoa(s.port), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// CreateDatabase makes a database unless it exists.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.URL(superuser))
	if err != nil {
		return fmt.Errorf("the PostgreSQL server of %s does not answer on 127.0.0.1:%d", s.home.data(), s.port)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil || exists {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	return err
}

// Adopted reports whether Start found a server of an earlier process still running on this cluster, and stopped it.
func (s *Server) Adopted() bool { return s.adopted }

// Exited returns a channel that is closed when the server has ended, by Stop or by itself.
func (s *Server) Exited() <-chan struct{} { return s.process.done }

// Stop shuts the server down and waits for it. When ctx ends first, the server is killed; the cluster then recovers at
// its next start. Stopping twice is harmless.
func (s *Server) Stop(ctx context.Context) error {
	defer s.home.close()
	interrupt(s.process.cmd.Process)
	select {
	case <-s.process.done:
		return nil
	case <-ctx.Done():
	}
	s.process.kill()
	return fmt.Errorf("PostgreSQL did not stop in time and was killed: %w", ctx.Err())
}

// run starts the server. It tries again while the port is taken by another program or the previous server still holds
// its memory.
func (s *Server) run(
	ctx context.Context, p programs, choosePort func(context.Context) (int, error), fast bool, log *slog.Logger,
) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		port, err := choosePort(ctx)
		if err != nil {
			return err
		}
		process, err := startServer(s.home, p, port, fast, log)
		if err != nil {
			return fmt.Errorf("PostgreSQL cannot be started from %s: %w", p.dir, err)
		}
		s.process, s.port = process, port
		err = s.awaitReady(ctx)
		if err == nil {
			return nil
		}
		process.kill()
		if !errors.Is(err, errTryAgain) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL cannot be started on the cluster in %s: %s", s.home.data(), process.reason())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// awaitReady returns when the server is ready and accepts our login.
func (s *Server) awaitReady(ctx context.Context) error {
	for ticker := time.NewTicker(10 * time.Millisecond); ; {
		select {
		case <-s.process.done:
			ticker.Stop()
			return s.startFailure()
		case <-ctx.Done():
			ticker.Stop()
			return fmt.Errorf("PostgreSQL did not get ready on the cluster in %s: %w", s.home.data(), ctx.Err())
		case <-ticker.C:
		}
		if pid, err := readPIDFile(s.home.data()); err == nil && pid.pid == s.process.cmd.Process.Pid && pid.ready {
			ticker.Stop()
			return s.probe(ctx)
		}
	}
}
