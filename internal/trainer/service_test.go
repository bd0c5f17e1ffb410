package trainer_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
)

// seen is one request that arrived.
type seen struct {
	Method, Path, Query string
	Header              http.Header
	Body                []byte
	Length              int64
}

// service is a server that records its requests and answers with a function of the test.
type service struct {
	*httptest.Server
	mu   sync.Mutex
	seen []seen
}

// serve starts a service. n is how many requests came before.
func serve(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, n int)) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client has gone
		}
		s.mu.Lock()
		n := len(s.seen)
		s.seen = append(s.seen, seen{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Clone(), body, r.ContentLength})
		s.mu.Unlock()
		answer(w, r, n)
	}))
	t.Cleanup(s.Close)
	return s
}

// script answers the requests in turn and repeats the last answer.
func script(t *testing.T, replies ...string) *service {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		text := replies[min(n, len(replies)-1)]
		status := 0
		for _, c := range text[:3] {
			status = status*10 + int(c-'0')
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text[min(4, len(text)):]) // an error means that the client has gone
	})
}

func (s *service) requests() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]seen(nil), s.seen...)
}

func (s *service) config() trainer.Config {
	return trainer.Config{
		Key: "id:secret", QueueURL: s.URL, RESTURL: s.URL, APIURL: s.URL + "/v1",
		HTTP: s.Client(), Backoff: time.Millisecond,
	}
}

func (s *service) client() *trainer.Client { return trainer.New(s.config()) }

func reply(t *testing.T, w http.ResponseWriter, status int, v any) {
	t.Helper()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // an error means that the client has gone
}

// public returns the error for people, which must be in the chain of every failure.
func public(t *testing.T, err error) *persona.Error {
	t.Helper()
	var e *persona.Error
	require.ErrorAs(t, err, &e)
	return e
}

// cut closes the connection without an answer.
func cut(t *testing.T, w http.ResponseWriter) {
	t.Helper()
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		err = conn.Close()
	}
	if err != nil {
		t.Errorf("cut the connection: %v", err)
	}
}

func submitError(t *testing.T, err error) *trainer.SubmitError {
	t.Helper()
	var e *trainer.SubmitError
	require.ErrorAs(t, err, &e)
	return e
}
