package activities_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
)

// photoHost serves photos over TLS, some of them badly the first time, and counts how often each was asked for.
type photoHost struct {
	*httptest.Server
	mu   sync.Mutex
	hits map[string]int
}

func newPhotoHost(t *testing.T, good []byte) *photoHost {
	t.Helper()
	h := &photoHost{hits: map[string]int{}}
	serve := func(contentType string, data []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write(data)
		}
	}
	first := func(bad http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if h.asked(r.URL.Path) == 1 {
				bad(w, r)
				return
			}
			serve("image/jpeg", good)(w, r)
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/good.jpg", serve("image/jpeg", good))
	mux.HandleFunc("/octets", serve("application/octet-stream", good))
	mux.HandleFunc("/moved.jpg", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/good.jpg", http.StatusFound)
	})
	mux.HandleFunc("/page", serve("text/html", good))
	mux.HandleFunc("/large.jpg", serve("image/jpeg", append(bytes.Clone(good), make([]byte, policy().MaxBytes)...)))
	mux.HandleFunc("/text.jpg", serve("image/jpeg", bytes.Repeat([]byte("no picture "), 10_000)))
	mux.HandleFunc("/half.jpg", serve("image/jpeg", good[:len(good)/2]))
	mux.HandleFunc("/empty.jpg", serve("image/jpeg", nil))
	mux.HandleFunc("/500.jpg", first(status(http.StatusInternalServerError)))
	mux.HandleFunc("/429.jpg", first(status(http.StatusTooManyRequests)))
	mux.HandleFunc("/cut.jpg", first(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(good)))
		_, _ = w.Write(good[:len(good)/2])
	}))
	mux.HandleFunc("/reset.jpg", first(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			if tcp, ok := conn.(*tls.Conn).NetConn().(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // Close sends a reset
			}
			_ = conn.(*tls.Conn).NetConn().Close()
		}
	}))
	mux.HandleFunc("/always_cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write(make([]byte, 100))
	})
	mux.HandleFunc("/trickle", trickle(good[:min(len(good), 2000)]))
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.hits[r.URL.Path]++
		h.mu.Unlock()
		mux.ServeHTTP(w, r)
	}))
	h.Config.ErrorLog = log.New(io.Discard, "", 0) // clients hang up on purpose
	h.StartTLS()
	t.Cleanup(h.Close)
	return h
}

// client fetches from the host as production does, under the name example.com.
func (h *photoHost) client() *http.Client { return h.clientPaced(time.Minute) }

func (h *photoHost) clientPaced(pace time.Duration) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(h.Certificate())
	return activities.NewTestFetcher(time.Minute, pace, roots, map[string]string{"example.com:443": h.Listener.Addr().String()})
}

func (h *photoHost) asked(path string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hits[path]
}

func TestPhotosAreCollectedFromTheirAddresses(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	good := album()[0].file
	host := newPhotoHost(t, good)
	b.all.Photos.Fetch = host.client()
	cases := []struct {
		path    string
		finding persona.PhotoCode // "" for a photo that is stored
		retried string            // the type of the error at the first run, "" for none
	}{
		{"/good.jpg", "", ""},
		{"/octets", "", ""},
		{"/moved.jpg", "", ""},
		{"/gone.jpg", persona.PhotoUnreachable, ""},
		{"/page", persona.PhotoUnreachable, ""},
		{"/large.jpg", persona.PhotoTooLargeFile, ""},
		{"/text.jpg", persona.PhotoNotImage, ""},
		{"/half.jpg", persona.PhotoDamaged, ""},
		{"/empty.jpg", persona.PhotoEmpty, ""},
		{"/500.jpg", "", contract.Unavailable},
		{"/429.jpg", "", contract.Unavailable},
		{"/cut.jpg", "", contract.Unavailable},
		{"/reset.jpg", "", contract.Unavailable},
	}
	var addresses []string
	for _, c := range cases {
		addresses = append(addresses, "https://example.com"+c.path)
	}
	in := b.linked(addresses...)
	for i, row := range b.photos(in) {
		c := cases[i]
		t.Run(c.path, func(t *testing.T) {
			b := *b
			b.t = t
			task := activities.PhotoInput{
				TrainPersonaInput: in, PhotoTask: activities.PhotoTask{PhotoID: row.ID, Index: i, Fetch: true}, Total: len(cases),
			}
			asked := 1
			if c.retried != "" {
				asked = 2
				_, err := run(&b, b.all.Photos.CollectPhoto, task)
				requireType(t, err, c.retried, false)
				require.Empty(t, b.blobs(in.PersonaID, "photos/"+row.ID), "half a photo is not kept")
			}
			for range 2 {
				verdict, err := run(&b, b.all.Photos.CollectPhoto, task)
				require.NoError(t, err)
				require.Equal(t, i, verdict.Index)
				require.Equal(t, c.finding == "", verdict.Accepted)
				require.Equal(t, asked, host.asked(c.path), "a settled photo is not fetched again")
				stored := b.photos(in)[i]
				require.Empty(t, stored.URL, "the address is forgotten")
				if c.finding != "" {
					require.Contains(t, verdict.Codes, string(c.finding))
					require.Equal(t, c.finding, stored.Report.Findings[0].Code)
					require.Empty(t, stored.StoragePath)
					require.Empty(t, b.blobs(in.PersonaID, "photos/"+row.ID))
					continue
				}
				sum := sha256.Sum256(good)
				require.Equal(t, sum[:], stored.SHA256)
				require.Equal(t, []any{int64(len(good)), 640, 640, "jpeg"}, []any{stored.Bytes, stored.Width, stored.Height, stored.Format})
				require.Equal(t, good, b.blob(in, stored.StoragePath))
				judged, err := run(&b, b.all.Records.PlanTraining, in)
				require.NoError(t, err)
				require.False(t, judged.Photos[i].Fetch)
			}
		})
	}
}

