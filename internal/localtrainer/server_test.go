package localtrainer_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer"
)

func TestEveryCallNeedsTheKey(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{Key: key})
	paths := [][2]string{
		{"POST", images},
		{"GET", images + "/requests/x/status"},
		{"GET", images + "/requests/x/status/stream"},
		{"GET", images + "/requests/x"},
		{"PUT", images + "/requests/x/cancel"},
		{"POST", "/storage/upload/initiate"},
		{"POST", "/storage/upload/initiate-multipart"},
		{"POST", "/storage/auth/token"},
		{"GET", "/v1/models/pricing"},
		{"GET", "/v1/models/requests/by-endpoint"},
		{"GET", "/v1/models/requests/search"},
		{"GET", "/v1/models/billing-events"},
		{"GET", "/v1/nothing"},
		{"DELETE", "/v1/models/requests/x/payloads"},
		{"PUT", "/v1/storage/files/acl?url=x"},
	}
	for _, p := range paths {
		for _, given := range []string{"", "Key ", "Key other", "Bearer " + key, key} {
			a := r.do(p[0], p[1], "{}", "Authorization", given)
			require.Equal(t, http.StatusUnauthorized, a.code, "%v with %q", p, given)
			require.NotEmpty(t, a.text("detail"))
		}
		require.NotEqual(t, http.StatusUnauthorized, r.do(p[0], p[1], "{}").code, p)
	}
	require.Equal(t, http.StatusOK, r.do("GET", "/.well-known/jwks.json", nil, "Authorization", "").code)
	require.Empty(t, r.jobs()[1:], "only the one submit with the key was accepted")
}

func TestAnyKeyWhenNoneIsSet(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	require.Equal(t, http.StatusOK, r.do("GET", "/v1/models/pricing", nil, "Authorization", "Key whatever").code)
	require.Equal(t, http.StatusUnauthorized, r.do("GET", "/v1/models/pricing", nil, "Authorization", "").code)
}

func TestOnlyThisMachineIsServed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from   string
		remote bool
		want   int
	}{
		{"192.0.2.7:5555", false, http.StatusForbidden},
		{"192.0.2.7:5555", true, http.StatusOK},
		{"127.0.0.1:5555", false, http.StatusOK},
		{"[::1]:5555", false, http.StatusOK},
		{"", false, http.StatusForbidden},
	} {
		s, err := localtrainer.New(localtrainer.Options{Dir: t.TempDir(), AllowRemote: c.remote})
		require.NoError(t, err)
		for _, path := range []string{"/_local/jobs", "/.well-known/jwks.json"} {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
			req.RemoteAddr = c.from
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, req)
			require.Equal(t, c.want, w.Code, "%s from %q", path, c.from)
		}
	}
}

func TestUnknownPathsAndEndpoints(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	for _, p := range [][2]string{
		{"POST", "/fal-ai/flux-pro"},
		{"POST", "/flux-lora"},
		{"POST", "/"},
		{"POST", images + "/requests/x"},
		{"GET", images},
		{"DELETE", images + "/requests/x"},
		{"GET", "/storage/upload/initiate"},
	} {
		require.Equal(t, http.StatusNotFound, r.do(p[0], p[1], "{}").code, p)
	}
}

func TestNewRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	_, err := localtrainer.New(localtrainer.Options{})
	require.ErrorContains(t, err, "folder")
	_, err = localtrainer.New(localtrainer.Options{Dir: t.TempDir(), PublicURL: "localhost:8900"})
	require.ErrorContains(t, err, "public URL")

	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "jobs"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "jobs", "x.json"), []byte("{"), 0o600))
	_, err = localtrainer.New(localtrainer.Options{Dir: dir})
	require.ErrorContains(t, err, "x.json is damaged")

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = localtrainer.New(localtrainer.Options{Dir: file})
	require.Error(t, err)
}
