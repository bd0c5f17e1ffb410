package api_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"github.com/inflio/persona/internal/api"
	"github.com/inflio/persona/internal/persona"
)

func TestServerPages(t *testing.T) {
	t.Parallel()
	inOrder(t, newWorld(t), []scenario{
		{name: "alive", method: http.MethodGet, path: "/healthz", status: 200, want: []string{`{"status":"ok"}`}},
		{name: "ready", method: http.MethodGet, path: "/readyz", status: 200, want: []string{`"status":"ready"`, `"storage":"ok"`}},
		{name: "metrics", method: http.MethodGet, path: "/metrics", status: 404, want: []string{"There is nothing at this address."}, wantNot: []string{"persona_http"}},
		{name: "an unknown address", method: http.MethodGet, path: "/nothing?name=Ada", status: 404, want: []string{"There is nothing at this address."}},
		{name: "a wrong method", user: ada, method: http.MethodPut, path: "/api/personas", status: 405, want: []string{`"code":"method_not_allowed"`}},
		{name: "a body where none is wanted", user: ada, method: http.MethodDelete, path: "/api/users/me", body: strings.Repeat("x", 1<<20), status: 413, want: []string{`"code":"too_large"`}},
		{
			name: "headers", method: http.MethodGet, path: "/healthz", status: 200,
			headers: map[string]string{"X-Request-Id": "from-the-proxy-1"},
			answers: map[string]string{
				"X-Request-Id": "from-the-proxy-1", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
				"Referrer-Policy": "no-referrer", "Strict-Transport-Security": "",
				"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
			},
		},
		{
			name: "the documentation", method: http.MethodGet, path: "/docs", status: 200,
			want: []string{
				"<title>Persona API</title>", "/api/personas/train", `id="train-persona"`, `id="photos_unusable"`, `id="too_many_trainings"`, `id="too_many_requests"`, `id="timeout"`, "multipart/form-data", "time_limit_days",
				// The tables of codes are those of the program, and so are the ranges.
				`id="failure-validation_failed"`, "The finished model did not pass its checks", `id="finding-probably_two_people"`,
				"The picture has too few pixels (…).", "1 to 10000, default 1000", "0.000001 to 0.01, default 0.0001",
				"0 to below 1, default 0.1", "fp16 | bf16 | no, default fp16",
			},
			// It must work without a network: nothing is loaded from anywhere.
			wantNot: []string{"<script", "src=", "@import", "url(", "ZgotmplZ", "https://"},
			answers: map[string]string{"Content-Type": "text/html; charset=UTF-8"},
		},
	})
}

func TestRequestIDsAreMadeWhenTheyAreNotGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/healthz", http.NoBody)
	r.Header.Set("X-Request-Id", "short\n<script>")
	require.True(t, persona.IsID(w.do(r).Header().Get("X-Request-Id")))
}

func TestReadinessNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	temporal := mocks.NewClient(t)
	temporal.On("CheckHealth", mock.Anything, mock.Anything).Return((*client.CheckHealthResponse)(nil), errBroken)
	w := newWorld(t, func(o *api.Options) {
		o.Temporal = temporal
		o.Ready = map[string]func(context.Context) error{"trainer": func(context.Context) error { return nil }}
	})
	rec := w.serve("", http.MethodGet, "/readyz", "", http.NoBody)
	require.Equal(t, http.StatusServiceUnavailable, rec.Code)
	require.JSONEq(t, `{"status":"not_ready","checks":{"storage":"ok","temporal":"unavailable","trainer":"ok"}}`, rec.Body.String())
	require.NotContains(t, rec.Body.String(), "10.0.0.7")

	w.store.Close()
	rec = w.serve("", http.MethodGet, "/readyz", "", http.NoBody)
	require.Contains(t, rec.Body.String(), `"storage":"unavailable"`)
}

func TestNothingInternalIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.Close()
	for _, path := range []string{"/api/personas", "/api/personas/" + stranger, "/api/erasures/" + stranger} {
		rec := w.serve(ada, http.MethodGet, path, "", http.NoBody)
		require.GreaterOrEqual(t, rec.Code, 500, path)
		require.Equal(t, "application/problem+json", rec.Header().Get("Content-Type"))
		for _, internal := range []string{"pool", "pgx", "SQL", "storage:", "closed", "127.0.0.1", ".go"} {
			require.NotContains(t, rec.Body.String(), internal, path)
		}
	}
}

type panicking struct{ value any }

func (p panicking) Authenticate(context.Context, string) (string, error) { panic(p.value) }

func TestPanicsAreAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *api.Options) { o.Auth = panicking{"Ada's photo"} })
	rec := w.serve(ada, http.MethodGet, "/api/personas", "", http.NoBody)
	require.Equal(t, http.StatusInternalServerError, rec.Code)
	require.Contains(t, rec.Body.String(), rec.Header().Get("X-Request-Id"))
	require.NotContains(t, rec.Body.String(), "photo")
	require.NotContains(t, w.logs.String(), "Ada's")
	require.Contains(t, w.logs.String(), "a handler panicked")
}

func TestLogsKnowIDsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.trained(ada)
	w.serve(ada, http.MethodGet, "/api/personas/"+id+"?name=Ada&token=secret", "", http.NoBody)
	logs := w.logs.String()
	require.Contains(t, logs, "persona_id="+id)
	require.Contains(t, logs, "route=/api/personas/:id")
	require.Contains(t, logs, "user_id="+userID(ada))
	for _, private := range []string{"Ada", ada, "secret", "192.0.2.1", "?"} {
		require.NotContains(t, logs, private)
	}
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *api.Options) { o.PublicURL = "https://persona.example.org/" })
	rec := w.serve("", http.MethodGet, "/openapi.json", "", http.NoBody)
	require.Equal(t, http.StatusOK, rec.Code)
	require.Equal(t, "max-age=31536000", rec.Header().Get("Strict-Transport-Security"))
	var spec struct {
		OpenAPI    string
		Servers    []struct{ URL string }
		Paths      map[string]map[string]operation
		Components struct {
			Schemas         map[string]schema
			SecuritySchemes map[string]any
		}
	}
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &spec))
	require.Equal(t, "3.1.0", spec.OpenAPI)
	require.Equal(t, "https://persona.example.org", spec.Servers[0].URL)
	require.Contains(t, spec.Components.SecuritySchemes, "bearer")

	for path, method := range map[string]string{
		"/api/personas/train": "post", "/api/personas/{id}/status": "get", "/api/personas": "get", "/api/personas/{id}": "get",
		"/api/personas/{id}/photos/{photo}": "get", "/api/personas/{id}/versions/{n}/samples/{key}": "get",
		"/api/personas/{id}/cancel": "post", "/api/users/me": "delete", "/api/erasures/{id}": "get",
		"/webhooks/fal/{token}": "post", "/healthz": "get", "/readyz": "get",
	} {
		require.Contains(t, spec.Paths[path], method, path)
		op := spec.Paths[path][method]
		require.NotEmpty(t, op.Summary, path)
		require.Equal(t, strings.HasPrefix(path, "/api/"), len(op.Security) > 0, path)
	}
	for path, operations := range spec.Paths {
		for method, op := range operations {
			if len(op.Security) > 0 {
				require.Contains(t, op.Responses, "429", "%s %s", method, path)
				require.Contains(t, op.Responses, "401", "%s %s", method, path)
			}
		}
	}
	train := spec.Paths["/api/personas/train"]["post"]
	require.Contains(t, train.RequestBody.Content, "multipart/form-data")
	require.Contains(t, train.RequestBody.Content, "application/json")
	require.Contains(t, train.Responses, "202")
	require.Contains(t, train.Responses["422"].Content, "application/problem+json")
	require.Contains(t, spec.Components.Schemas["Problem"].Properties, "code")
	require.Contains(t, spec.Components.Schemas["PersonaDetail"].Properties, "trigger_word")
	require.Contains(t, spec.Components.Schemas["PersonaDetail"].Properties, "versions")
}

// deadlines is an authenticator that keeps the time that is left for a request.
type deadlines struct{ left time.Duration }

func (d *deadlines) Authenticate(ctx context.Context, _ string) (string, error) {
	end, ok := ctx.Deadline()
	if d.left = time.Until(end); !ok {
		d.left = 0
	}
	return stranger, nil
}

func TestEveryRequestHasADeadline(t *testing.T) {
	t.Parallel()
	auth := &deadlines{}
	w := newWorld(t, func(o *api.Options) { o.Auth, o.CancelWait = auth, time.Minute })
	for _, c := range []struct {
		method, path, media string
		most                time.Duration
	}{
		{http.MethodGet, "/api/personas", "", 30 * time.Second},
		{http.MethodGet, "/api/personas/" + stranger, "", 30 * time.Second},
		{http.MethodDelete, "/api/users/me", "", 30 * time.Second},
		{http.MethodPost, trainPath, "application/json", 30 * time.Second},
		{http.MethodPost, trainPath, "text/plain; x=multipart/form-data", 30 * time.Second},
		{http.MethodPost, trainPath, "multipart/form-data; boundary=x", time.Hour},
		{http.MethodPost, scorePath, "multipart/form-data; boundary=x", time.Hour},
		{http.MethodPost, "/api/personas/" + stranger + "/cancel", "", 70 * time.Second},
		{http.MethodGet, "/api/personas/" + stranger + "/photos/" + stranger, "", 5 * time.Minute},
		{http.MethodGet, "/api/personas/" + stranger + "/versions/1/samples/p0s0", "", 5 * time.Minute},
	} {
		w.serve(ada, c.method, c.path, c.media, strings.NewReader("x"))
		require.Positive(t, auth.left, "%s %s", c.method, c.path)
		require.LessOrEqual(t, auth.left, c.most, "%s %s", c.method, c.path)
	}
}

// A header that does not end, or is too large, does not keep a connection.
func TestServerBoundsHeaders(t *testing.T) {
	t.Parallel()
	server := api.NewServer(http.NotFoundHandler(), discardLog())
	require.Equal(t, 10*time.Second, server.ReadHeaderTimeout)
	require.Equal(t, 2*time.Minute, server.IdleTimeout)
	statuses, _ := exchange(t, newWorld(t).listening(), 1<<20, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("x", 80<<10)+"\r\n\r\n")
	require.Equal(t, []int{http.StatusRequestHeaderFieldsTooLarge}, statuses)
}

type operation struct {
	Summary     string
	Security    []any
	RequestBody struct{ Content map[string]any }
	Responses   map[string]struct{ Content map[string]any }
}

type schema struct{ Properties map[string]any }

func TestNewNeedsItsParts(t *testing.T) {
	t.Parallel()
	_, err := api.New(api.Options{Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	require.ErrorContains(t, err, "store")
}
