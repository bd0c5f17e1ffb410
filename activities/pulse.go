package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
)

// PulseEvery is how often a running activity tells Temporal that it is alive. Policies wait for several missed ones
// before they call a worker lost, so that a busy machine is not taken for a dead one.
const PulseEvery = 2 * time.Second

// pulse beats for an activity, whatever it is doing, so that the work of a worker that was killed is taken over within
// seconds and not when its longest allowed time is over. It repeats the last details that were noted, also those of an
// earlier attempt, because a heartbeat replaces the details of the one before.
type pulse struct {
	mu      sync.Mutex
	details []any
}

type pulseKey struct{}

// startPulse begins to beat and returns the context for the activity and what ends the beating.
func startPulse(ctx context.Context) (context.Context, func()) {
	info := activity.GetInfo(ctx)
	if info.HeartbeatTimeout == 0 {
		return ctx, func() {}
	}
	p := &pulse{}
	if activity.HasHeartbeatDetails(ctx) {
		var earlier converter.RawValue
		if err := activity.GetHeartbeatDetails(ctx, &earlier); err == nil {
			p.details = []any{earlier}
		}
	}
	ctx = context.WithValue(ctx, pulseKey{}, p)
	stop := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(PulseEvery)
		defer tick.Stop()
		for {
			p.beat(ctx)
			// Not until ctx ends: an activity that finishes what must not be broken off is alive although it was cancelled.
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	return ctx, func() { close(stop); ended.Wait() }
}

func (p *pulse) beat(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	activity.RecordHeartbeat(ctx, p.details...)
}

// note keeps details for a later attempt of this activity, and tells them at once.
func note(ctx context.Context, details ...any) {
	p, ok := ctx.Value(pulseKey{}).(*pulse)
	if !ok {
		activity.RecordHeartbeat(ctx, details...)
		return
	}
	p.mu.Lock()
	p.details = details
	p.mu.Unlock()
	p.beat(ctx)
}
