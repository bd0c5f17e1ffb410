package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
)

// HeartbeatEvery is the interval of an activity's heartbeats. Policies time out after several missed ones, so that a
// busy machine is not taken for a dead one.
const HeartbeatEvery = 2 * time.Second

// heartbeat sends heartbeats for a running activity, so that the work of a killed worker is taken over within seconds.
// It repeats the last details that were noted, also those of an earlier attempt, because each heartbeat replaces the
// details of the one before.
type heartbeat struct {
	mu      sync.Mutex
	details []any
}

type heartbeatKey struct{}

// startHeartbeat starts sending heartbeats. It returns the context for the activity and a function that stops them.
func startHeartbeat(ctx context.Context) (context.Context, func()) {
	info := activity.GetInfo(ctx)
	if info.HeartbeatTimeout == 0 {
		return ctx, func() {}
	}
	h := &heartbeat{}
	if activity.HasHeartbeatDetails(ctx) {
		var earlier converter.RawValue
		if err := activity.GetHeartbeatDetails(ctx, &earlier); err == nil {
			h.details = []any{earlier}
		}
	}
	ctx = context.WithValue(ctx, heartbeatKey{}, h)
	stop := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(HeartbeatEvery)
		defer tick.Stop()
		for {
			h.send(ctx)
			// Not until ctx ends: an activity that finishes what must not be interrupted outlives its cancellation.
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	return ctx, func() { close(stop); ended.Wait() }
}

func (h *heartbeat) send(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	activity.RecordHeartbeat(ctx, h.details...)
}

// note sends details with this and every later heartbeat. A later attempt of the activity can read them.
func note(ctx context.Context, details ...any) {
	if !activity.IsActivity(ctx) {
		return
	}
	h, ok := ctx.Value(heartbeatKey{}).(*heartbeat)
	if !ok {
		activity.RecordHeartbeat(ctx, details...)
		return
	}
	h.mu.Lock()
	h.details = details
	h.mu.Unlock()
	h.send(ctx)
}
