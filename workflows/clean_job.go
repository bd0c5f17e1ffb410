package workflows

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
)

// CleanJob stops a training job that no training waits for and removes what the provider holds of it. TrainPersona starts
// it at its end, and a webhook of a job that was given up starts it again.
func CleanJob(ctx workflow.Context, in contract.CleanJobInput) error {
	var purchases *activities.Training
	workflow.SetCurrentDetails(ctx, "Remove the provider's copies")
	return do(ctx, cleaning, "Remove the provider's copies", purchases.CleanProvider, activities.JobInput{
		TrainPersonaInput: contract.TrainPersonaInput{UserID: in.UserID, PersonaID: in.PersonaID}, JobID: in.JobID,
	})
}

// cleanJobOptions are those of a CleanJob that outlives the run that starts it.
func cleanJobOptions(in contract.CleanJobInput) workflow.ChildWorkflowOptions {
	return workflow.ChildWorkflowOptions{
		WorkflowID:            contract.CleanJobID(in.JobID),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		StaticSummary:         "Remove a training from the provider",
		TypedSearchAttributes: temporal.NewSearchAttributes(
			contract.PersonaIDKey.ValueSet(in.PersonaID), contract.UserIDKey.ValueSet(in.UserID)),
	}
}
