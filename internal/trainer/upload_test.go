package trainer_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
)

func file(content string) (trainer.File, *int) {
	opened := new(int)
	return trainer.File{
		Name: "set.zip", ContentType: "application/zip", Size: int64(len(content)),
		Open: func() (io.ReadCloser, error) {
			*opened++
			return io.NopCloser(strings.NewReader(content)), nil
		},
	}, opened
}

// storage is the service's file store; the first failures uploads fail.
func storage(t *testing.T, failures int) *service {
	t.Helper()
	var s *service
	s = serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/storage/upload/initiate"):
			reply(t, w, http.StatusOK, map[string]string{"upload_url": s.URL + "/put/slot?sig=a%2Fb", "file_url": s.URL + "/files/set.zip"})
		case failures > 0:
			failures--
			w.WriteHeader(http.StatusServiceUnavailable)
		case strings.HasSuffix(r.URL.Path, "/complete"):
			reply(t, w, http.StatusOK, map[string]any{})
		case strings.HasSuffix(r.URL.Path, "/2"):
			w.Header().Set("ETag", `"tag2"`) // some stores return it only here
		case r.URL.Path != "/put/slot":
			number := r.URL.Path[len(r.URL.Path)-1:]
			reply(t, w, http.StatusOK, map[string]any{"partNumber": 9, "etag": "tag" + number})
		}
	})
	return s
}

func TestUpload(t *testing.T) {
	t.Parallel()
	s := storage(t, 1)
	f, opened := file("the photos")

	address, err := s.client().Upload(t.Context(), f, 48*time.Hour, nil)

	require.NoError(t, err)
	require.Equal(t, s.URL+"/files/set.zip", address)
	got := s.requests()
	require.Len(t, got, 3, "the failed upload is repeated, the slot is not asked for again")
	require.Equal(t, 2, *opened)
	require.Equal(t, "/storage/upload/initiate", got[0].Path)
	require.Equal(t, "storage_type=fal-cdn-v3", got[0].Query)
	require.JSONEq(t, `{"content_type":"application/zip","file_name":"set.zip"}`, string(got[0].Body))
	require.Equal(t, "Key id:secret", got[0].Header.Get("Authorization"))
	for _, name := range []string{"X-Fal-Object-Lifecycle-Preference", "X-Fal-Object-Lifecycle"} {
		require.JSONEq(t, `{"expiration_duration_seconds":172800}`, got[0].Header.Get(name))
	}
	require.Equal(t, http.MethodPut, got[2].Method)
	require.Equal(t, "sig=a%2Fb", got[2].Query)
	require.Equal(t, "the photos", string(got[2].Body))
	require.Equal(t, int64(10), got[2].Length, "streamed with its length, not in chunks")
	require.Equal(t, "application/zip", got[2].Header.Get("Content-Type"))
	require.NotContains(t, got[2].Header, "Authorization", "the key is not sent to the file store")
}

func TestUploadInParts(t *testing.T) {
	t.Parallel()
	s := storage(t, 1)
	client := s.client()
	client.SetPartSizes(5, 4)
	f, opened := file("the photos")

	address, err := client.Upload(t.Context(), f, time.Hour, nil)

	require.NoError(t, err)
	require.Equal(t, s.URL+"/files/set.zip", address)
	require.Equal(t, 1, *opened, "a part is repeated from memory")
	var paths []string
	var content bytes.Buffer
	for i, r := range s.requests() {
		paths = append(paths, r.Method+" "+r.Path)
		if i > 0 {
			require.Equal(t, "sig=a%2Fb", r.Query)
			require.NotContains(t, r.Header, "Authorization")
		}
		if r.Method == http.MethodPut && i > 1 {
			content.Write(r.Body)
		}
	}
	require.Equal(t, []string{
		"POST /storage/upload/initiate-multipart", "PUT /put/slot/1", "PUT /put/slot/1", "PUT /put/slot/2", "PUT /put/slot/3",
		"POST /put/slot/complete",
	}, paths)
	require.Equal(t, "the photos", content.String())
	require.JSONEq(t, `{"parts":[{"partNumber":1,"etag":"tag1"},{"partNumber":2,"etag":"\"tag2\""},{"partNumber":3,"etag":"tag3"}]}`,
		string(s.requests()[5].Body))
}

