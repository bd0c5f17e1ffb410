package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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

// listening serves a world's handler as production does.
func (w *world) listening() net.Addr {
	w.t.Helper()
	server := httptest.NewUnstartedServer(w.handler)
	configured := api.NewServer(w.handler, discardLog())
	server.Config = configured
	server.Listener = api.Listen(server.Listener)
	server.Start()
	w.t.Cleanup(server.Close)
	return server.Listener.Addr()
}

// connect opens a connection to a server. It is closed when the test ends.
func connect(t *testing.T, address net.Addr) net.Conn {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", address.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// inFlight waits until so many requests are being served.
func (w *world) inFlight(n int) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		families, err := w.metrics.Gather()
		require.NoError(w.t, err)
		for _, f := range families {
			if f.GetName() == "persona_http_requests_in_flight" {
				return f.GetMetric()[0].GetGauge().GetValue() == float64(n)
			}
		}
		return false
	}, 20*time.Second, 5*time.Millisecond)
}

// trickle sends a byte at a time, much slower than any pace, until the connection ends.
func trickle(ctx context.Context, conn net.Conn, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := conn.Write([]byte("x")); err != nil {
				return
			}
		}
	}
}

// A body that never stands still but arrives too slowly is answered with 408 and its connection closed. Without a least
// rate it would be read until the test's own time runs out.
func TestSlowBodiesAreCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *api.Options) { o.Pace = api.Pace{Rate: 1 << 20, Slack: 300 * time.Millisecond} })
	address := w.listening()
	before := w.inventory()
	multipart := "Content-Type: multipart/form-data; boundary=xyz\r\n"
	part := "--xyz\r\nContent-Disposition: form-data; name=\"photos\"; filename=\"1.jpg\"\r\n\r\n"
	t.Run("all", func(t *testing.T) { // so that what they left behind is looked for after the last one
		for name, c := range map[string]struct{ path, header, begin string }{
			"an upload":               {trainPath, multipart, part},
			"an upload's boundary":    {trainPath, multipart, "--x"},
			"an upload with a length": {trainPath, multipart + "Content-Length: 9000000\r\n", part},
			"photos to score":         {scorePath, multipart, part},
			"JSON":                    {trainPath, "Content-Type: application/json\r\nContent-Length: 400000\r\n", `{"name":"`},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				conn := connect(t, address)
				begin := c.begin
				if !strings.Contains(c.header, "Content-Length") {
					c.header += "Transfer-Encoding: chunked\r\n"
					begin = fmt.Sprintf("%x\r\n%s\r\n%x\r\n", len(begin), begin, 1<<20)
				}
				_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n%s", c.path, token(t, ada), c.header, begin)
				require.NoError(t, err)
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				go trickle(ctx, conn, 10*time.Millisecond)
				require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
				answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				body, err := io.ReadAll(answer.Body)
				require.NoError(t, err)
				require.Equal(t, http.StatusRequestTimeout, answer.StatusCode, string(body))
				require.Contains(t, string(body), `"code":"timeout"`)
				require.True(t, answer.Close)
			})
		}
	})
	require.Equal(t, before, w.inventory())
}

// The requests of a user that are open at the same time are limited. Those of others are served.
func TestRequestsOfAUserAreLimited(t *testing.T) {
	t.Parallel()
	const limit = 3
	w := newWorld(t, func(o *api.Options) { o.UserRequests = limit })
	address := w.listening()
	open := make([]net.Conn, limit)
	for i := range open {
		open[i] = connect(t, address)
		_, err := fmt.Fprintf(open[i], "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: 9000\r\n\r\n--xyz\r\n", trainPath, token(t, ada))
		require.NoError(t, err)
	}
	list := func(user string) *httptest.ResponseRecorder {
		return w.serve(user, http.MethodGet, "/api/personas", "", http.NoBody)
	}
	w.inFlight(limit)
	refused := list(ada)
	require.Contains(t, refused.Body.String(), `"code":"too_many_requests"`)
	require.Equal(t, "5", refused.Header().Get("Retry-After"))
	require.Equal(t, "application/problem+json", refused.Header().Get("Content-Type"))
	require.Equal(t, http.StatusOK, list(grace).Code)
	require.Equal(t, http.StatusOK, w.serve("", http.MethodGet, "/healthz", "", http.NoBody).Code)
	for _, conn := range open {
		require.NoError(t, conn.Close())
	}
	require.Eventually(t, func() bool { return list(ada).Code == http.StatusOK }, 10*time.Second, 5*time.Millisecond)
}

