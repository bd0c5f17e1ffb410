package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/inflio/persona/internal/api"
)

// serveMetrics serves /metrics and /healthz at the address for metrics, apart from the API: what operators measure is not
// for clients. /healthz answers while the process runs.
func (a *App) serveMetrics(ctx context.Context, group *errgroup.Group) error {
	address := a.config.metricsAddr()
	if address == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
	})
	return a.listen(ctx, group, address, "PERSONA_METRICS_ADDR or -metrics", mux)
}

// UseListeners gives Run open sockets, by the addresses of the configuration, which Run then does not open itself. Run
// closes those that it serves. Call it before Run.
func (a *App) UseListeners(sockets map[string]net.Listener) { a.sockets = sockets }

// listen listens on the address and serves handler until ctx ends. setting names where the address can be changed.
func (a *App) listen(ctx context.Context, group *errgroup.Group, address, setting string, handler http.Handler) error {
	listener := a.sockets[address]
	if listener == nil {
		var listen net.ListenConfig
		var err error
		if listener, err = listen.Listen(ctx, "tcp", address); err != nil {
			return fmt.Errorf("the address %s cannot be listened on (is it in use?): set %s to another", address, setting)
		}
	}
	server := api.NewServer(handler, a.log)
	group.Go(func() error {
		if err := server.Serve(api.Listen(listener)); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestsTimeout)
		defer cancel()
		if err := server.Shutdown(stopping); err != nil {
			return server.Close()
		}
		return nil
	})
	return nil
}
