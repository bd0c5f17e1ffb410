package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// runAsDev, in the environment, makes this test binary run as cmd/dev: the tests start and kill the real program.
const runAsDev = "PERSONA_TEST_RUN_AS_DEV"

func TestMain(m *testing.M) {
	if os.Getenv(runAsDev) != "" {
		go func() { // the system ends with the test process, also when that is killed
			_, _ = io.Copy(io.Discard, os.NewFile(3, "leash"))
			os.Exit(exitFailed)
		}()
		resolveNothing()
		main()
		return
	}
	flag.Parse()
	if err := selectRecorded(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUsage)
	}
	code := m.Run()
	common.stop()
	os.Exit(code)
}

// resolveNothing makes every name server silent: a test must not reach other machines, and a photo's host that has no
// address yet is one that a test can wait at.
func resolveNothing() {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
}

// common is the system of the tests that do not disturb each other.
var common sharedSystem

type sharedSystem struct {
	once   sync.Once
	system *system
	dir    string
}

// shared returns the common system, started at the first call and stopped after the last test.
func shared(t *testing.T) *system {
	t.Helper()
	common.once.Do(func() {
		dir, err := os.MkdirTemp("", "persona-dev-test-") //nolint:usetesting // the first caller's own folder would be removed while other tests still use it
		require.NoError(t, err)
		common.dir = dir
		common.system = newSystem(t, dir, 0)
		common.system.start(t)
	})
	require.NotNil(t, common.system, "the shared system did not start")
	return common.system
}

func (c *sharedSystem) stop() {
	if c.system != nil {
		c.system.kill()
		_ = os.RemoveAll(c.dir)
	}
}

func pathOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.Path
}