// 2,000 uploads of one user that send a byte now and then: all but the limit are refused, and those are cut off.
func TestHalfOpenUploadsOfAUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *api.Options) { o.Pace = api.Pace{Rate: 8 << 10, Slack: 2 * time.Second} })
	address := w.listening()
	const uploads = 2000
	request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: 9000000\r\n\r\n--xyz\r\n", trainPath, token(t, ada))
	statuses := map[int]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, 500) // connections at one time: the process has few files
	for range uploads {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			var dialer net.Dialer
			conn, err := dialer.DialContext(t.Context(), "tcp", address.String())
			if err != nil {
				return
			}
			defer func() { _ = conn.Close() }()
			if _, err = io.WriteString(conn, request); err != nil {
				return
			}
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[answer.StatusCode]++
		})
	}
	wg.Wait()
	// An answer may be lost when its connection is reset, so the numbers are not exact.
	require.Len(t, statuses, 2, "%v", statuses)
	require.Greater(t, statuses[http.StatusRequestTimeout], api.DefaultUserRequests/2, "%v", statuses)
	require.NotZero(t, statuses[http.StatusTooManyRequests], "%v", statuses)
}

func TestTrainingsOfAUserAreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *api.Options) { o.UserTrainings = 1 })
	media, body := goodForm(5).finish()
	first := w.do(requestWithKey(t, ada, media, body))
	require.Equal(t, http.StatusAccepted, first.Code, first.Body.String())
	before := w.inventory()

	// It is refused before the photos are read.
	counted := &countingBody{ReadCloser: http.NoBody}
	media, body = goodForm(5).finish()
	counted.ReadCloser = io.NopCloser(body)
	refused := w.serve(ada, http.MethodPost, trainPath, media, counted)
	require.Equal(t, http.StatusTooManyRequests, refused.Code, refused.Body.String())
	require.Contains(t, refused.Body.String(), `"code":"too_many_trainings"`)
	require.Equal(t, "60", refused.Header().Get("Retry-After"))
	require.Zero(t, counted.n)
	require.Equal(t, before, w.inventory())

	// The same request again is answered: its training is the one that runs.
	media, body = goodForm(5).finish()
	again := w.do(requestWithKey(t, ada, media, body))
	require.Equal(t, http.StatusAccepted, again.Code, again.Body.String())
	require.Equal(t, "true", again.Header().Get("Idempotency-Replayed"))

	w.trained(grace)
	personas, _, err := w.store.Personas(t.Context(), userID(ada), 1, 0)
	require.NoError(t, err)
	require.NoError(t, w.store.FailVersion(t.Context(), userID(ada), personas[0].ID, 1, persona.VersionFailed, storage.Failure{Code: persona.CodeProviderFailed}))
	w.trained(ada)
}

// Uploads that begin before another is committed are refused when they are committed: no more trainings run than allowed.
func TestTrainingsOfAUserAreLimitedWhileUploading(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *api.Options) { o.UserTrainings = 1 })
	media, body := goodForm(5).finish()
	raw, err := io.ReadAll(body)
	require.NoError(t, err)
	slow := io.MultiReader(strings.NewReader(string(raw[:len(raw)/2])), readFunc(func([]byte) (int, error) {
		w.trained(ada)
		return 0, io.EOF
	}), strings.NewReader(string(raw[len(raw)/2:])))
	rec := w.serve(ada, http.MethodPost, trainPath, media, slow)
	require.Equal(t, http.StatusTooManyRequests, rec.Code, rec.Body.String())
	require.Contains(t, rec.Body.String(), `"code":"too_many_trainings"`)
	_, total, err := w.store.Personas(t.Context(), userID(ada), 1, 0)
	require.NoError(t, err)
	require.Equal(t, 1, total)
}

// Users whose photos stop arriving in the middle keep nobody from scoring.
func TestStalledUploadsDoNotBlockScoring(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *api.Options) { o.Judge = photo.NewJudge(portraitPolicy(), nil) })
	address := w.listening()
	file := portraits()[0]
	const users = 12
	for i := range 2 * users {
		conn := connect(t, address)
		_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: multipart/form-data; boundary=xyz\r\nContent-Length: 9000000\r\n\r\n"+
			"--xyz\r\nContent-Disposition: form-data; name=\"photos\"; filename=\"1.jpg\"\r\n\r\n%s",
			scorePath, token(t, fmt.Sprint("stalling-", i/2)), file[:len(file)/2])
		require.NoError(t, err)
	}
	w.inFlight(2 * users)
	for range 3 {
		media, body := newForm().photo(file).finish()
		rec := w.serve(ada, http.MethodPost, scorePath, media, body)
		require.Equal(t, http.StatusOK, rec.Code, rec.Body.String())
		require.Contains(t, rec.Body.String(), `"accepted":true`)
	}
}

// Photos wait in the folder of temporary files. If it has no room, the client may try again.
func TestScoreWithoutRoomForPhotos(t *testing.T) {
	w := newWorld(t, forPortraits)
	t.Setenv("TMPDIR", "/dev/null/nothing")
	media, body := newForm().photo(portraits()[0]).finish()
	rec := w.serve(ada, http.MethodPost, scorePath, media, body)
	require.Equal(t, http.StatusServiceUnavailable, rec.Code, rec.Body.String())
	require.Contains(t, rec.Body.String(), `"code":"unavailable"`)
	require.NotContains(t, rec.Body.String(), "/dev/null")
}