func TestUploadReportsTheAddressBeforeItSendsContent(t *testing.T) {
	t.Parallel()
	for name, single := range map[string]int64{"in one piece": 100, "in parts": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storage(t, 1)
			client := s.client()
			client.SetPartSizes(single, 4)
			f, opened := file("the photos")
			var told []string
			address, err := client.Upload(t.Context(), f, time.Hour, func(address string) error {
				told = append(told, address)
				require.Len(t, s.requests(), 1, "only the slot was asked for")
				require.Zero(t, *opened)
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, []string{address}, told, "once, also when the content has to be sent again")
		})
		t.Run(name+", and the address cannot be recorded", func(t *testing.T) {
			t.Parallel()
			s := storage(t, 0)
			client := s.client()
			client.SetPartSizes(single, 4)
			f, opened := file("the photos")
			failure := errors.New("no database")
			address, err := client.Upload(t.Context(), f, time.Hour, func(string) error { return failure })
			require.ErrorIs(t, err, failure)
			require.Empty(t, address)
			require.Len(t, s.requests(), 1)
			require.Zero(t, *opened)
		})
	}
}

func TestUploadFailures(t *testing.T) {
	t.Parallel()
	f, _ := file("the photos")
	t.Run("no slot", func(t *testing.T) {
		t.Parallel()
		_, err := script(t, `401 {"detail":"secret"}`).client().Upload(t.Context(), f, time.Hour, nil)
		require.Equal(t, persona.Unavailable, public(t, err).Kind)
		require.ErrorIs(t, err, trainer.ErrNotPermitted)
	})
	t.Run("a slot without a usable address", func(t *testing.T) {
		t.Parallel()
		_, err := script(t, `200 {"upload_url":"ftp://secret","file_url":"x"}`).client().Upload(t.Context(), f, time.Hour, nil)
		require.Equal(t, persona.Unavailable, public(t, err).Kind)
		requireNoSecrets(t, err)
	})
	t.Run("the store is down", func(t *testing.T) {
		t.Parallel()
		_, err := storage(t, 1000).client().Upload(t.Context(), f, time.Hour, nil)
		require.Equal(t, persona.Unavailable, public(t, err).Kind)
	})
	t.Run("the file cannot be opened", func(t *testing.T) {
		t.Parallel()
		broken, s := f, storage(t, 0)
		broken.Open = func() (io.ReadCloser, error) { return nil, errors.New("no key") }
		_, err := s.client().Upload(t.Context(), broken, time.Hour, nil)
		require.ErrorContains(t, err, "no key")
	})
	t.Run("the file cannot be read", func(t *testing.T) {
		t.Parallel()
		broken, s := f, storage(t, 0)
		failure := errors.New("decryption failed")
		broken.Open = func() (io.ReadCloser, error) { return io.NopCloser(iotest.ErrReader(failure)), nil }
		_, err := s.client().Upload(t.Context(), broken, time.Hour, nil)
		require.ErrorIs(t, err, failure)
	})
	t.Run("no size", func(t *testing.T) {
		t.Parallel()
		_, err := storage(t, 0).client().Upload(t.Context(), trainer.File{}, time.Hour, nil)
		require.Error(t, err)
	})
	t.Run("plain http from a service with https", func(t *testing.T) {
		t.Parallel()
		s := storage(t, 0)
		c := s.config()
		c.RESTURL = "https://rest.example"
		c.HTTP = &http.Client{Transport: rewrite{s.Listener.Addr().String()}}
		_, err := trainer.New(c).Upload(t.Context(), f, time.Hour, nil)
		require.Equal(t, persona.Unavailable, public(t, err).Kind)
		require.Len(t, s.requests(), 1, "photos are not sent unencrypted")
	})
}

// rewrite sends every request to one address over plain HTTP.
type rewrite struct{ host string }

func (r rewrite) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL.Scheme, req.URL.Host = "http", r.host
	return http.DefaultTransport.RoundTrip(req)
}
