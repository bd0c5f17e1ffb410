package workflows

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
)

// EraseUser erases every persona of a user, side by side, and then what belonged to the user alone.
func EraseUser(ctx workflow.Context, in contract.EraseUserInput) (contract.EraseResult, error) {
	var erasure *activities.Erasure
	var total contract.EraseResult
	ids, err := call(ctx, erasing, "Make one erasure for each persona", erasure.PlanUserErasure, in)
	if err != nil {
		return total, err
	}
	children := make([]workflow.ChildWorkflowFuture, len(ids))
	for i, id := range ids {
		children[i] = child(ctx, childErasure(id), contract.PriorityErasure,
			contract.ErasePersonaWorkflow, contract.ErasePersonaInput{ErasureID: id})
	}
	for _, started := range children {
		var one contract.EraseResult
		err := started.Get(ctx, &one)
		if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
			continue // asked for by itself before: CertifyUser waits for its end
		}
		if err != nil {
			return total, err
		}
		total.Personas += one.Personas
		total.Blobs += one.Blobs
		total.Rows += one.Rows
		total.Histories += one.Histories
	}
	return total, do(ctx, erasing, "Remove what is the user's alone, and certify", erasure.CertifyUser, in)
}

func childErasure(erasureID string) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID:            contract.ErasePersonaID(erasureID),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		StaticSummary:         "Erase one persona",
	}
}
