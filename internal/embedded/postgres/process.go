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

// child is a program that ends with this process.
type child struct {
	cmd   *exec.Cmd
	done  chan struct{}
	mu    sync.Mutex
	lines []string // the last lines it wrote
}

// keptLines is how much of a child's talk is kept for the sentence that tells why it failed.
const keptLines = 40

// startChild runs a program under user (nil: our own). Its output goes to log.
func startChild(user *account, log *slog.Logger, program string, args ...string) (*child, error) {
	cmd := exec.Command(program, args...) //nolint:noctx // it outlives the context of the start
	// The working folder may be closed to the unprivileged user; and nothing of our environment (PGDATA, PGPORT …)
	// may change what the programs do.
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
		// The death signal fires when the thread that made the child ends, so this thread must live as long as it.
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
		// Grandchildren may hold the pipe a little longer; what the child itself said has been written by now.
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

// kill ends the child at once and waits for it.
func (c *child) kill() {
	quit(c.cmd.Process)
	select {
	case <-c.done:
	case <-time.After(2 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// said reports whether the child wrote any of the texts.
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

// reason is what the child gave as the cause of its end: its last fatal line, else its last line.
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
	return "it ended without a word"
}

func isFatal(line string) bool {
	// Connections that end because the server does are no news to whoever ended it.
	if strings.Contains(line, "terminating connection due to administrator command") {
		return false
	}
	return strings.Contains(line, "FATAL: ") || strings.Contains(line, "PANIC: ")
}
