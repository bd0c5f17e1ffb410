package api_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/api"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/storage"
)

// streamed is an upload of photos that are made while they are sent, so that the client needs no memory for them.
func streamed(tb testing.TB, url, user string, photos, size int) *http.Request {
	tb.Helper()
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	head := jpegOf(1)
	go func() {
		_ = w.CloseWithError(func() error {
			if err := form.WriteField("name", "Ada"); err != nil {
				return err
			}
			if err := form.WriteField("consent", fullConsent); err != nil {
				return err
			}
			for i := range photos {
				part, err := form.CreateFormFile("photos", fmt.Sprintf("%d.jpg", i))
				if err == nil {
					err = paddedJPEG(part, head, size, byte(i))
				}
				if err != nil {
					return err
				}
			}
			return form.Close()
		}())
	}()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, url+trainPath, r)
	require.NoError(tb, err)
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Authorization", "Bearer "+token(tb, user))
	return req
}

// paddedJPEG writes a picture with comments in front of its content until it weighs size bytes.
func paddedJPEG(w io.Writer, picture []byte, size int, mark byte) error {
	const most = 65_000
	comment := append([]byte{0xff, 0xfe, byte((most + 2) >> 8), byte((most + 2) & 0xff)}, bytes.Repeat([]byte{mark}, most)...)
	if _, err := w.Write(picture[:2]); err != nil {
		return err
	}
	for written := len(picture); written+len(comment) <= size; written += len(comment) {
		if _, err := w.Write(comment); err != nil {
			return err
		}
	}
	_, err := w.Write(picture[2:])
	return err
}

// watchHeap reports the most memory that the Go heap held above where it stood, until stop is called.
func watchHeap() (stop func() int64) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	held := func() int64 {
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64() + sample[1].Value.Uint64())
	}
	runtime.GC()
	debug.FreeOSMemory()
	start, most := held(), int64(0)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most = max(most, held()-start)
			case <-done:
				return
			}
		}
	})
	return func() int64 {
		close(done)
		wg.Wait()
		return most
	}
}

// BenchmarkUpload sends twenty photos of 10 MB and reports how much the heap grew: the promise is less than 64 MB.
func BenchmarkUpload(b *testing.B) {
	const photos, size = 20, 10 << 20
	server := realServer(b, persona.DefaultPhotoPolicy(), 64, 48)
	b.SetBytes(photos * size)
	var most int64
	for b.Loop() {
		stop := watchHeap()
		resp, err := server.Client().Do(streamed(b, server.URL, ada, photos, size))
		require.NoError(b, err)
		require.Equal(b, http.StatusAccepted, resp.StatusCode)
		require.NoError(b, resp.Body.Close())
		most = max(most, stop())
	}
	b.ReportMetric(float64(most)/(1<<20), "heap-MB")
}

// Not parallel: the heap belongs to the whole process.
func TestUploadNeedsLittleMemory(t *testing.T) {
	const photos, size = 20, 10 << 20
	server := realServer(t, persona.DefaultPhotoPolicy(), 64, 48)
	stop := watchHeap()
	resp, err := server.Client().Do(streamed(t, server.URL, ada, photos, size))
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	grown := stop()
	require.Equal(t, http.StatusAccepted, resp.StatusCode, string(body))
	require.Less(t, grown, int64(64<<20))
	t.Logf("200 MB of photos raised the heap by %.1f MB", float64(grown)/(1<<20))
}

// realServer listens on a port and takes pictures of at least the given size.
func realServer(tb testing.TB, policy persona.PhotoPolicy, sides ...int) *httptest.Server {
	tb.Helper()
	policy.MinSide = min(sides[0], sides[1])
	store := newStore(tb)
	auth, err := api.NewSecretAuth(secret, authOptions())
	require.NoError(tb, err)
	handler, err := api.New(api.Options{Store: store, Judge: photo.NewJudge(policy, nil), Auth: auth})
	require.NoError(tb, err)
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return server
}

