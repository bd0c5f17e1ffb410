package localtrainer_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer"
	"github.com/inflio/persona/internal/sitter"
)

const (
	waitLimit = 2 * time.Minute // for conditions that take milliseconds on an idle machine
	key       = "id:secret"
	images    = "/" + localtrainer.ImageEndpoint
	training  = "/" + localtrainer.TrainEndpoint
)

// clock is a clock that a test can advance.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// rig is a running server with helpers to call it.
type rig struct {
	t     *testing.T
	url   string
	dir   string
	clock *clock
	stop  func()
}

// start runs a server until the test ends or stop is called.
func start(t *testing.T, o localtrainer.Options) *rig {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	c := &clock{}
	o.Now = c.now
	s, err := localtrainer.New(o)
	require.NoError(t, err)
	web := httptest.NewServer(s.Handler())
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
		web.Close()
	})
	t.Cleanup(stop)
	return &rig{t: t, url: web.URL, dir: o.Dir, clock: c, stop: stop}
}

type answer struct {
	code   int
	header http.Header
	raw    []byte
	body   map[string]any
}

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }

// try sends one request with the key and returns the error of the connection, if any.
func (r *rig) try(method, path string, body any, header ...string) (answer, error) {
	var reader io.Reader = http.NoBody
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case []byte:
		reader = bytes.NewReader(b)
	default:
		data, err := json.Marshal(b)
		require.NoError(r.t, err)
		reader = bytes.NewReader(data)
	}
	if !strings.HasPrefix(path, "http") {
		path = r.url + path
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, path, reader)
	require.NoError(r.t, err)
	req.Header.Set("Authorization", "Key "+key)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{code: resp.StatusCode, header: resp.Header, raw: raw}
	_ = json.Unmarshal(raw, &a.body) // not every answer is an object
	return a, nil
}

func (r *rig) do(method, path string, body any, header ...string) answer {
	r.t.Helper()
	a, err := r.try(method, path, body, header...)
	require.NoError(r.t, err)
	return a
}

// submit sends a request that must be accepted, and returns its id.
func (r *rig) submit(endpoint string, input any, header ...string) string {
	r.t.Helper()
	a := r.do(http.MethodPost, endpoint, input, header...)
	require.Equal(r.t, http.StatusOK, a.code, string(a.raw))
	return a.text("request_id")
}

// stranger returns an input for a small picture without a LoRA.
func stranger(more ...any) map[string]any {
	in := map[string]any{"prompt": "a photo of somebody", "image_size": map[string]int{"width": 64, "height": 64}, "seed": 7}
	for i := 0; i < len(more); i += 2 {
		in[more[i].(string)] = more[i+1]
	}
	return in
}

func (r *rig) status(id string) answer {
	r.t.Helper()
	return r.do(http.MethodGet, images+"/requests/"+id+"/status?logs=1", nil)
}

// await waits until ok accepts the job of the control plane, and returns it.
func (r *rig) await(id string, ok func(job map[string]any) bool) map[string]any {
	r.t.Helper()
	var found map[string]any
	require.Eventually(r.t, func() bool {
		for _, j := range r.jobs() {
			if j["id"] == id {
				found = j
				return ok(j)
			}
		}
		return false
	}, waitLimit, 5*time.Millisecond, "the job did not become as expected: %v", found)
	return found
}

func inState(state string) func(map[string]any) bool {
	return func(j map[string]any) bool { return j["state"] == state }
}

// done waits for the end of a job and returns its result.
func (r *rig) done(endpoint, id string) answer {
	r.t.Helper()
	r.await(id, inState("COMPLETED"))
	return r.do(http.MethodGet, endpoint+"/requests/"+id, nil)
}

func (r *rig) jobs() []map[string]any {
	r.t.Helper()
	var body struct{ Jobs []map[string]any }
	require.NoError(r.t, json.Unmarshal(r.do(http.MethodGet, "/_local/jobs", nil).raw, &body))
	return body.Jobs
}

// fault sets a fault.
func (r *rig) fault(on, effect string, more ...any) {
	r.t.Helper()
	f := map[string]any{"on": on, "effect": effect}
	for i := 0; i < len(more); i += 2 {
		f[more[i].(string)] = more[i+1]
	}
	a := r.do(http.MethodPost, "/_local/faults", f)
	require.Equal(r.t, http.StatusOK, a.code, string(a.raw))
}

func (r *rig) clearFaults() {
	r.t.Helper()
	require.Equal(r.t, http.StatusNoContent, r.do(http.MethodDelete, "/_local/faults", nil).code)
}

// upload stores a file by the JavaScript client's protocol and returns its URL.
func (r *rig) upload(name, contentType string, data []byte, header ...string) string {
	r.t.Helper()
	a := r.do(http.MethodPost, "/storage/upload/initiate?storage_type=fal-cdn-v3",
		map[string]string{"file_name": name, "content_type": contentType}, header...)
	require.Equal(r.t, http.StatusOK, a.code, string(a.raw))
	put := r.do(http.MethodPut, a.text("upload_url"), data, "Authorization", "", "Content-Type", contentType)
	require.Equal(r.t, http.StatusOK, put.code, string(put.raw))
	return a.text("file_url")
}

// portraits are drawn once, because drawing takes most of the time.
var portraits = sync.OnceValue(func() [][]byte {
	var drawn [][]byte
	for _, p := range sitter.New(11).Set(6, side) {
		var data bytes.Buffer
		if err := jpeg.Encode(&data, p.Image, &jpeg.Options{Quality: 90}); err != nil {
			panic(err)
		}
		drawn = append(drawn, data.Bytes())
	}
	return drawn
})

// archive makes a training archive of up to six drawn pictures of one person. caption gets the index of the picture; for
// an empty caption there is no file.
func archive(t *testing.T, n int, caption func(i int) string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i, p := range portraits()[:n] {
		f, err := w.Create(fmt.Sprintf("%02d.jpg", i))
		require.NoError(t, err)
		_, err = f.Write(p)
		require.NoError(t, err)
		if c := caption(i); c != "" {
			f, err := w.Create(fmt.Sprintf("%02d.txt", i))
			require.NoError(t, err)
			_, err = io.WriteString(f, c)
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func noCaptions(int) string { return "" }

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

// zipOf returns an archive of files without usable content.
func zipOf(t *testing.T, names ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range names {
		f, err := w.Create(name)
		require.NoError(t, err)
		if !strings.HasSuffix(name, "/") {
			_, err = io.WriteString(f, "nothing")
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func many(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%d.jpg", i)
	}
	return names
}

// scenery returns an archive of pictures without people.
func scenery(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := range 5 {
		f, err := w.Create(fmt.Sprintf("%d.jpg", i))
		require.NoError(t, err)
		img := image.NewRGBA(image.Rect(0, 0, side, side))
		for p := range img.Pix {
			img.Pix[p] = byte(p * (i + 3) / 977)
		}
		require.NoError(t, jpeg.Encode(f, img, nil))
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}
