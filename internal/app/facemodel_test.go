package app_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/app"
	"github.com/inflio/persona/internal/onnx/onnxtest"
)

// A wrong file is refused before anything is opened, and a good one lets the start go on: to the database, which is not
// there.
func TestTheFaceModelIsTriedAtTheStart(t *testing.T) {
	dir := t.TempDir()
	good, broken := filepath.Join(dir, "good.onnx"), filepath.Join(dir, "broken.onnx")
	require.NoError(t, os.WriteFile(good, onnxtest.Colours(32).Bytes(), 0o600))
	require.NoError(t, os.WriteFile(broken, []byte("no network"), 0o600))
	for path, want := range map[string]string{
		filepath.Join(dir, "missing.onnx"): "PERSONA_FACE_MODEL: there is no such file",
		broken:                             "PERSONA_FACE_MODEL: the file cannot be used: it is not an ONNX file, or only a part of one",
		good:                               "PERSONA_DATABASE_URL: ",
	} {
		environment := complete()
		environment["PERSONA_FACE_MODEL"] = path
		environment["PERSONA_DATABASE_URL"] = "postgres://persona_app@127.0.0.1:1/persona"
		environment["PERSONA_KEY_URL"] = "base64key://AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
		config, err := load(t, environment)
		require.NoError(t, err)
		config.Roles = []app.Role{app.RoleWorker}
		_, err = app.New(t.Context(), config, slog.New(slog.DiscardHandler))
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), dir)
	}
}
