package main

import (
	"io"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// runAsDev makes this test binary be cmd/dev itself: what the tests start and kill is the program that people run.
const runAsDev = "PERSONA_TEST_RUN_AS_DEV"

func TestMain(m *testing.M) {
	if os.Getenv(runAsDev) != "" {
		go func() { // a test process that is killed takes its systems with it
			_, _ = io.Copy(io.Discard, os.NewFile(3, "leash"))
			os.Exit(exitFailed)
		}()
		main()
		return
	}
	code := m.Run()
	common.stop()
	os.Exit(code)
}

// common is the one system that tests share which disturb nobody.
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
	require.NotNil(t, common.system, "the common system did not start")
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
