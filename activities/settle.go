package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

// FindTraining asks what became of an uncertain purchase: whether the webhook or a person has settled it meanwhile,
// and whether the provider's request list shows it. A list that has not shown it for longer than any training takes
// proves that nothing was bought, and the intent is free again. Until then it fails retryably with SubmitUncertain.
// Safe to run twice: it moves the job only from uncertain, once.
func (a *Training) FindTraining(ctx context.Context, in JobInput) (JobState, error) {
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	if err != nil || job.Status != persona.JobUncertain {
		return JobState{Status: job.Status, Reason: job.ErrorMessage}, err
	}
	sent := job.CreatedAt
	if job.SubmittingAt != nil {
		sent = *job.SubmittingAt
	}
	// The age is read before the question is asked: a list read later can only show more.
	age := time.Since(sent)
	requestID, found, err := a.Provider.FindTraining(ctx, job.DatasetURL, sent.Add(-time.Minute))
	switch {
	case err != nil:
		return JobState{}, err
	case found:
		return a.settle(ctx, job, persona.JobQueued, storage.JobChange{RequestID: &requestID})
	case age > a.Timing.AbsenceProof:
		return a.settle(ctx, job, persona.JobIntended, storage.JobChange{})
	}
	return JobState{}, temporal.NewApplicationErrorWithOptions(
		"it is not known whether the training was bought; asking the provider again", contract.SubmitUncertain,
		temporal.ApplicationErrorOptions{
			NextRetryDelay: a.Timing.Poll, Category: temporal.ApplicationErrorCategoryBenign,
		})
}

// DecideInput is a person's word about an uncertain purchase.
type DecideInput struct {
	JobInput
	contract.SettleInput
}

// DecideTraining records a person's word about an uncertain purchase. Safe to run twice. It fails with Superseded
// when the job is not uncertain (any more).
func (a *Training) DecideTraining(ctx context.Context, in DecideInput) (JobState, error) {
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	if err != nil {
		return JobState{}, err
	}
	to, change := persona.JobQueued, storage.JobChange{RequestID: &in.RequestID}
	if in.NothingBought {
		to, change = persona.JobIntended, storage.JobChange{}
	}
	moved, err := a.Store.MoveJob(ctx, job.UserID, job.ID, []persona.JobStatus{persona.JobUncertain}, to, change)
	return JobState{Status: moved.Status}, err
}

func (a *Training) settle(
	ctx context.Context, job storage.Job, to persona.JobStatus, change storage.JobChange,
) (JobState, error) {
	moved, err := a.Store.MoveJob(ctx, job.UserID, job.ID, []persona.JobStatus{persona.JobUncertain}, to, change)
	if errors.Is(err, storage.ErrConflict) {
		moved, err = a.Store.Job(ctx, job.UserID, job.ID)
	}
	return JobState{Status: moved.Status, Reason: moved.ErrorMessage}, err
}
