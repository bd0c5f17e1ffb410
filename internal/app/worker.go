package app

import (
	"context"
	"runtime"
	"sync"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/workflows"
)

// fetchTimeout bounds the fetching of one photo from a stranger's server.
const fetchTimeout = 2 * time.Minute

// work runs both workers until ctx ends.
func (a *App) work(ctx context.Context) error {
	main := worker.New(a.temporal, contract.MainQueue, a.workerOptions(worker.Options{
		MaxConcurrentActivityExecutionSize: 100,
	}))
	workflows.Register(main)
	// Pictures cost a core each; more at a time would only make all of them slower.
	photos := worker.New(a.temporal, contract.PhotoQueue, a.workerOptions(worker.Options{
		MaxConcurrentActivityExecutionSize: runtime.NumCPU(), DisableWorkflowWorker: true,
	}))
	all := a.activities()
	all.Register(main)
	all.Register(photos)
	if err := main.Start(); err != nil {
		return err
	}
	if err := photos.Start(); err != nil {
		main.Stop()
		return err
	}
	<-ctx.Done()
	var stopping sync.WaitGroup
	stopping.Go(main.Stop)
	stopping.Go(photos.Stop)
	stopping.Wait()
	return nil
}

func (a *App) workerOptions(o worker.Options) worker.Options {
	o.WorkerStopTimeout = stopTimeout
	// By default the SDK keeps heartbeats back for most of their timeout; then one late one means a lost worker.
	o.MaxHeartbeatThrottleInterval = activities.PulseEvery
	o.Interceptors = []interceptor.WorkerInterceptor{activities.Interceptor()}
	return o
}

func (a *App) activities() activities.All {
	webhooks := a.config.PublicURL + "/webhooks/fal"
	return activities.All{
		Records:    &activities.Records{Store: a.store, Policy: a.config.Photos},
		Photos:     &activities.Photos{Store: a.store, Judge: a.judge, Fetch: activities.NewFetcher(fetchTimeout)},
		Training:   &activities.Training{Store: a.store, Provider: a.provider, Timing: a.config.timing(), WebhookURL: webhooks},
		Validation: &activities.Validation{Store: a.store, Provider: a.provider},
		Models:     &activities.Models{Store: a.store, Provider: a.provider},
		Erasure:    &activities.Erasure{Store: a.store, Provider: a.provider, Timing: a.config.timing(), Temporal: a.temporal, Namespace: namespace(a.config)},
	}
}
