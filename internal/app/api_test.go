package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/inflio/persona/internal/app"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

// running is an API that is served as production does, with a token of one user.
type running struct {
	url, token, user string
	store            *storage.Store
}

func serveAPI(t *testing.T, change map[string]string) running {
	t.Helper()
	environment := complete()
	environment["PERSONA_HTTP_ADDR"] = freeAddress(t)
	maps.Copy(environment, change)
	c, err := load(t, environment)
	require.NoError(t, err)
	c.Roles = []app.Role{app.RoleAPI}
	require.NoError(t, c.Check())
	token, err := app.NewToken(c, "ada", time.Hour)
	require.NoError(t, err)
	key, err := persona.ParseIDKey(environment["PERSONA_ID_KEY"])
	require.NoError(t, err)

	store := storagetest.New(t)
	ctx, stop := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	require.NoError(t, app.ServeAPI(ctx, group, c, store))
	t.Cleanup(func() { stop(); _ = group.Wait() })
	return running{url: "http://" + c.HTTPAddr, token: token, user: key.UserID("", "ada"), store: store}
}

func (r running) send(t *testing.T, method, path, body string, header http.Header) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header = header.Clone()
	request.Header.Set("Authorization", "Bearer "+r.token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

// trainBody is a request that is accepted.
func trainBody() string {
	var urls bytes.Buffer
	for i := range 5 {
		_, _ = fmt.Fprintf(&urls, `"https://photos.example.org/%d.jpg",`, i)
	}
	return `{"name":"Ada","photo_urls":[` + strings.TrimSuffix(urls.String(), ",") + `],"consent":{"agreed_to_terms":true,` +
		`"consent_items":{"facial_recognition":true,"ai_training":true,"likeness_usage":true,"data_retention":true}}}`
}

// The consent holds the address of the client, not that of a proxy, and not one that the client made up.
func TestConsentHoldsTheClientsAddress(t *testing.T) {
	for _, c := range []struct {
		name, proxies string
		forwarded     []string
		want          string
	}{
		{"no proxy", "", nil, "127.0.0.1"},
		{"no proxy is trusted", "", []string{"198.51.100.7"}, "127.0.0.1"},
		{"the client is no proxy", "10.0.0.0/8", []string{"198.51.100.7"}, "127.0.0.1"},
		{"a proxy", "127.0.0.1", []string{"198.51.100.7"}, "198.51.100.7"},
		{"a network of proxies", "127.0.0.0/8", []string{"2001:db8::7"}, "2001:db8::7"},
		{"an address that the client made up", "127.0.0.1", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7"},
		{"several headers", "127.0.0.1", []string{"203.0.113.9", "198.51.100.7"}, "198.51.100.7"},
		{"a chain of proxies", "127.0.0.1, 10.0.0.0/8", []string{"203.0.113.9, 198.51.100.7, 10.1.2.3"}, "198.51.100.7"},
		{"a proxy that is not trusted", "127.0.0.1", []string{"198.51.100.7, 10.1.2.3"}, "10.1.2.3"},
		{"a trusted proxy without the header", "127.0.0.1", nil, "127.0.0.1"},
		{"no address", "127.0.0.1", []string{"<script>"}, "127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := serveAPI(t, map[string]string{"PERSONA_TRUSTED_PROXIES": c.proxies})
			header := http.Header{"X-Forwarded-For": c.forwarded, "X-Real-Ip": {"203.0.113.66"}, "Forwarded": {"for=203.0.113.66"}}
			header.Set("User-Agent", "agent\u202e/1")
			status, answer := r.send(t, http.MethodPost, "/api/personas/train", trainBody(), header)
			require.Equal(t, http.StatusAccepted, status, answer)
			personas, _, err := r.store.Personas(t.Context(), r.user, 1, 0)
			require.NoError(t, err)
			require.Len(t, personas, 1)
			_, signed, err := r.store.Consent(t.Context(), r.user, personas[0].ID)
			require.NoError(t, err)
			require.Equal(t, c.want, signed.IPAddress)
			require.Equal(t, "agent/1", signed.UserAgent)
		})
	}
}

// The settings of one user's limits reach the API.
func TestUserLimitsAreConfigured(t *testing.T) {
	r := serveAPI(t, map[string]string{"PERSONA_USER_TRAININGS": "1"})
	status, answer := r.send(t, http.MethodPost, "/api/personas/train", trainBody(), http.Header{})
	require.Equal(t, http.StatusAccepted, status, answer)
	status, answer = r.send(t, http.MethodPost, "/api/personas/train", trainBody(), http.Header{})
	require.Equal(t, http.StatusTooManyRequests, status, answer)
	require.Contains(t, answer, `"code":"too_many_trainings"`)
}

// The public address of the API does not serve metrics.
func TestMetricsAreNotPublic(t *testing.T) {
	r := serveAPI(t, nil)
	status, answer := r.send(t, http.MethodGet, "/metrics", "", http.Header{})
	require.Equal(t, http.StatusNotFound, status)
	require.NotContains(t, answer, "go_goroutines")
}
