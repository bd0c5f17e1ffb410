package activities

import (
	"context"
	"time"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// FindTraining asks what became of an uncertain purchase: whether the webhook or a person has settled it meanwhile,
// and whether the provider's request list shows it. A list that has not shown it for longer than any training takes
// proves that nothing was bought, and the intent is free again. Until then it fails retryably with SubmitUncertain.
// Safe to run twice: it moves the job only from uncertain, once.
func (a *Training) FindTraining(ctx context.Context, in JobInput) (JobState, error) {
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	if err != nil || job.Status != persona.PurchaseUncertain {
		return JobState{Status: job.Status, Reason: job.ErrorMessage}, err
	}
	requestID, found, age, err := lookFor(ctx, a.Provider, job)
	switch {
	case err != nil:
		return JobState{}, err
	case found:
		return a.move(ctx, job, uncertain, persona.PurchaseQueued, storage.JobChange{RequestID: &requestID})
	case age > a.Timing.AbsenceProof:
		return a.move(ctx, job, uncertain, persona.PurchaseIntended, storage.JobChange{})
	}
	return JobState{}, notYet("it is not known whether the training was bought; asking the provider again",
		contract.SubmitUncertain, a.Timing.Poll)
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
	to, change := persona.PurchaseQueued, storage.JobChange{RequestID: &in.RequestID}
	if in.NothingBought {
		to, change = persona.PurchaseIntended, storage.JobChange{}
	}
	moved, err := a.Store.MoveJob(ctx, job.UserID, job.ID, uncertain, to, change)
	return JobState{Status: moved.Status}, err
}

// uncertain is the state that only news from the provider or a person may end.
var uncertain = []persona.PurchaseStatus{persona.PurchaseUncertain}

// lookFor asks the provider's request list for a purchase whose reply was lost, and returns how long ago it was sent.
// The age is read before the question is asked: a list read later can only show more.
func lookFor(
	ctx context.Context, provider *trainer.Client, job storage.Job,
) (requestID string, found bool, age time.Duration, err error) {
	sent := job.CreatedAt
	if job.SubmittingAt != nil {
		sent = *job.SubmittingAt
	}
	age = time.Since(sent)
	requestID, found, err = provider.FindTraining(ctx, job.DatasetURL, sent.Add(-time.Minute))
	return requestID, found, age, err
}
