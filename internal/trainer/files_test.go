package trainer_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
)

func TestDownload(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		switch {
		case r.URL.Path == "/moved":
			http.Redirect(w, r, "/w", http.StatusFound)
		case n == 0:
			w.WriteHeader(http.StatusBadGateway)
		default:
			_, _ = io.WriteString(w, "weights") // an error means that the client has gone
		}
	})
	for _, path := range []string{"/w?sig=1", "/moved"} {
		body, err := s.client().Download(t.Context(), s.URL+path, 7)
		require.NoError(t, err)
		content, err := io.ReadAll(body)
		require.NoError(t, err)
		require.NoError(t, body.Close())
		require.Equal(t, "weights", string(content))
	}
	for _, r := range s.requests() {
		require.NotContains(t, r.Header, "Authorization")
	}
}

func TestDownloadFailures(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, s *service, limit int64) error {
		t.Helper()
		body, err := s.client().Download(t.Context(), s.URL+"/secret", limit)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, body)
		require.NoError(t, body.Close())
		return err
	}
	long := strings.Repeat("x", 100_000)
	chunked := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush() // hides the length
		_, _ = io.WriteString(w, long)            // cut by the client
	})
	short := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Length", "50")
		_, _ = io.WriteString(w, "x") // fewer bytes than announced
	})
	for _, c := range []struct {
		name string
		s    *service
		kind persona.Kind
	}{
		{"gone", script(t, "404 "), persona.NotFound},
		{"gone for good", script(t, "410 "), persona.NotFound},
		{"forbidden", script(t, "403 "), persona.Unavailable},
		{"bad request", script(t, "400 "), persona.Unavailable},
		{"no content", script(t, "204 "), persona.Unavailable},
		{"announced too large", script(t, "200 "+long), persona.Refused},
		{"too large", chunked, persona.Refused},
		{"cut short", short, persona.Unavailable},
		{"down", script(t, "503 "), persona.Unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := read(t, c.s, 1000)
			require.Equal(t, c.kind, public(t, err).Kind)
			require.Equal(t, c.kind == persona.NotFound, errors.Is(err, trainer.ErrGone))
			require.NotErrorIs(t, err, trainer.ErrNotPermitted, "file servers are not sent the key")
			requireNoSecrets(t, err)
		})
	}
	t.Run("404 several times, then the file", func(t *testing.T) {
		t.Parallel()
		s := script(t, "404 ", "404 ", "410 ", "200 weights")
		require.NoError(t, read(t, s, 1000))
		require.Len(t, s.requests(), 4)
	})
	t.Run("other schemes", func(t *testing.T) {
		t.Parallel()
		client := trainer.New(trainer.Config{})
		for _, address := range []string{"file:///etc/passwd", "http://f.example/w", "https://user:pw@f.example/w", "", "://"} {
			_, err := client.Download(t.Context(), address, 10)
			require.Equal(t, persona.Refused, public(t, err).Kind)
		}
	})
	t.Run("ended context", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := short.client().Download(ctx, short.URL, 10)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestErasePayload(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reply string
		ok    bool
	}{
		{`200 {"cdn_delete_results":[{"link":"https://secret","exception":null}]}`, true},
		{`200 {"cdn_delete_results":[]}`, true},
		{`204 `, true},
		{`404 {"error":{"type":"not_found"}}`, true},
		{`404 <html>`, false},
		{`404 {"detail":"Not Found"}`, false},
		{`200 {"cdn_delete_results":[{"link":"x","exception":"File not found"}]}`, true},
		{`200 {"cdn_delete_results":[{"link":"x","exception":null},{"link":"y","exception":"timed out at https://secret"}]}`, false},
		{`200 <html>`, false},
		{`403 {"error":{"type":"authorization_error"}}`, false},
	} {
		t.Run(c.reply, func(t *testing.T) {
			t.Parallel()
			s := script(t, "500 ", c.reply)
			err := s.client().ErasePayload(t.Context(), "r1")
			require.Equal(t, c.ok, err == nil, "%v", err)
			if err != nil {
				requireNoSecrets(t, err)
			}
			require.GreaterOrEqual(t, len(s.requests()), 2, "it is safe to repeat")
			got := s.requests()[1]
			require.Equal(t, "DELETE /v1/models/requests/r1/payloads", got.Method+" "+got.Path)
			require.NotContains(t, got.Header, "Idempotency-Key")
			require.Equal(t, "Key id:secret", got.Header.Get("Authorization"))
		})
	}
}

func TestHideFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reply string
		ok    bool
	}{
		{"200 {}", true},
		{"204 ", true},
		{`404 {"error":{"type":"not_found"}}`, true},
		{`410 {"error":{"type":"not_found"}}`, true},
		{"404 {}", false},
		{"404 <html>", false},
		{"200 <html>", false},
		{"401 {}", false},
		{"503 {}", false},
	} {
		t.Run(c.reply, func(t *testing.T) {
			t.Parallel()
			s := script(t, c.reply)
			err := s.client().HideFile(t.Context(), "https://v3b.fal.media/files/b/a/set.zip?x=1&y=2")
			require.Equal(t, c.ok, err == nil, "%v", err)
			got := s.requests()[0]
			require.Equal(t, "PUT /v1/storage/files/acl", got.Method+" "+got.Path)
			require.Equal(t, "url=https%3A%2F%2Fv3b.fal.media%2Ffiles%2Fb%2Fa%2Fset.zip%3Fx%3D1%26y%3D2", got.Query)
			require.JSONEq(t, `{"default":"hide","rules":[]}`, string(got.Body))
		})
	}
}
