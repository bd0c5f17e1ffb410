package localtrainer_test

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer"
)

func TestUploadOfTheJavaScriptClient(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	a := r.do("POST", "/storage/upload/initiate?storage_type=fal-cdn-v3",
		map[string]string{"content_type": "application/zip", "file_name": "../set of photos.zip"})
	file := a.text("file_url")
	require.Regexp(t, `^`+r.url+`/files/b/[a-z2-7]{32}/set_of_photos\.zip$`, file)
	require.Equal(t, http.StatusNotFound, r.do("GET", file, nil).code, "nothing was uploaded yet")

	for range 2 { // a lost reply makes clients send the bytes again
		put := r.do("PUT", a.text("upload_url"), "PK bytes", "Authorization", "")
		require.Equal(t, http.StatusOK, put.code)
	}
	got := r.do("GET", file, nil, "Authorization", "")
	require.Equal(t, "PK bytes", string(got.raw))
	require.Equal(t, "application/zip", got.header.Get("Content-Type"))
	require.Equal(t, "yte", string(r.do("GET", file, nil, "Range", "bytes=4-6").raw))
	require.Equal(t, http.StatusNotFound, r.do("GET", file+"x", nil).code)

	plain, _, _ := strings.Cut(a.text("upload_url"), "?")
	require.Equal(t, http.StatusForbidden, r.do("PUT", plain, "other").code)
	require.Equal(t, http.StatusForbidden, r.do("PUT", plain+"?signature=guess", "other").code)
	require.Equal(t, http.StatusNotFound, r.do("PUT", strings.Replace(plain, "bytes/", "bytes/aaaa", 1), "other").code)
	r.clock.advance(2 * time.Hour)
	require.Equal(t, http.StatusForbidden, r.do("PUT", a.text("upload_url"), "other").code, "the URL has run out")
	require.Equal(t, "PK bytes", string(r.do("GET", file, nil).raw))
	require.Equal(t, http.StatusUnprocessableEntity, r.do("POST", "/storage/upload/initiate", "no json").code)
}

func TestMultipartUpload(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	a := r.do("POST", "/storage/upload/initiate-multipart?storage_type=fal-cdn-v3",
		map[string]string{"content_type": "application/zip", "file_name": "x.zip"})
	u, err := url.Parse(a.text("upload_url"))
	require.NoError(t, err)
	at := func(end string) string { return r.url + u.Path + "/" + end + "?" + u.RawQuery }

	require.Equal(t, http.StatusForbidden, r.do("PUT", r.url+u.Path+"/1", "one").code, "the query is the credential")
	require.Equal(t, http.StatusBadRequest, r.do("PUT", at("0"), "none").code)
	require.Equal(t, http.StatusBadRequest, r.do("PUT", at("10001"), "none").code)
	type part struct {
		Number int    `json:"partNumber"`
		ETag   string `json:"etag"`
	}
	put := func(number, body string) part {
		p := r.do("PUT", at(number), body)
		require.Equal(t, http.StatusOK, p.code)
		return part{int(p.body["partNumber"].(float64)), p.text("etag")}
	}
	wrong := put("2", "wrong")
	one, two := put("1", "first,"), put("2", "second")
	complete := func(parts ...part) answer { return r.do("POST", at("complete"), map[string]any{"parts": parts}) }
	require.Equal(t, http.StatusBadRequest, complete().code)
	require.Equal(t, http.StatusBadRequest, complete(one, wrong).code, "a part that was replaced since")
	require.Equal(t, http.StatusBadRequest, complete(two, one).code, "out of order")
	require.Equal(t, http.StatusBadRequest, complete(one, two, part{3, `"x"`}).code, "a part that was never sent")
	require.Equal(t, http.StatusNotFound, r.do("GET", a.text("file_url"), nil).code)

	require.Equal(t, http.StatusOK, complete(one, two).code)
	require.Equal(t, "first,second", string(r.do("GET", a.text("file_url"), nil).raw))
	require.Equal(t, http.StatusOK, complete(one, two).code, "asked for again after a lost reply")
	left, err := filepath.Glob(filepath.Join(r.dir, "files", "*", "part-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestUploadOfThePythonClient(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	grant := r.do("POST", "/storage/auth/token?storage_type=fal-cdn-v3", "{}")
	require.Equal(t, "Bearer", grant.text("token_type"))
	require.Equal(t, r.url, grant.text("base_url"))
	expires, err := time.Parse(time.RFC3339, grant.text("expires_at"))
	require.NoError(t, err)
	require.True(t, expires.After(time.Now()))

	send := func(token string) answer {
		return r.do("POST", grant.text("base_url")+"/files/upload", "bytes", "Authorization", "Bearer "+token,
			"Content-Type", "image/png", "X-Fal-File-Name", "a.png")
	}
	up := send(grant.text("token"))
	require.Equal(t, http.StatusOK, up.code)
	got := r.do("GET", up.text("access_url"), nil)
	require.Equal(t, "bytes", string(got.raw))
	require.Equal(t, "image/png", got.header.Get("Content-Type"))
	require.Equal(t, http.StatusUnauthorized, send("guess").code)
	r.clock.advance(2 * time.Hour)
	require.Equal(t, http.StatusUnauthorized, send(grant.text("token")).code)
}

func TestFilesExpire(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	for _, header := range []string{"X-Fal-Object-Lifecycle-Preference", "X-Fal-Object-Lifecycle"} {
		file := r.upload("x.bin", "", []byte("bytes"), header, `{"expiration_duration_seconds":60}`)
		require.Equal(t, http.StatusOK, r.do("GET", file, nil).code)
		r.clock.advance(61 * time.Second)
		require.Equal(t, http.StatusNotFound, r.do("GET", file, nil).code)
	}
	kept := r.upload("x.bin", "", []byte("bytes"), "X-Fal-Object-Lifecycle", "not json")
	r.clock.advance(1000 * time.Hour)
	require.Equal(t, http.StatusOK, r.do("GET", kept, nil).code, "files live for ever unless the client says so")
	require.Len(t, foldersOf(t, r.dir), 1, "what has expired is gone from the disk")
}

func foldersOf(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "files"))
	require.NoError(t, err)
	return entries
}

