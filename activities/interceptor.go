package activities

import (
	"context"

	"go.temporal.io/sdk/interceptor"
)

// Interceptor stands around every activity: it keeps its pulse, and gives every error that leaves it its type on the
// wire, without what a history must not hold: addresses, values of rows, texts of a provider.
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

func (i *activityInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	ctx, rest := startPulse(ctx)
	defer rest()
	out, err := i.Next.ExecuteActivity(ctx, in)
	return out, onWire(err)
}
