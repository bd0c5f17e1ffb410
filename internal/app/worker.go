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
	"github.com/inflio/persona/internal/purchase"
	"github.com/inflio/persona/workflows"
)

// fetchTimeout bounds one attempt to fetch a photo, its whole body included.
const fetchTimeout = 2 * time.Minute

// slots say how many activities of each queue one process runs at a time.
type slots struct {
	records  int // short transactions: a few for each connection of the database pool
	provider int // waiting for the provider: cheap, except that each copy of weights or pictures takes a connection
	fetch    int // waiting for strangers' hosts: cheap, and the slowest host keeps its slot for fetchTimeout
	photos   int // one core each; more would only make all of them slower
}

func defaultSlots() slots {
	return slots{records: 40, provider: 100, fetch: 50, photos: runtime.NumCPU()}
}

// work runs one worker for each queue until ctx ends. Every worker knows every activity, so that a task that was put
// on another queue by an older release is still done.
func (a *App) work(ctx context.Context) error {
	all := a.activities()
	var running []worker.Worker
	stop := func() {
		var stopping sync.WaitGroup
		for _, w := range running {
			stopping.Go(w.Stop)
		}
		stopping.Wait()
	}
	defer stop()
	for _, queue := range []struct {
		name  string
		slots int
	}{
		{contract.MainQueue, a.slots.records},
		{contract.ProviderQueue, a.slots.provider},
		{contract.FetchQueue, a.slots.fetch},
		{contract.PhotoQueue, a.slots.photos},
	} {
		w := worker.New(a.temporal, queue.name, a.workerOptions(queue.slots, queue.name != contract.MainQueue))
		all.Register(w)
		if queue.name == contract.MainQueue {
			workflows.Register(w)
		}
		if err := w.Start(); err != nil {
			return err
		}
		running = append(running, w)
	}
	<-ctx.Done()
	return nil
}

// StopTimeout is how long a stopping worker takes at most: as long as a purchase that was just sent. Everything else ends
// at once and is repeated by another worker, so it is rarely needed. Supervisors must wait longer than this.
func (c Config) StopTimeout() time.Duration {
	return c.SubmitWait + purchase.RecordWithin + 5*time.Second
}

func (a *App) workerOptions(slots int, activitiesOnly bool) worker.Options {
	return worker.Options{
		MaxConcurrentActivityExecutionSize: slots,
		DisableWorkflowWorker:              activitiesOnly,
		WorkerStopTimeout:                  a.config.StopTimeout(),
		// By default the SDK holds heartbeats back for most of their timeout; then one late heartbeat would be a timeout.
		MaxHeartbeatThrottleInterval: activities.HeartbeatEvery,
		Interceptors:                 []interceptor.WorkerInterceptor{activities.Interceptor()},
	}
}

func (a *App) activities() activities.All {
	buyer := &purchase.Buyer{Store: a.store, Provider: a.provider, Timing: a.config.timing(), WebhookURL: a.config.webhookURL()}
	return activities.All{
		Records:  &activities.Records{Store: a.store, Policy: a.config.Photos},
		Photos:   &activities.Photos{Store: a.store, Judge: a.judge, Fetch: a.fetch},
		Training: &activities.Training{Buyer: buyer},
		Models:   &activities.Models{Buyer: buyer},
		Samples:  &activities.Samples{Store: a.store, Judge: a.judge},
		Erasure:  &activities.Erasure{Buyer: buyer, Temporal: a.temporal, Namespace: namespace(a.config)},
	}
}
