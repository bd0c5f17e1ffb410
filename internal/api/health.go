package api

import (
	"context"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.temporal.io/sdk/client"
)

// probeTimeout bounds the probes of all dependencies, so that an orchestrator gets its answer in time.
const probeTimeout = 3 * time.Second

// The states of a dependency.
const (
	dependencyOK          = "ok"
	dependencyUnavailable = "unavailable"
)

type healthOutput struct {
	Body struct {
		Status string `json:"status" enum:"ok"`
	}
}

type readyOutput struct {
	Status int
	Body   struct {
		Status string            `json:"status" enum:"ready,not_ready"`
		Checks map[string]string `json:"checks" doc:"Each dependency: ok or unavailable."`
	}
}

func (s *server) healthOperations(api huma.API) {
	add(s, api, huma.Operation{
		OperationID: "health", Method: http.MethodGet, Path: "/healthz", Tags: []string{tagOperation},
		Summary: "Whether the process is alive", Description: "Asks no dependency. For a supervisor that restarts the process.",
	}, func(context.Context, *struct{}) (*healthOutput, error) {
		out := &healthOutput{}
		out.Body.Status = dependencyOK
		return out, nil
	})
	add(s, api, huma.Operation{
		OperationID: "ready", Method: http.MethodGet, Path: "/readyz", Tags: []string{tagOperation},
		Summary:     "Whether the process can serve requests",
		Description: "Asks every dependency and lists them. 503 if one does not answer. For a load balancer.",
	}, s.ready)
}

func (s *server) ready(ctx context.Context, _ *struct{}) (*readyOutput, error) {
	probes := map[string]func(context.Context) error{"storage": s.Store.Ping} // records and blobs
	if s.Temporal != nil {
		probes["temporal"] = func(ctx context.Context) error {
			_, err := s.Temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
			return err
		}
	}
	maps.Copy(probes, s.Ready)

	out := &readyOutput{Status: http.StatusOK}
	out.Body.Status, out.Body.Checks = "ready", make(map[string]string, len(probes))
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for name, probe := range probes {
		wg.Go(func() {
			err := probe(ctx)
			mu.Lock()
			defer mu.Unlock()
			out.Body.Checks[name] = dependencyOK
			if err != nil {
				s.Log.WarnContext(ctx, "a dependency does not answer", "dependency", name, "error", err)
				out.Body.Checks[name] = dependencyUnavailable
				out.Status, out.Body.Status = http.StatusServiceUnavailable, "not_ready"
			}
		})
	}
	wg.Wait()
	return out, nil
}