func TestAbandonedAndExpiredFilesAreSweptAtTheStart(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	r.do("POST", "/storage/upload/initiate", "{}")
	r.upload("x", "", []byte("bytes"), "X-Fal-Object-Lifecycle", `{"expiration_duration_seconds":1}`)
	kept := r.upload("kept", "", []byte("bytes"))
	require.NoError(t, os.Mkdir(filepath.Join(r.dir, "files", strings.Repeat("a", 32)), 0o700), "cut off by a crash")
	r.stop()

	later, err := localtrainer.New(localtrainer.Options{
		Dir: r.dir, Now: func() time.Time { return time.Now().Add(2 * time.Hour) },
	})
	require.NoError(t, err)
	require.Len(t, foldersOf(t, r.dir), 4)
	ctx, cancel := contextOf(t)
	go func() { _ = later.Run(ctx) }()
	require.Eventually(t, func() bool { return len(foldersOf(t, r.dir)) == 1 }, waitLimit, time.Millisecond)
	cancel()
	u, err := url.Parse(kept)
	require.NoError(t, err)
	require.Equal(t, strings.Split(u.Path, "/")[3], foldersOf(t, r.dir)[0].Name())
}

func TestHiddenFilesAreGone(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	secret := []byte("the bytes of a face")
	file := r.upload("face.jpg", "image/jpeg", secret)
	acl := func(address, rule string) answer {
		return r.do("PUT", "/v1/storage/files/acl?url="+url.QueryEscape(address), map[string]any{"default": rule, "rules": []any{}})
	}
	require.Equal(t, http.StatusOK, acl(file, "forbid").code)
	require.Equal(t, http.StatusForbidden, r.do("GET", file, nil).code)
	require.Equal(t, http.StatusOK, acl(file, "allow").code)
	require.Equal(t, http.StatusOK, r.do("GET", file, nil).code)
	require.Equal(t, http.StatusBadRequest, acl(file, "perhaps").code)
	require.True(t, onDisk(t, r.dir, secret))

	require.Equal(t, http.StatusOK, acl(file, "hide").code)
	require.Equal(t, http.StatusNotFound, r.do("GET", file, nil).code)
	require.False(t, onDisk(t, r.dir, secret))
	gone := acl(file, "hide")
	require.Equal(t, http.StatusNotFound, gone.code)
	require.NotEmpty(t, gone.body["error"].(map[string]any)["message"])
	require.Equal(t, http.StatusNotFound, acl("https://example.com/x.jpg", "hide").code)
	require.Equal(t, http.StatusNotFound, acl(r.url+"/files/b/../../account.json", "hide").code)
}

// onDisk reports whether a file in dir contains what.
func onDisk(t *testing.T, dir string, what []byte) bool {
	t.Helper()
	found := false
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		found = found || bytes.Contains(data, what) || strings.Contains(path, string(what))
		return err
	}))
	return found
}
