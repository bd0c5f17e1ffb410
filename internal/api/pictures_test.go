package api_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/storage/audit"
)

func TestPictures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settled()

	rec := w.serve(ada, http.MethodGet, w.fill("/api/personas/{persona}/photos/{photo}"), "", http.NoBody)
	require.Equal(t, http.StatusOK, rec.Code)
	require.Equal(t, jpegOf(0), rec.Body.Bytes())
	require.Equal(t, "image/jpeg", rec.Header().Get("Content-Type"))
	require.Equal(t, "private, no-store", rec.Header().Get("Cache-Control"))
	require.Equal(t, "nosniff", rec.Header().Get("X-Content-Type-Options"))

	rec = w.serve(ada, http.MethodGet, w.fill("/api/personas/{persona}/versions/1/samples/p0s0"), "", http.NoBody)
	require.Equal(t, http.StatusOK, rec.Code)
	require.Equal(t, jpegOf(77), rec.Body.Bytes())
	require.Equal(t, "private, no-store", rec.Header().Get("Cache-Control"))

	entries, err := w.store.AuditLog(t.Context(), userID(ada), 10, 0)
	require.NoError(t, err)
	require.Equal(t, []audit.Action{audit.SampleRead, audit.PhotoRead}, []audit.Action{entries[0].Action, entries[1].Action}, "every look is noted, the newest first")

	inOrder(t, w, []scenario{
		{name: "a photo that is not there", user: ada, method: http.MethodGet, path: "/api/personas/{persona}/photos/" + stranger, status: 404, want: []string{`"code":"not_found"`}},
		{name: "a photo id that is none", user: ada, method: http.MethodGet, path: "/api/personas/{persona}/photos/..%2fx", status: 404},
		{name: "a sample that is not there", user: ada, method: http.MethodGet, path: "/api/personas/{persona}/versions/1/samples/nothing", status: 404},
		{name: "a version that is not there", user: ada, method: http.MethodGet, path: "/api/personas/{persona}/versions/2/samples/p0s0", status: 404},
		{name: "a version that is no number", user: ada, method: http.MethodGet, path: "/api/personas/{persona}/versions/x/samples/p0s0", status: 404},
		{name: "no token", method: http.MethodGet, path: "/api/personas/{persona}/photos/{photo}", status: 401},
	})
}

// A blob that somebody changed must never come out as half a picture with status 200.
func TestDamagedPictureIsAProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settled()
	require.NoError(t, filepath.WalkDir(filepath.Join(w.bed.BucketDir), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		data[len(data)/2] ^= 1
		return os.WriteFile(path, data, 0o600)
	}))
	rec := w.serve(ada, http.MethodGet, w.fill("/api/personas/{persona}/photos/{photo}"), "", http.NoBody)
	require.Equal(t, http.StatusInternalServerError, rec.Code)
	require.Contains(t, rec.Body.String(), `"code":"internal"`)
	require.NotContains(t, rec.Body.String(), "decrypt")
}
