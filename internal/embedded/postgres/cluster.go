package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// errTryAgain is a failed start after which the next attempt may succeed.
var errTryAgain = errors.New("try again")

// clusterVersion returns the major version of the cluster, or 0 when there is none yet.
func (h *home) clusterVersion() (int, error) {
	if _, err := os.Lstat(h.data()); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	text, err := os.ReadFile(filepath.Join(h.data(), "PG_VERSION"))
	if err != nil {
		return 0, h.damaged(err.Error())
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, h.damaged("its PG_VERSION is not a number")
	}
	return major, nil
}

func (h *home) damaged(reason string) error {
	return fmt.Errorf("the PostgreSQL cluster in %s is damaged (%s): restore it, or delete %s to start with an empty one", h.data(), reason, h.dir)
}

// initialize makes a new cluster under a temporary name and renames it at the end, so that a killed process leaves no
// incomplete cluster.
func initialize(ctx context.Context, h *home, p programs, fast bool) error {
	leftOvers, _ := filepath.Glob(filepath.Join(h.root, "new-*"))
	for _, old := range leftOvers {
		_ = os.RemoveAll(old)
	}
	scratch, err := os.MkdirTemp(h.root, "new-")
	if err != nil {
		return fmt.Errorf("no PostgreSQL cluster can be made in %s: %w", h.root, err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	passwordFile := filepath.Join(scratch, "password")
	if err := os.WriteFile(passwordFile, []byte(h.password+"\n"), 0o600); err != nil {
		return err
	}
	if err := errors.Join(h.user.give(passwordFile), h.user.give(scratch)); err != nil {
		return err
	}
	data := filepath.Join(scratch, dataName)
	var process *child
	for _, locale := range []string{"C.UTF-8", "C"} { // not every system has the first
		args := []string{
			"-D", data, "--username=" + superuser, "--pwfile=" + passwordFile, "--auth=scram-sha-256",
			"--encoding=UTF8", "--locale=" + locale, "--data-checksums", "--no-instructions",
		}
		if fast {
			args = append(args, "--no-sync")
		}
		if process, err = startChild(h.user, slog.New(slog.DiscardHandler), p.path("initdb"), args...); err != nil {
			return fmt.Errorf("PostgreSQL cannot be started from %s: %w", p.dir, err)
		}
		select {
		case <-process.done:
		case <-ctx.Done():
			process.kill()
			return ctx.Err()
		}
		if process.cmd.ProcessState.Success() {
			return os.Rename(data, h.data())
		}
		if !process.said("invalid locale") {
			break
		}
	}
	return fmt.Errorf("no PostgreSQL cluster can be made in %s: %s", h.root, process.reason())
}

// startServer runs the server program on the cluster. The command line has every setting that matters; it overrides the
// files in the cluster.
func startServer(h *home, p programs, port int, fast bool, log *slog.Logger) (*child, error) {
	settings := []string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(port), "unix_socket_directories=",
		"timezone=UTC", "log_timezone=UTC", "shared_buffers=64MB", "max_connections=100",
		"wal_level=minimal", "max_wal_senders=0", "jit=off",
		// Statements and details of errors hold people's data, so they are not logged.
		"logging_collector=off", "log_destination=stderr", "log_line_prefix=", "log_error_verbosity=terse",
		"log_min_messages=log", "log_min_error_statement=panic", "log_statement=none",
	}
	if fast {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB")
	}
	args := []string{"-D", h.data()}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return startChild(h.user, log, p.path("postgres"), args...)
}

// startFailure returns one sentence made of the output of a server that ended.
func (s *Server) startFailure() error {
	switch p := s.process; {
	case p.said("could not bind", "could not create any TCP/IP sockets"), // another program has the port
		p.said("pre-existing shared memory block", `lock file "postmaster.pid" already exists`): // processes of the previous server
		return errTryAgain
	case p.said("could not create shared memory", "could not map anonymous shared memory", "No space left on device"):
		return fmt.Errorf("PostgreSQL cannot run on this machine: %s", p.reason())
	case p.said("database files are incompatible"):
		return fmt.Errorf("the PostgreSQL cluster in %s was made by another build of PostgreSQL: use that one, or another data folder", s.home.data())
	default:
		return s.home.damaged(p.reason())
	}
}

// probe logs in once, because a server can be ready and still refuse us.
func (s *Server) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(superuser))
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && refused.Code == "28P01": // invalid_password
		return s.home.damaged(fmt.Sprintf("the password in its file %q is wrong", passwordName))
	case errors.As(err, &refused):
		return s.home.damaged(refused.Message)
	case err != nil:
		return fmt.Errorf("the PostgreSQL server of %s does not answer on 127.0.0.1:%d", s.home.data(), s.port)
	}
	return conn.Close(ctx)
}

// pidFile is the content of postmaster.pid, which a running server writes.
type pidFile struct {
	pid   int
	ready bool
}

func readPIDFile(data string) (pidFile, error) {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return pidFile{}, err
	}
	lines := strings.Split(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 0 {
		return pidFile{}, fmt.Errorf("%w: not a process id", fs.ErrInvalid)
	}
	const statusLine = 7
	return pidFile{pid: pid, ready: len(lines) > statusLine && strings.TrimSpace(lines[statusLine]) == "ready"}, nil
}

// stopLeftOver stops a server that an earlier process left running on the cluster, and reports whether there was one.
// We hold the cluster's lock, so no other process uses it.
func stopLeftOver(ctx context.Context, data string) (bool, error) {
	left, err := readPIDFile(data)
	if err != nil || !alive(left.pid) {
		return false, nil // PostgreSQL itself needs a stale file: it names the shared memory to look for
	}
	if !servesCluster(left.pid, data) {
		// Another program got the process id. If it has the same owner, PostgreSQL would take it for its own server.
		return false, os.Remove(filepath.Join(data, "postmaster.pid"))
	}
	process, err := os.FindProcess(left.pid)
	if err != nil {
		return false, nil
	}
	defer func() { _ = process.Release() }()
	for _, end := range []func(*os.Process){interrupt, quit, func(p *os.Process) { _ = p.Kill() }} {
		end(process)
		gone, err := awaitGone(ctx, left.pid, data, 10*time.Second)
		if err != nil || gone {
			return true, err
		}
	}
	return true, fmt.Errorf("a PostgreSQL server left over on the cluster in %s (process %d) does not end", data, left.pid)
}

func awaitGone(ctx context.Context, pid int, data string, limit time.Duration) (bool, error) {
	deadline := time.After(limit)
	for alive(pid) && servesCluster(pid, data) { // a process that ended keeps its id until its parent waits for it
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-deadline:
			return false, nil
		case <-time.After(10 * time.Millisecond):
		}
	}
	return true, nil
}

// freePort returns a port of 127.0.0.1 that is free now. It may be taken before the server opens it: run then tries
// another one.
func freePort(ctx context.Context) (int, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("no port is free on 127.0.0.1: %w", err)
	}
	bound, err := netip.ParseAddrPort(l.Addr().String())
	return int(bound.Port()), errors.Join(err, l.Close())
}
