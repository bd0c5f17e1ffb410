package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
)

// CleanJob stops a training job that turned out to have been bought after it was given up, and removes what the provider
// holds of it. It has no result.
func CleanJob(ctx workflow.Context, in contract.CleanJobInput) (any, error) {
	var purchases *activities.Training
	return nil, do(ctx, lateCleaning, "Stop the job and remove it from the provider", purchases.CleanLateJob, activities.JobInput{
		TrainPersonaInput: contract.TrainPersonaInput{UserID: in.UserID, PersonaID: in.PersonaID}, JobID: in.JobID,
	})
}
