package app_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/inflio/persona/internal/app"
)

func watched(address string, roles ...app.Role) app.Config {
	return app.Config{MetricsAddr: address, Roles: roles}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func TestAWorkerServesItsMetrics(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	ctx, stop := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	require.NoError(t, app.ServeMetrics(ctx, group, watched(address, app.RoleWorker)))
	for path, want := range map[string]string{"/metrics": "go_goroutines ", "/healthz": `{"status":"ok"}`} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, http.NoBody)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusOK, answer.StatusCode)
		require.Contains(t, string(body), want)
	}
	require.ErrorContains(t, app.ServeMetrics(ctx, group, watched(address, app.RoleWorker)), "set PERSONA_METRICS_ADDR to another")
	stop()
	require.NoError(t, group.Wait())
}

func TestMetricsAreServedOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]app.Config{
		"not asked for":       watched("", app.RoleWorker),
		"the API has its own": watched("this is not an address", app.RoleAPI, app.RoleWorker),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var group errgroup.Group
			require.NoError(t, app.ServeMetrics(t.Context(), &group, c))
			require.NoError(t, group.Wait())
		})
	}
}
