package workflows

import (
	"context"

	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/internal/contract"
)

// call runs an activity under a policy. Its type parameters make the compiler check argument and result, which
// ExecuteActivity does not: a mismatch would be retried until the policy ends. The argument also names the fairness key.
func call[In contract.Keyed, Out any](
	ctx workflow.Context, p policy, summary string, activity func(context.Context, In) (Out, error), in In,
) (Out, error) {
	var out Out
	err := start(ctx, p, summary, activity, in).Get(ctx, &out)
	return out, err
}

// do is call for an activity without a result.
func do[In contract.Keyed](
	ctx workflow.Context, p policy, summary string, activity func(context.Context, In) error, in In,
) error {
	return begin(ctx, p, summary, activity, in).Get(ctx, nil)
}

// start is call without waiting.
func start[In contract.Keyed, Out any](
	ctx workflow.Context, p policy, summary string, activity func(context.Context, In) (Out, error), in In,
) workflow.Future {
	return begin(ctx, p, summary, activity, in)
}

func begin(ctx workflow.Context, p policy, summary string, activity any, in contract.Keyed) workflow.Future {
	options := p.options
	options.Priority = contract.PriorityOf(p.priority, in)
	options.Summary = summary // for the Web UI; never a name, an address or a prompt
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), activity, in)
}

// child runs a workflow as a child of this one, on the main queue.
func child(ctx workflow.Context, o workflow.ChildWorkflowOptions, level int, name string, in contract.Keyed) workflow.ChildWorkflowFuture {
	o.TaskQueue = contract.MainQueue
	o.Priority = contract.PriorityOf(level, in)
	return workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, o), name, in)
}
