package activities

import (
	"context"
	"errors"
	"runtime/debug"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/internal/contract"
)

// Interceptor wraps every activity. It sends heartbeats, ends the context when the worker stops, turns a panic into an
// error, and replaces every error by a typed one whose text a history may hold: no address, no value of a row, no text
// of a provider.
func Interceptor() interceptor.WorkerInterceptor { return &activityInterceptor{} }

type activityInterceptor struct {
	interceptor.WorkerInterceptorBase
}

func (*activityInterceptor) InterceptActivity(
	_ context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	return &activityInbound{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type activityInbound struct {
	interceptor.ActivityInboundInterceptorBase
}

func (i *activityInbound) ExecuteActivity(
	ctx context.Context, in *interceptor.ExecuteActivityInput,
) (out any, err error) {
	ctx, stopHeartbeat := startHeartbeat(ctx)
	defer stopHeartbeat()
	ctx, cancel := untilWorkerStops(ctx)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			// The stack is logged and the value is not: it may quote what the activity worked on.
			activity.GetLogger(ctx).Error("an activity panicked", "stack", string(debug.Stack()))
			out, err = nil, temporal.NewApplicationError("the activity panicked", contract.Panicked)
		}
	}()
	out, err = i.Next.ExecuteActivity(ctx, in)
	if err == nil {
		return out, nil
	}
	var app *temporal.ApplicationError
	switch cause := context.Cause(ctx); {
	case errors.As(err, &app): // it has its type, and perhaps a delay
		return nil, err
	case errors.Is(cause, errWorkerStops):
		return nil, errWorkerStops
	case errors.Is(ctx.Err(), context.Canceled) && !temporal.IsCanceledError(cause):
		return nil, errInterrupted
	}
	return nil, onWire(err)
}

// errInterrupted ends an attempt that the SDK has interrupted although nobody has cancelled the activity. It does so
// when a heartbeat does not reach the server within HeartbeatEvery, and when the server no longer waits for the attempt.
var errInterrupted = temporal.NewApplicationError("a heartbeat did not reach the server in time", contract.Unavailable)

// errWorkerStops ends an attempt whose worker stops; another worker makes the next attempt.
var errWorkerStops = temporal.NewApplicationErrorWithOptions("the worker stops", contract.WorkerStopped,
	temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})

// untilWorkerStops returns a context that ends when the worker stops. By default the SDK ends it only after the whole
// stop timeout, which is as long as a purchase may take. What must not be interrupted detaches itself from the context,
// as SubmitTraining does.
func untilWorkerStops(ctx context.Context) (context.Context, context.CancelFunc) {
	stops := activity.GetWorkerStopChannel(ctx)
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-stops:
			cancel(errWorkerStops)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}
