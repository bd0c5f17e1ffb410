package app

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
)

// Calm is the log of the Temporal SDK.
func Calm(h slog.Handler) slog.Handler { return calm{h} }

// ServeMetrics serves the metrics of an App that has nothing else.
func ServeMetrics(ctx context.Context, group *errgroup.Group, c Config) error {
	a := &App{config: c, log: slog.New(slog.DiscardHandler), registry: prometheus.NewRegistry()}
	a.registry.MustRegister(collectors.NewGoCollector())
	return a.serveMetrics(ctx, group)
}

// LimitMemory is limitMemory.
var LimitMemory = limitMemory
