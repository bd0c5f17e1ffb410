package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/internal/contract"
)

// Register puts every workflow on a worker, a replayer or a test environment.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(TrainPersona, workflow.RegisterOptions{Name: contract.TrainPersonaWorkflow})
	r.RegisterWorkflowWithOptions(ErasePersona, workflow.RegisterOptions{Name: contract.ErasePersonaWorkflow})
	r.RegisterWorkflowWithOptions(EraseUser, workflow.RegisterOptions{Name: contract.EraseUserWorkflow})
	r.RegisterWorkflowWithOptions(CleanJob, workflow.RegisterOptions{Name: contract.CleanJobWorkflow})
}
