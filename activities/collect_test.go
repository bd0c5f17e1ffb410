package activities_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
	b.all.Photos.Fetch = host.Client()
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
		{"/cut.jpg", "", "Fault"},
	}
	var addresses []string
	for _, c := range cases {
		addresses = append(addresses, host.URL+c.path)
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

func TestAddressesThatLeadNowhereAreAVerdict(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	host := newPhotoHost(t, album()[0].file)
	closed := newPhotoHost(t, nil)
	closed.Close()
	in := b.linked(host.URL+"/good.jpg", closed.URL+"/good.jpg", "https://[::1", "https://127.0.0.1/x.jpg")
	for i, row := range b.photos(in) {
		b.all.Photos.Fetch = http.DefaultClient // knows no certificate of the host
		if i == 3 {
			b.all.Photos.Fetch = activities.NewFetcher(time.Second)
		}
		task := activities.PhotoInput{TrainPersonaInput: in, PhotoTask: activities.PhotoTask{PhotoID: row.ID, Index: i}, Total: 4}
		for range 2 {
			verdict, err := run(b, b.all.Photos.CollectPhoto, task)
			require.NoError(t, err)
			require.Equal(t, activities.PhotoVerdict{Index: i, Codes: []string{string(persona.PhotoUnreachable)}}, verdict)
			prepared, err := run(b, b.all.Photos.PreparePhoto, task)
			require.NoError(t, err)
			require.Equal(t, verdict, prepared, "it was judged already")
		}
	}
	require.Zero(t, host.asked("/good.jpg"))
}

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

func TestTheFetcherRefusesAddressesOfOurOwnNetwork(t *testing.T) {
	t.Parallel()
	reached := false
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	t.Cleanup(server.Close)
	fetcher := activities.NewFetcher(2 * time.Second)
	for _, address := range []string{
		server.URL, "https://localhost/x.jpg", "https://127.0.0.1/x.jpg", "https://[::1]/x.jpg", "https://10.0.0.1/x.jpg",
		"https://192.168.1.1/x.jpg", "https://172.16.0.1/x.jpg", "https://169.254.169.254/latest/meta-data",
		"https://[::ffff:127.0.0.1]/x.jpg", "https://0.0.0.0/x.jpg", "https://100.64.0.1/x.jpg", "https://[fd00::1]/x.jpg",
		"http://example.org/x.jpg", "ftp://example.org/x.jpg", "file:///etc/passwd", "https://user:pass@127.0.0.1/x.jpg",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		require.NoError(t, err)
		resp, err := fetcher.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		require.Error(t, err, address)
	}
	require.False(t, reached)
}