func TestTooMuchIsAnsweredAndNotReadToTheEnd(t *testing.T) {
	t.Parallel()
	policy := smallPolicy()
	server := realServer(t, policy, 32, 32)
	send := func(photos, size int) (int, string) {
		resp, err := server.Client().Do(streamed(t, server.URL, ada, photos, size))
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body)
	}
	status, body := send(6, 1<<20)
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Equal(t, 6, strings.Count(body, "file_too_large"), "each photo that is too large is named: %s", body)
	require.Contains(t, body, "1.0 MB", "also its true size")

	status, body = send(41, 60_000)
	require.Equal(t, http.StatusUnprocessableEntity, status)
	require.Contains(t, body, "there are 41")
}

// What is far too large is not read to its end, and the connection is given up, but the answer says what is wrong.
func TestFarTooMuchIsCutOff(t *testing.T) {
	t.Parallel()
	policy := persona.DefaultPhotoPolicy()
	w := newWorld(t, func(o *api.Options) { o.Judge = photo.NewJudge(policy, nil) })
	r := streamed(t, "", ada, 1, 200<<20)
	counted := &countingBody{ReadCloser: r.Body}
	r.Body = counted
	rec := w.do(r)
	require.Equal(t, http.StatusUnprocessableEntity, rec.Code, rec.Body.String())
	require.Contains(t, rec.Body.String(), "The file is too large (more than 10 MB)")
	require.NotContains(t, rec.Body.String(), "damaged", "it is not the photo's fault that it was cut off")
	require.NotContains(t, rec.Body.String(), "too_few_photos", "what was not read cannot be called missing")
	require.Equal(t, "close", rec.Header().Get("Connection"))
	require.Less(t, counted.n, int64(80<<20))
	require.NoError(t, r.Body.Close())
}

type countingBody struct {
	io.ReadCloser
	n int64
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	return n, err
}

// A client that goes away in the middle leaves nothing behind.
func TestBrokenUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.inventory()
	served := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		defer close(served)
		w.handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)

	media, body := goodForm(6).finish()
	raw, err := io.ReadAll(body)
	require.NoError(t, err)
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		trainPath, token(t, ada), media, len(raw), raw[:len(raw)-3000])
	require.NoError(t, err)
	require.NoError(t, conn.Close())

	select {
	case <-served:
	case <-time.After(20 * time.Second):
		t.Fatal("the handler did not end")
	}
	require.Equal(t, before, w.inventory())
}

// A file store that fails during an upload, for example because its disk is full, is answered with 503.
func TestStorageFaultDuringUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.bed.Bucket.Close())
	media, body := goodForm(5).finish()
	rec := w.serve(ada, http.MethodPost, trainPath, media, body)
	require.Equal(t, http.StatusServiceUnavailable, rec.Code, rec.Body.String())
	require.Contains(t, rec.Body.String(), `"code":"unavailable"`)
	require.NotEmpty(t, rec.Header().Get("Retry-After"))
	require.NotContains(t, rec.Body.String(), "blob:")
	rec = w.serve("", http.MethodGet, "/readyz", "", http.NoBody)
	require.Equal(t, http.StatusServiceUnavailable, rec.Code, rec.Body.String())
	var personas int
	require.NoError(t, w.bed.Owner.QueryRow(t.Context(), "SELECT count(*) FROM personas").Scan(&personas))
	require.Zero(t, personas)
}

// An upload that takes so long that the relay discards it is told so, and leaves nothing.
func TestAnUploadThatTakesTooLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.inventory()
	media, body := goodForm(5).finish()
	raw, err := io.ReadAll(body)
	require.NoError(t, err)
	slow := io.MultiReader(bytes.NewReader(raw[:len(raw)/2]), readFunc(func([]byte) (int, error) {
		_, err := w.bed.Owner.Exec(t.Context(), "UPDATE outbox SET next_at = now()")
		require.NoError(t, err)
		_, err = w.store.DeliverDue(t.Context(), 10, func(context.Context, storage.Outbox) error { return nil })
		require.NoError(t, err)
		return 0, io.EOF
	}), bytes.NewReader(raw[len(raw)/2:]))
	rec := w.serve(ada, http.MethodPost, trainPath, media, slow)
	require.Equal(t, http.StatusRequestTimeout, rec.Code, rec.Body.String())
	require.Contains(t, rec.Body.String(), "took longer than an hour")
	require.Equal(t, before, w.inventory())
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
