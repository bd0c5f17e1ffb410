package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
)

func TestSecretsAreMadeOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made, err := loadSecrets(dir)
	require.NoError(t, err)
	_, err = persona.ParseIDKey(made.IDKey)
	require.NoError(t, err)
	again, err := loadSecrets(dir)
	require.NoError(t, err)
	require.Equal(t, made, again, "the next start finds the same users and the same keys")
}

// A data folder from before there was a key of user ids gets one, once, and keeps everything else.
func TestSecretsOfAnOlderFolder(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{"with a line end": "\n", "without one": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			older := "PERSONA_KEY_URL=base64key://x=\nPERSONA_APP_PASSWORD=p\nFAL_KEY=local:f" + end
			require.NoError(t, os.WriteFile(filepath.Join(dir, secretsName), []byte(older), 0o600))
			found, err := loadSecrets(dir)
			require.NoError(t, err)
			require.Equal(t, []string{"base64key://x=", "p", "local:f"}, []string{found.KeyURL, found.AppPassword, found.FalKey})
			_, err = persona.ParseIDKey(found.IDKey)
			require.NoError(t, err)
			again, err := loadSecrets(dir)
			require.NoError(t, err)
			require.Equal(t, found, again)
		})
	}
}
