package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/inflio/persona/internal/api"
)

// serveMetrics lets a worker be watched: /metrics has Temporal's measures and the process's, /healthz answers while the
// process lives. Where the API runs in the same process, it serves both already.
func (a *App) serveMetrics(ctx context.Context, group *errgroup.Group) error {
	if a.config.MetricsAddr == "" || slices.Contains(a.config.Roles, RoleAPI) {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
	})
	return a.listen(ctx, group, a.config.MetricsAddr, "PERSONA_METRICS_ADDR", mux)
}

// UseListener makes Run serve the API on an open socket, which Run closes, instead of opening HTTPAddr. Call it before Run.
func (a *App) UseListener(l net.Listener) { a.listener = l }

// listen takes the address at once and serves handler at it until ctx ends. setting tells people where the address comes
// from.
func (a *App) listen(ctx context.Context, group *errgroup.Group, address, setting string, handler http.Handler) error {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("the address %s cannot be listened on (is it in use?): set %s to another", address, setting)
	}
	a.serveOn(ctx, group, listener, handler)
	return nil
}

// serveOn serves handler on an open socket until ctx ends.
func (a *App) serveOn(ctx context.Context, group *errgroup.Group, listener net.Listener, handler http.Handler) {
	server := api.NewServer(listener.Addr().String(), handler, a.log)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
		defer cancel()
		if err := server.Shutdown(stopping); err != nil {
			return server.Close()
		}
		return nil
	})
}
