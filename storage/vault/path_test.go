package vault_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/storage/vault"
)

// The paths are stored, and the encryption binds each blob to its path. Changing one makes existing blobs unreadable.
func TestPathsNeverChange(t *testing.T) {
	t.Parallel()
	const id = "0b6f3c9e-7d52-4c1e-9a43-5e1f2a9c8d70"
	require.Equal(t, "personas/"+id+"/", vault.Folder(id))
	for want, test := range map[string]struct {
		path string
		kind vault.Kind
	}{
		"photos/p":             {vault.PhotoPath(id, "p"), vault.KindPhoto},
		"prepared/p/3.jpg":     {vault.PreparedPath(id, "p", 3), vault.KindPrepared},
		"measures/p.json":      {vault.MeasuresPath(id, "p"), vault.KindMeasures},
		"samples/v2/k.jpg":     {vault.SamplePath(id, 2, "k"), vault.KindSample},
		"model/v2.safetensors": {vault.ModelPath(id, 2), vault.KindModel},
	} {
		require.Equal(t, vault.Folder(id)+want, test.path)
		kind, name, err := vault.Split(id, test.path)
		require.NoError(t, err)
		require.Equal(t, test.kind, kind)
		require.Equal(t, want, name)
	}
}

func TestSplitRefusesOtherPaths(t *testing.T) {
	t.Parallel()
	id, other := uuid.NewString(), uuid.NewString()
	for _, path := range []string{
		"", "x", "/" + vault.PhotoPath(id, "x"), vault.PhotoPath(other, "x"), vault.Folder(id), vault.Folder(id) + "../" + other + "/photos/x",
		vault.Folder(id) + "photos//x", "personas/" + id,
	} {
		_, _, err := vault.Split(id, path)
		require.ErrorIs(t, err, vault.ErrNotFound, path)
	}
	_, _, err := vault.Split("no uuid", "personas/no uuid/photos/x")
	require.ErrorIs(t, err, vault.ErrNotFound)
}
