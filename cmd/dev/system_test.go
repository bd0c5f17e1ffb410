package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// system is cmd/dev in a process group of its own, as a person would start it.
type system struct {
	dir      string
	ports    [5]string // http, temporal, ui, trainer, metrics
	pace     time.Duration
	env      []string
	process  *exec.Cmd
	output   *lockedBuffer
	leash    *os.File // the system ends when this is closed, also by the end of this process
	finished chan struct{}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newSystem chooses ports for a system with its data below dir; it does not start it. The ports are below those that
// operating systems give to outgoing connections, so that no connection takes them while the system is restarted.
func newSystem(t testing.TB, dir string, pace time.Duration, env ...string) *system {
	t.Helper()
	s := &system{dir: filepath.Join(dir, "data"), pace: pace, env: env}
	var held [len(s.ports)]net.Listener
	for i := range held {
		for tries := 0; held[i] == nil; tries++ {
			require.Less(t, tries, 1000, "no free port")
			s.ports[i] = net.JoinHostPort("127.0.0.1", strconv.Itoa(15_000+rand.IntN(15_000)))
			if l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", s.ports[i]); err == nil {
				held[i] = l
			}
		}
	}
	for _, l := range held {
		require.NoError(t, l.Close())
	}
	return s
}

// ownSystem starts a system that only one test uses.
func ownSystem(t testing.TB, pace time.Duration, env ...string) *system {
	t.Helper()
	s := newSystem(t, t.TempDir(), pace, env...)
	t.Cleanup(s.kill)
	s.start(t)
	return s
}

// start runs the system and waits until it is ready.
func (s *system) start(t testing.TB) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	s.output = &lockedBuffer{}
	s.process = exec.Command(self, // without a context, for it must outlive them: the test kills it by its process group
		"-data", s.dir, "-http", s.ports[0], "-temporal", s.ports[1], "-ui", s.ports[2], "-trainer", s.ports[3],
		"-metrics", s.ports[4],
		"-pace", s.pace.String())
	s.process.Env = append(append(os.Environ(), runAsDev+"=1"), s.env...)
	s.process.Stdout, s.process.Stderr = s.output, s.output
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end, leash, err := os.Pipe()
	require.NoError(t, err)
	s.leash, s.process.ExtraFiles = leash, []*os.File{end}
	require.NoError(t, s.process.Start())
	require.NoError(t, end.Close())
	s.finished = make(chan struct{})
	go func(p *exec.Cmd, done chan struct{}) { _ = p.Wait(); close(done) }(s.process, s.finished)
	require.Eventually(t, func() bool {
		select {
		case <-s.finished:
			return true
		default:
			return s.get(t, "", "/readyz") == http.StatusOK
		}
	}, 2*time.Minute, 50*time.Millisecond, "not ready")
	require.Equal(t, http.StatusOK, s.get(t, "", "/readyz"), "%s", s.output)
}

// kill kills the whole process group.
func (s *system) kill() {
	if s.process == nil {
		return
	}
	_ = syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL)
	<-s.finished
	_ = s.leash.Close()
	s.process = nil
}

// interrupt stops the system like Ctrl-C and returns how long that took.
func (s *system) interrupt(t testing.TB) time.Duration {
	t.Helper()
	began := time.Now()
	require.NoError(t, syscall.Kill(-s.process.Process.Pid, syscall.SIGINT))
	select {
	case <-s.finished:
	case <-time.After(30 * time.Second):
		t.Fatalf("still running:\n%s", s.output)
	}
	require.Zero(t, s.process.ProcessState.ExitCode(), "%s", s.output)
	_ = s.leash.Close()
	s.process = nil
	return time.Since(began)
}

func (s *system) url(path string) string { return "http://" + s.ports[0] + path }

// get sends a GET request and returns its status, 0 without an answer.
func (s *system) get(t testing.TB, token, path string) int {
	t.Helper()
	status, _ := s.try(t, http.MethodGet, token, path, "", nil)
	return status
}

// try sends one request. The status is 0 without an answer.
func (s *system) try(t testing.TB, method, token, path, contentType string, body io.Reader) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, s.url(path), body)
	require.NoError(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil
	}
	return resp.StatusCode, data
}

// want sends one request, checks its status and decodes the answer.
func want[T any](t testing.TB, s *system, status int, method, token, path string) T {
	t.Helper()
	got, body := s.try(t, method, token, path, "", nil)
	require.Equal(t, status, got, "%s %s: %s", method, path, body)
	var out T
	require.NoError(t, json.Unmarshal(body, &out), "%s", body)
	return out
}

// trainerCall sends a request to the local trainer's /_local API.
func (s *system) trainerCall(t testing.TB, method, path string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(context.Background(), method, "http://"+s.ports[3]+path, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Less(t, resp.StatusCode, 300, "%s", data)
	if out != nil {
		require.NoError(t, json.Unmarshal(data, out), "%s", data)
	}
}

func (s *system) temporal(t testing.TB) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: s.ports[1], Logger: quiet{}})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// quiet discards the SDK's log.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
