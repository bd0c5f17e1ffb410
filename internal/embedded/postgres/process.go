package postgres

import (
	"bufio"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// child is a running program that ends with this process.
type child struct {
	cmd   *exec.Cmd
	done  chan struct{}
	mu    sync.Mutex
	lines []string // the last lines it wrote
}

// keptLines is the number of output lines of a child that are kept to explain a failure.
const keptLines = 40

// startChild runs a program as user; nil is our own user. Its output goes to log.
func startChild(user *account, log *slog.Logger, program string, args ...string) (*child, error) {
	cmd := exec.Command(program, args...) //nolint:noctx // it outlives the context of the start
	// The unprivileged user may be unable to reach our working folder. Variables such as PGDATA and PGPORT would change
	// what the programs do, so the environment is not passed on.
	cmd.Dir = string(os.PathSeparator)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = childAttributes(user)

	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = w, w
	c := &child{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel sends the death signal when the thread that started the child ends, so this thread must live as long
		// as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_ = w.Close()
		if err != nil {
			_ = r.Close()
			started <- err
			return
		}
		read := make(chan struct{})
		go func() { c.read(r, log); close(read) }()
		started <- nil
		_ = cmd.Wait()
		// The child's own processes may keep the pipe open longer. The child's output is in it by now.
		_ = r.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		<-read
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

func (c *child) read(r *os.File, log *slog.Logger) {
	defer func() { _ = r.Close() }()
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimSpace(line); line != "" {
			c.mu.Lock()
			c.lines = append(c.lines, line)
			if len(c.lines) > keptLines {
				c.lines = c.lines[1:]
			}
			c.mu.Unlock()
			if isFatal(line) {
				log.Warn("postgres", "message", line)
			} else {
				log.Debug("postgres", "message", line)
			}
		}
		if err != nil {
			_, _ = io.Copy(io.Discard, r)
			return
		}
	}
}

// kill ends the child without a clean shutdown and waits for it.
func (c *child) kill() {
	quit(c.cmd.Process)
	select {
	case <-c.done:
	case <-time.After(2 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// said reports whether the kept output contains one of the texts.
func (c *child) said(texts ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range c.lines {
		for _, text := range texts {
			if strings.Contains(line, text) {
				return true
			}
		}
	}
	return false
}

// reason returns the last fatal line of the output, or else its last line.
func (c *child) reason() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range slices.Backward(c.lines) {
		if isFatal(line) {
			_, text, _ := strings.Cut(line, ":  ")
			return text
		}
	}
	if n := len(c.lines); n > 0 {
		return c.lines[n-1]
	}
	return "it ended without any output"
}

func isFatal(line string) bool {
	// Every connection logs this when the server is stopped.
	if strings.Contains(line, "terminating connection due to administrator command") {
		return false
	}
	return strings.Contains(line, "FATAL: ") || strings.Contains(line, "PANIC: ")
}
