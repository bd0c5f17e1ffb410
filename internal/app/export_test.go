package app

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/inflio/persona/internal/photo"
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
