package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/api"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// The answers of the other tests are written by hand; this one makes sure that the real API still gives such.
func TestCommandsAgainstTheRealAPI(t *testing.T) {
	t.Parallel()
	const secret = "a secret for tests that is long enough"
	idKey := persona.IDKey(bytes.Repeat([]byte{7}, persona.IDKeyBytes))
	store := storagetest.New(t)
	auth, err := api.NewSecretAuth(secret, api.AuthOptions{IDKey: idKey})
	require.NoError(t, err)
	policy := persona.DefaultPhotoPolicy()
	policy.MinBytes, policy.MinSide = 1, 8
	handler, err := api.New(api.Options{Store: store, Judge: photo.NewJudge(policy, nil), Auth: auth})
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	token, err := api.SignToken(secret, api.AuthOptions{}, "ada", time.Hour)
	require.NoError(t, err)

	command := func(args ...string) (int, string, string) {
		var out, said bytes.Buffer
		term := &terminal{out: &out, err: &said, http: newHTTPClient()}
		code := run(t.Context(), append([]string{"--url", server.URL, "--auth-token", token}, args...), term)
		return code, out.String(), said.String()
	}
	files := map[string][]byte{"0.jpg": []byte("no photo")}
	for _, name := range []string{"1.jpg", "2.jpg", "3.jpg", "4.jpg", "5.jpg"} {
		files[name] = smallJPEG()
	}
	code, _, said := command("train", folder(t, files), "--name", "Ada", "--i-consent")
	require.Equal(t, exitFailed, code)
	require.Contains(t, said, "1 of the 6 photos cannot be used.")
	require.Contains(t, said, "  0.jpg: The file is not a JPEG or PNG picture.")

	delete(files, "0.jpg")
	code, out, said := command("train", folder(t, files), "--name", "Ada", "--i-consent")
	require.Equal(t, exitOK, code, said)
	id := strings.TrimSpace(out)
	require.True(t, persona.IsID(id))
	require.Contains(t, said, "basic tier, about 15 minutes, $5.")

	code, out, said = command("status", "--once", id)
	require.Equal(t, exitOK, code, said)
	require.Equal(t, "  0 %  collecting the photos, about 15 minutes left\n", out)

	user := idKey.UserID("", "ada")
	require.NoError(t, store.Activate(t.Context(), user, id, 1, storage.Model{Ref: "personas/" + id + "/model/1", SHA256: strings.Repeat("0", 64), Bytes: 1}))
	code, out, said = command("status", id)
	require.Equal(t, exitOK, code, said)
	require.Equal(t, "100 %  done\nPersona "+id+" is ready.\n", out)

	code, out, said = command("list")
	require.Equal(t, exitOK, code, said)
	require.Contains(t, out, id+"  Ada   ready")

	code, _, said = command("cancel", id)
	require.Equal(t, exitFailed, code)
	require.Contains(t, said, "No training is running for this persona")

	code, out, said = command("delete", "--no-wait", id)
	require.Equal(t, exitOK, code, said)
	erasure := strings.TrimSpace(out)
	require.NoError(t, store.CompleteErasure(t.Context(), erasure, json.RawMessage(`{"photos":5}`)))
	code, out, said = command("delete", id, "--every", "1ms")
	require.Equal(t, exitOK, code, said)
	require.JSONEq(t, `{"photos":5}`, out)
}
