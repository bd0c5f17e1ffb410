package app

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// Calm is the log of the Temporal SDK.
func Calm(h slog.Handler) slog.Handler { return calm{h} }

// ServeMetrics serves the metrics of an App that has nothing else.
func ServeMetrics(ctx context.Context, group *errgroup.Group, c Config) error {
	a := &App{config: c, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry()}
	a.registry.MustRegister(collectors.NewGoCollector())
	return a.serveMetrics(ctx, group)
}

// Webhooks makes the verifier of webhook calls for a configuration.
var Webhooks = webhooks

// Parts are what an App opens, for tests that have opened it themselves.
type Parts struct {
	Store    *storage.Store
	Temporal client.Client
	Provider *trainer.Client
	Fetch    *http.Client // of photos
	Slots    int          // of each queue
}

// Assemble makes an App of parts. It is run by Run and not closed.
func Assemble(c Config, p Parts) *App {
	a := &App{
		config: c, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry(),
		store: p.Store, temporal: p.Temporal, provider: p.Provider, judge: photo.NewJudge(c.Photos, nil), fetch: p.Fetch,
		slots: slots{records: p.Slots, provider: p.Slots, fetch: p.Slots, photos: p.Slots},
	}
	a.relay = newRelay(p.Store, p.Temporal, a.log)
	return a
}

// Deliver delivers one row of the outbox.
func (a *App) Deliver(ctx context.Context, o storage.Outbox) error { return a.relay.deliver(ctx, o) }

// IsBusy reports whether err says nothing but that another run must end first.
func IsBusy(err error) bool { return isBusy(err) }

// ServeAPI serves the API of an App whose store is open, without Temporal.
func ServeAPI(ctx context.Context, group *errgroup.Group, c Config, store *storage.Store) error {
	a := &App{
		config: c, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry(), store: store,
		judge: photo.NewJudge(c.Photos, nil), relay: &relay{nudged: make(chan struct{}, 1)},
	}
	return a.serve(ctx, group)
}

// MetricsAddr is where a process serves its metrics, "" for nowhere.
func MetricsAddr(c Config) string { return c.metricsAddr() }

// LimitMemory is limitMemory.
var LimitMemory = limitMemory
