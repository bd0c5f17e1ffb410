package upload_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/api/upload"
	"github.com/inflio/persona/internal/persona"
)

func policy() persona.PhotoPolicy {
	p := persona.DefaultPhotoPolicy()
	p.MaxBytes, p.MaxPhotos = 1000, 3
	return p
}

// request is a form of files, all in parts named photos.
func request(t *testing.T, files ...[]byte) *http.Request {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, file := range files {
		part, err := form.CreateFormFile("photos", "1.jpg")
		require.NoError(t, err)
		_, err = part.Write(file)
		require.NoError(t, err)
	}
	require.NoError(t, form.Close())
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return r
}

// A photo comes back as it was sent, and is neither in clear on disk nor left there.
func TestPhotosWaitEncrypted(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	face := bytes.Repeat([]byte("a face "), 100)
	photos, err := upload.NewPhotos(request(t, face, nil, bytes.Repeat([]byte("x"), 5000)), policy())
	require.NoError(t, err)
	for _, want := range [][]byte{face, {}, bytes.Repeat([]byte("x"), 1001)} {
		file, err := photos.Next(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, len(want), file.Size(), "one byte more than allowed shows that a photo is too large")
		for range 2 {
			got, err := file.Bytes()
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		for _, raw := range openFiles(t, dir) {
			require.NotContains(t, string(raw), "face")
			require.Len(t, raw, len(want))
		}
		file.Close()
		require.Empty(t, openFiles(t, dir))
	}
	file, err := photos.Next(t.Context())
	require.NoError(t, err)
	require.Nil(t, file)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// openFiles reads the files of a folder that this process has open, also those without a name.
func openFiles(t *testing.T, dir string) [][]byte {
	t.Helper()
	var found [][]byte
	entries, _ := os.ReadDir("/proc/self/fd") // on Linux; elsewhere a file without a name cannot be read by anybody
	for _, entry := range entries {
		path := "/proc/self/fd/" + entry.Name()
		if target, err := os.Readlink(path); err == nil && len(target) > len(dir) && target[:len(dir)] == dir {
			file, err := os.Open(path)
			require.NoError(t, err)
			raw, err := io.ReadAll(file)
			require.NoError(t, err)
			require.NoError(t, file.Close())
			found = append(found, raw)
		}
	}
	return found
}

func TestPhotosRefuse(t *testing.T) {
	t.Parallel()
	plain := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody)
	_, err := upload.NewPhotos(plain, policy())
	require.Equal(t, persona.CodeUnsupportedMedia, persona.CodeOf(err))
	plain.Header.Set("Content-Type", "multipart/form-data")
	_, err = upload.NewPhotos(plain, policy())
	require.Equal(t, persona.CodeMalformed, persona.CodeOf(err))

	for name, c := range map[string]struct {
		request *http.Request
		files   int
		code    persona.Code
	}{
		"no photo":        {request(t), 0, persona.CodeTooFewPhotos},
		"too many photos": {request(t, nil, nil, nil, nil), 3, persona.CodeTooManyPhotos},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			photos, err := upload.NewPhotos(c.request, policy())
			require.NoError(t, err)
			for range c.files {
				file, err := photos.Next(t.Context())
				require.NoError(t, err)
				file.Close()
			}
			_, err = photos.Next(t.Context())
			require.Equal(t, c.code, persona.CodeOf(err))
		})
	}
}
