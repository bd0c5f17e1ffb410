//go:build unix

package folder_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/embedded/folder"
)

// A child process has copies of our files until it runs its program.
func TestUnlockWhileAChildStarts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	held, err := folder.Lock(path)
	require.NoError(t, err)
	inherited, err := syscall.Dup(int(held.Fd()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Close(inherited)) })
	require.NoError(t, folder.Unlock(held))
	again, err := folder.Lock(path)
	require.NoError(t, err)
	require.NoError(t, folder.Unlock(again))
}
