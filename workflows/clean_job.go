package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
)

// CleanJob stops a training job that turned out to have been bought after it was given up, and removes what the provider
// holds of it.
func CleanJob(ctx workflow.Context, in contract.CleanJobInput) error {
	var purchases *activities.Training
	workflow.SetCurrentDetails(ctx, "Remove the provider's copies")
	return do(ctx, cleaning, "Remove the provider's copies", purchases.CleanLateJob, activities.JobInput{
		TrainPersonaInput: contract.TrainPersonaInput{UserID: in.UserID, PersonaID: in.PersonaID}, JobID: in.JobID,
	})
}
