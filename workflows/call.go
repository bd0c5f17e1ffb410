package workflows

import (
	"context"

	"go.temporal.io/sdk/workflow"
)

// call runs an activity under a policy. Its type parameters make the compiler check argument and result, which
// ExecuteActivity does not: a mismatch would be retried for ever.
func call[In, Out any](
	ctx workflow.Context, p policy, summary string, activity func(context.Context, In) (Out, error), in In,
) (Out, error) {
	var out Out
	err := start(ctx, p, summary, activity, in).Get(ctx, &out)
	return out, err
}

// do is call for an activity without a result.
func do[In any](
	ctx workflow.Context, p policy, summary string, activity func(context.Context, In) error, in In,
) error {
	return begin(ctx, p, summary, activity, in).Get(ctx, nil)
}

// start is call without waiting.
func start[In, Out any](
	ctx workflow.Context, p policy, summary string, activity func(context.Context, In) (Out, error), in In,
) workflow.Future {
	return begin(ctx, p, summary, activity, in)
}

func begin(ctx workflow.Context, p policy, summary string, activity, in any) workflow.Future {
	options := p.options
	options.Summary = summary // for the Web UI; never a name, an address or a prompt
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), activity, in)
}
