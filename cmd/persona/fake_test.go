package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	someID   = "3f0c1d52-8a3b-4a52-9d7f-0f4f0f3a9f11"
	otherID  = "5b1e2c60-1d2e-4c3f-8a9b-0c1d2e3f4a5b"
	goodAuth = "a-good-token"
)

// fakeAPI answers with what a test wrote down, one answer after the other; the last one stays.
type fakeAPI struct {
	*httptest.Server

	mu      sync.Mutex
	answers map[string][]answer // by method and path
	seen    []string            // requests, with what of them a test wants to know
	sent    map[string][]string // fields of the last multipart request; photos by their size
}

type answer struct {
	status int
	body   string
}

func newFakeAPI(t *testing.T, answers map[string][]answer) *fakeAPI {
	t.Helper()
	f := &fakeAPI{answers: answers, sent: map[string][]string{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := r.Method + " " + r.URL.RequestURI()
	f.seen = append(f.seen, key)
	if r.Header.Get("Authorization") != "Bearer "+goodAuth {
		reply(w, answer{http.StatusUnauthorized, `{"status":401,"code":"unauthorized","detail":"A token is needed."}`})
		return
	}
	if r.Method == http.MethodPost && r.URL.Path == "/api/personas/train" {
		f.receive(r)
	}
	list := f.answers[key]
	if len(list) == 0 {
		reply(w, answer{http.StatusNotFound, `{"status":404,"code":"not_found","detail":"There is no such persona."}`})
		return
	}
	if len(list) > 1 {
		f.answers[key] = list[1:]
	}
	reply(w, list[0])
}

func (f *fakeAPI) receive(r *http.Request) {
	f.sent["key"] = append(f.sent["key"], r.Header.Get("Idempotency-Key"))
	parts, err := r.MultipartReader()
	if err != nil {
		return
	}
	fields := map[string][]string{"key": f.sent["key"]}
	for {
		part, err := parts.NextPart()
		if err != nil {
			break
		}
		raw, _ := io.ReadAll(part)
		value := string(raw)
		if part.FormName() == "photos" {
			value = fmt.Sprintf("%d bytes as %s", len(raw), part.FileName())
		}
		fields[part.FormName()] = append(fields[part.FormName()], value)
	}
	f.sent = fields
}

func reply(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// persona runs one command line against the fake and returns what a person would see.
func (f *fakeAPI) persona(t *testing.T, args ...string) (code int, out, errors string) {
	t.Helper()
	return f.personaOn(t, false, args...)
}

func (f *fakeAPI) personaOn(t *testing.T, screen bool, args ...string) (code int, out, errors string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	term := &terminal{out: &stdout, err: &stderr, live: screen, liveErr: screen, http: f.Client()}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	code = run(ctx, append([]string{"--url", f.URL, "--auth-token", goodAuth}, args...), term)
	return code, stdout.String(), stderr.String()
}

// folder makes a folder with files.
func folder(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	return dir
}

func smallJPEG() []byte {
	var buf bytes.Buffer
	_ = jpeg.Encode(&buf, image.NewGray(image.Rect(0, 0, 8, 8)), nil)
	return buf.Bytes()
}

func status(s string) answer { return answer{http.StatusOK, s} }
