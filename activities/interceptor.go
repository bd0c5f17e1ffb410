package activities

import (
	"context"
	"runtime/debug"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/internal/contract"
)

// Interceptor wraps every activity. It sends heartbeats, turns a panic into an error, and replaces every error by a
// typed one whose text a history may hold: no address, no value of a row, no text of a provider.
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
	ctx, stop := startHeartbeat(ctx)
	defer stop()
	defer func() {
		if p := recover(); p != nil {
			// The stack is logged and the value is not: it may quote what the activity worked on.
			activity.GetLogger(ctx).Error("an activity panicked", "stack", string(debug.Stack()))
			out, err = nil, temporal.NewApplicationError("the activity panicked", contract.Panicked)
		}
	}()
	out, err = i.Next.ExecuteActivity(ctx, in)
	return out, onWire(err)
}
