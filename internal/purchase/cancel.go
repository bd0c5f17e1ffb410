package purchase

import (
	"context"
	"errors"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// Settlement says what a training that was given up may still cost.
type Settlement struct {
	MayBeBilled bool
}

// mayBeBilled is kept with a cancelled job that may cost something.
const mayBeBilled = "given up; it may still be billed"

// Cancel gives up a training, whatever state it is in, and asks the provider once to stop it. After it nothing can be
// submitted for the job any more; Clean goes on until the provider has stopped. A job that is not there, or that has
// ended, is a success. Safe to run twice.
func (b *Buyer) Cancel(ctx context.Context, ref Ref) (Settlement, error) {
	job, err := b.Store.Job(ctx, ref.UserID, ref.JobID)
	if errors.Is(err, storage.ErrNotFound) {
		return Settlement{}, nil
	}
	if err != nil {
		return Settlement{}, err
	}
	switch job.Status {
	case persona.PurchaseIntended:
		return b.giveUp(ctx, job, false)
	case persona.PurchaseRefused:
		return Settlement{}, nil
	case persona.PurchaseCompleted, persona.PurchaseFailed:
		return Settlement{MayBeBilled: true}, nil
	case persona.PurchaseCancelled:
		return Settlement{MayBeBilled: job.ErrorMessage != ""}, nil
	case persona.PurchaseSubmitting, persona.PurchaseUncertain, persona.PurchaseQueued, persona.PurchaseRunning:
		if job.RequestID == "" {
			return b.cancelUnknown(ctx, ref, job)
		}
	}
	outcome, err := b.Provider.CancelTraining(ctx, job.RequestID)
	if err != nil {
		return Settlement{}, err
	}
	// Only a job that never left the queue certainly costs nothing. A provider that does not find a job it acknowledged
	// has said nothing about its price.
	return b.giveUp(ctx, job, outcome != trainer.Removed)
}

// cancelUnknown gives up a job whose outcome is unknown. When the provider's list shows it, it is cancelled there.
func (b *Buyer) cancelUnknown(ctx context.Context, ref Ref, job storage.Job) (Settlement, error) {
	requestID, found, _, err := lookFor(ctx, b.Provider, job.DatasetURL, job.SubmittingAt, job.CreatedAt)
	if err != nil {
		return Settlement{}, err
	}
	if !found {
		return b.giveUp(ctx, job, true)
	}
	if _, err := b.move(ctx, job, persona.PurchaseQueued, persona.ActorList, storage.JobChange{RequestID: &requestID}); err != nil {
		return Settlement{}, err
	}
	return b.Cancel(ctx, ref)
}

func (b *Buyer) giveUp(ctx context.Context, job storage.Job, billed bool) (Settlement, error) {
	reason := ""
	if billed {
		reason = mayBeBilled
	}
	_, err := b.Store.MoveJob(ctx, job.UserID, job.ID, persona.PurchaseCancelled, persona.ActorCanceller, storage.JobChange{ErrorMessage: &reason})
	if errors.Is(err, storage.ErrConflict) { // it ended at this moment
		return Settlement{MayBeBilled: true}, nil
	}
	return Settlement{MayBeBilled: billed}, err
}
