package activities

import (
	"context"
	"errors"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// Settlement says what a job that is given up may still cost.
type Settlement struct {
	MayBeBilled bool
}

// CancelJob gives up a training job at the provider, whatever state it is in. Safe to run twice, and when there is no
// job: cancelling what is cancelled, unknown or completed is done. An uncertain purchase that the provider's list
// does not show is given up as it is: its pictures are taken away, so that it can at most fail.
func (a *Training) CancelJob(ctx context.Context, in JobInput) (Settlement, error) {
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	if errors.Is(err, storage.ErrNotFound) {
		return Settlement{}, nil
	}
	if err != nil {
		return Settlement{}, err
	}
	switch job.Status {
	case persona.PurchaseIntended, persona.PurchaseRefused:
		return Settlement{}, nil
	case persona.PurchaseCompleted, persona.PurchaseFailed:
		return Settlement{MayBeBilled: true}, nil
	case persona.PurchaseCancelled:
		return Settlement{MayBeBilled: job.ErrorMessage != ""}, nil
	case persona.PurchaseSubmitting, persona.PurchaseUncertain:
		return a.cancelUncertain(ctx, in, job)
	default:
		return a.cancelBought(ctx, job)
	}
}

// unsettled are the states in which nobody knows whether a job was bought.
var unsettled = []persona.PurchaseStatus{persona.PurchaseSubmitting, persona.PurchaseUncertain}

const mayBeBilled = "given up; it may still be billed"

func (a *Training) cancelUncertain(ctx context.Context, in JobInput, job storage.Job) (Settlement, error) {
	requestID, found, _, err := lookFor(ctx, a.Provider, job)
	if err != nil {
		return Settlement{}, err
	}
	if found {
		_, err = moveOrRead(ctx, a.Store, job, unsettled, persona.PurchaseQueued, storage.JobChange{RequestID: &requestID})
		if err != nil {
			return Settlement{}, err
		}
		return a.CancelJob(ctx, in)
	}
	return a.giveUp(ctx, job, true)
}

func (a *Training) cancelBought(ctx context.Context, job storage.Job) (Settlement, error) {
	outcome, err := a.Provider.CancelTraining(ctx, job.RequestID)
	if err != nil {
		return Settlement{}, err
	}
	// Only a job that never left the queue, or that the provider does not know, certainly costs nothing.
	return a.giveUp(ctx, job, outcome != trainer.Removed && outcome != trainer.Unknown404)
}

func (a *Training) giveUp(ctx context.Context, job storage.Job, billed bool) (Settlement, error) {
	reason := ""
	if billed {
		reason = mayBeBilled
	}
	_, err := a.Store.MoveJob(ctx, job.UserID, job.ID, []persona.PurchaseStatus{
		persona.PurchaseSubmitting, persona.PurchaseUncertain, persona.PurchaseQueued, persona.PurchaseRunning,
	}, persona.PurchaseCancelled, storage.JobChange{ErrorMessage: &reason})
	if errors.Is(err, storage.ErrConflict) { // it ended by itself at this moment
		return Settlement{MayBeBilled: true}, nil
	}
	return Settlement{MayBeBilled: billed}, err
}
