package api_test

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/api"
)

// scenario is a request and what its answer must be.
type scenario struct {
	name    string
	user    string
	method  string
	path    string // {persona} and other names of vars are filled in
	headers map[string]string
	form    func() *form // multipart body
	body    string       // any other body
	media   string
	setup   func(*world)

	status  int
	want    []string
	wantNot []string
	answers map[string]string // headers of the answer; "" means absent
	changes bool              // a refused request must leave nothing behind unless this is set
}

func run(t *testing.T, scenarios []scenario, change ...func(*api.Options)) {
	t.Helper()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.run(t, newWorld(t, change...))
		})
	}
}

// inOrder runs scenarios one after the other on one database, so that what a refused one left behind is seen at once.
func inOrder(t *testing.T, w *world, scenarios []scenario) {
	t.Helper()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { s.run(t, w) })
	}
}

func (s scenario) run(t *testing.T, w *world) {
	t.Helper()
	if s.setup != nil {
		s.setup(w)
	}
	before := w.inventory()
	var body io.Reader = http.NoBody
	media := s.media
	switch {
	case s.form != nil:
		f := s.form()
		media, body = f.finish()
	case s.body != "":
		body = strings.NewReader(s.body)
	}
	r := httptest.NewRequestWithContext(t.Context(), s.method, w.fill(s.path), body)
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	if s.user != "" {
		r.Header.Set("Authorization", "Bearer "+token(t, s.user))
	}
	for name, value := range s.headers {
		r.Header.Set(name, value)
	}
	rec := w.do(r)

	answer := rec.Body.String()
	require.Equal(t, s.status, rec.Code, answer)
	for _, want := range s.want {
		require.Contains(t, answer, w.fill(want))
	}
	for _, not := range s.wantNot {
		require.NotContains(t, answer, w.fill(not))
	}
	for name, value := range s.answers {
		require.Equal(t, w.fill(value), rec.Header().Get(name), name)
	}
	if s.status >= http.StatusBadRequest {
		require.Equal(t, "application/problem+json", rec.Header().Get("Content-Type"))
		require.Contains(t, answer, `"code":"`)
	}
	if !s.changes {
		require.Equal(t, before, w.inventory(), "a request that changes nothing changed something")
	}
	require.NotContains(t, w.logs.String(), "Ada", "a name was logged")
	require.NotContains(t, w.logs.String(), "example.com", "an address was logged")
}

func (w *world) fill(s string) string {
	for name, value := range w.vars {
		s = strings.ReplaceAll(s, "{"+name+"}", value)
	}
	return s
}

// inventory counts everything that a request could leave behind, except the audit log.
func (w *world) inventory() map[string]int {
	w.t.Helper()
	found := map[string]int{}
	for _, table := range []string{
		"personas", "persona_images", "persona_versions", "persona_consents", "data_keys", "outbox", "erasures", "idempotency_keys",
	} {
		var n int
		require.NoError(w.t, w.bed.Owner.QueryRow(w.t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
		found[table] = n
	}
	require.NoError(w.t, filepath.WalkDir(w.bed.BucketDir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found["blobs"]++
		}
		return err
	}))
	return found
}
