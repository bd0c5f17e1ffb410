//go:build unix

package folder_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/embedded/folder"
)

// A child has our files from its birth until it runs its own program.
func TestUnlockWhileAChildIsBorn(t *testing.T) {
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