func TestAddressesThatCannotBeFetchedAreAVerdict(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	host := newPhotoHost(t, album()[0].file)
	for i, c := range []struct {
		address string
		client  *http.Client
	}{
		{"https://example.com/good.jpg", activities.NewTestFetcher(time.Minute, time.Minute, x509.NewCertPool(),
			map[string]string{"example.com:443": host.Listener.Addr().String()})}, // the certificate is unknown
		{host.URL + "/good.jpg", host.client()}, // not port 443
		{"https://[::1", host.client()},
		{"https://127.0.0.1/x.jpg", activities.NewFetcher(time.Minute)},
	} {
		in := b.linked(c.address)
		b.all.Photos.Fetch = c.client
		task := activities.PhotoInput{TrainPersonaInput: in, PhotoTask: activities.PhotoTask{PhotoID: b.photos(in)[0].ID}, Total: 1}
		for range 2 {
			verdict, err := run(b, b.all.Photos.CollectPhoto, task)
			require.NoError(t, err, i)
			require.Equal(t, activities.PhotoVerdict{Codes: []string{string(persona.PhotoUnreachable)}}, verdict)
			prepared, err := run(b, b.all.Photos.PreparePhoto, task)
			require.NoError(t, err)
			require.Equal(t, verdict, prepared, "it was judged already")
		}
	}
	require.Zero(t, host.asked("/good.jpg"))
}

// A host that fails at every attempt ends in a verdict: the other photos do not wait for it for ever.
func TestAHostThatAlwaysFailsIsGivenUp(t *testing.T) {
	t.Parallel()
	closed := newPhotoHost(t, nil)
	closed.Close()
	broken := newPhotoHost(t, nil)
	trickling := newPhotoHost(t, album()[0].file)
	for name, client := range map[string]*http.Client{
		"connection refused": closed.client(),
		"cut off":            broken.client(),
		"a byte at a time":   trickling.clientPaced(50 * time.Millisecond),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.all.Photos.Fetch = client
			path := map[string]string{"cut off": "/always_cut", "a byte at a time": "/trickle"}[name]
			in := b.linked("https://example.com" + path)
			task := activities.PhotoInput{TrainPersonaInput: in, PhotoTask: activities.PhotoTask{PhotoID: b.photos(in)[0].ID}, Total: 1}

			var suite testsuite.WorkflowTestSuite
			suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
			env := suite.NewTestWorkflowEnvironment()
			env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{activities.Interceptor()}})
			b.all.Register(env)
			var attempts int32
			env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) { attempts = info.Attempt })
			env.ExecuteWorkflow(func(ctx workflow.Context) (verdict activities.PhotoVerdict, err error) {
				ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
					StartToCloseTimeout: time.Minute, RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, MaximumAttempts: 100},
				})
				err = workflow.ExecuteActivity(ctx, b.all.Photos.CollectPhoto, task).Get(ctx, &verdict)
				return verdict, err
			})
			require.NoError(t, env.GetWorkflowError())
			var verdict activities.PhotoVerdict
			require.NoError(t, env.GetWorkflowResult(&verdict))
			require.Equal(t, []string{string(persona.PhotoUnreachable)}, verdict.Codes)
			require.EqualValues(t, activities.FetchAttempts, attempts)
			require.Empty(t, b.photos(in)[0].URL)
			require.Empty(t, b.blobs(in.PersonaID, "photos/"))
		})
	}
	t.Cleanup(func() {
		require.Equal(t, activities.FetchAttempts, broken.asked("/always_cut"))
		require.Equal(t, activities.FetchAttempts, trickling.asked("/trickle"))
	})
}

// A worker that stops in the middle of a fetch says nothing about the photo.
func TestACancelledFetchIsNoVerdict(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.all.Photos.Fetch = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		cancel()
		return nil, context.Canceled
	})}
	in := b.linked("https://example.com/a.jpg")
	env := b.env()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx, Interceptors: []interceptor.WorkerInterceptor{activities.Interceptor()}})
	_, err := runIn(b, env, b.all.Photos.CollectPhoto,
		activities.PhotoInput{TrainPersonaInput: in, PhotoTask: activities.PhotoTask{PhotoID: b.photos(in)[0].ID}, Total: 1})
	require.Error(t, err)
	require.NotEmpty(t, b.photos(in)[0].URL)
	require.Nil(t, b.photos(in)[0].Report)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAPhotoThatIsGoneIsNotCollected(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.persona([]byte("a photo"))
	task := activities.PhotoInput{TrainPersonaInput: in, PhotoTask: activities.PhotoTask{PhotoID: in.PersonaID}}
	_, err := run(b, b.all.Photos.CollectPhoto, task)
	requireType(t, err, contract.RecordGone, true)
	_, err = run(b, b.all.Photos.PreparePhoto, task)
	requireType(t, err, contract.RecordGone, true)
}
