package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/internal/contract"
)

// Register puts every workflow on a worker, a replayer or a test environment. A workflow with a malformed input fails
// with contract.InputInvalid before it does anything.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(validated(TrainPersona), workflow.RegisterOptions{Name: contract.TrainPersonaWorkflow})
	r.RegisterWorkflowWithOptions(validated(ErasePersona), workflow.RegisterOptions{Name: contract.ErasePersonaWorkflow})
	r.RegisterWorkflowWithOptions(validated(EraseUser), workflow.RegisterOptions{Name: contract.EraseUserWorkflow})
	r.RegisterWorkflowWithOptions(validated(withoutResult(CleanJob)), workflow.RegisterOptions{Name: contract.CleanJobWorkflow})
}

// validated returns the workflow with a check of its input in front.
func validated[In interface{ Validate() error }, Out any](
	run func(workflow.Context, In) (Out, error),
) func(workflow.Context, In) (Out, error) {
	return func(ctx workflow.Context, in In) (Out, error) {
		if err := in.Validate(); err != nil {
			var none Out
			return none, temporal.NewNonRetryableApplicationError(err.Error(), contract.InputInvalid, nil)
		}
		return run(ctx, in)
	}
}

// withoutResult gives a workflow that returns an error alone the form of the others.
func withoutResult[In any](run func(workflow.Context, In) error) func(workflow.Context, In) (any, error) {
	return func(ctx workflow.Context, in In) (any, error) { return nil, run(ctx, in) }
}
