package folder_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/embedded/folder"
)

func TestMake(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	require.NoError(t, os.Chmod(parent, 0o750))
	dir, err := folder.Make(filepath.Join(parent, "a", "b"))
	require.NoError(t, err)
	require.True(t, filepath.IsAbs(dir))
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o066, "nobody else may look around")
	info, err = os.Stat(parent)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o750), info.Mode().Perm())

	file := filepath.Join(parent, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = folder.Make(file)
	require.Error(t, err)
}

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	held, err := folder.Lock(path)
	require.NoError(t, err)
	_, err = folder.Lock(path)
	require.ErrorIs(t, err, folder.ErrLocked)
	require.ErrorContains(t, err, fmt.Sprintf("process %d", os.Getpid()))
	require.NoError(t, folder.Unlock(held))
	again, err := folder.Lock(path)
	require.NoError(t, err)
	require.NoError(t, folder.Unlock(again))
}

func TestWriteFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, folder.WriteFile(path, []byte("one")))
	require.NoError(t, folder.WriteFile(path, []byte("two")))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "two", string(content))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
