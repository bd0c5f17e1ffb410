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

func TestMetricsHaveAnAddressOfTheirOwn(t *testing.T) {
	t.Parallel()
	for _, roles := range [][]app.Role{{app.RoleWorker}, {app.RoleAPI}, {app.RoleAPI, app.RoleWorker}} {
		address := freeAddress(t)
		ctx, stop := context.WithCancel(t.Context())
		group, ctx := errgroup.WithContext(ctx)
		require.NoError(t, app.ServeMetrics(ctx, group, watched(address, roles...)))
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
		require.ErrorContains(t, app.ServeMetrics(ctx, group, watched(address, roles...)), "set PERSONA_METRICS_ADDR or -metrics to another")
		stop()
		require.NoError(t, group.Wait())
	}
}

func TestMetricsAddress(t *testing.T) {
	t.Parallel()
	api, worker, both := []app.Role{app.RoleAPI}, []app.Role{app.RoleWorker}, []app.Role{app.RoleAPI, app.RoleWorker}
	require.Equal(t, "127.0.0.1:9464", app.MetricsAddr(watched("", api...)))
	require.Equal(t, "127.0.0.1:9465", app.MetricsAddr(watched("", worker...)), "both can run on one host")
	require.Equal(t, "127.0.0.1:9464", app.MetricsAddr(watched("", both...)))
	for _, roles := range [][]app.Role{api, worker, both} {
		require.Equal(t, "10.0.0.7:9090", app.MetricsAddr(watched("10.0.0.7:9090", roles...)))
		require.Empty(t, app.MetricsAddr(watched("off", roles...)))
		var group errgroup.Group
		require.NoError(t, app.ServeMetrics(t.Context(), &group, watched("off", roles...)))
		require.NoError(t, group.Wait())
	}
}
