package purchase

import (
	"context"
	"errors"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

// Inbox takes the request ids that verified webhooks name. It calls no provider.
type Inbox struct {
	Store *storage.Store
}

// Told is what a webhook was about.
type Told struct {
	Job storage.Job // the zero value when the persona was erased
	// Erased is set when the persona was erased: the id is kept for the erasure, and no training waits.
	Erased bool
	// Ordered is set when the cleaning of the job was ordered: an outbox row is due.
	Ordered bool
	// Mismatch is set when the webhook names another request than the one on record. Nothing was changed.
	Mismatch bool
}

// receiveTries is how often a job that changes at the same moment is read again.
const receiveTries = 3

// Receive records the request id of the job whose token the webhook's address holds. The address is that of one attempt,
// so its request is the one that was bought, also when the job was given up. Cleaning is ordered when no training waits
// for the job. It returns storage.ErrNotFound when nothing has the token. Safe to run twice.
func (i Inbox) Receive(ctx context.Context, token, requestID string) (Told, error) {
	job, err := i.note(ctx, token, requestID)
	if errors.Is(err, storage.ErrNotFound) {
		err = i.Store.ErasedRequestByToken(ctx, token, requestID)
		return Told{Erased: err == nil}, err
	}
	if err != nil {
		return Told{}, err
	}
	if job.RequestID != requestID {
		return Told{Job: job, Mismatch: job.RequestID != ""}, nil
	}
	ordered, err := i.orderCleaning(ctx, job)
	return Told{Job: job, Ordered: ordered}, err
}

// note moves a purchase whose reply was lost to a known one, and returns the job as it is then.
func (i Inbox) note(ctx context.Context, token, requestID string) (job storage.Job, err error) {
	for range receiveTries {
		if job, err = i.Store.JobByToken(ctx, token); err != nil || job.RequestID != "" {
			return job, err
		}
		to := persona.PurchaseQueued
		switch {
		case job.Status == persona.PurchaseCancelled:
			to = persona.PurchaseCancelled
		case !job.Status.OutcomeUnknown():
			return job, nil // nothing of this attempt was bought
		}
		job, err = i.Store.MoveJob(ctx, job.UserID, job.ID, to, persona.ActorWebhook,
			storage.JobChange{RequestID: &requestID, Attempt: job.Attempt})
		if !errors.Is(err, storage.ErrConflict) {
			return job, err
		}
	}
	return job, err
}

// orderCleaning orders the cleaning of a job for which no training waits: it was cancelled, or its version ended before
// the purchase was known. A repeated webhook repeats the order. An erasure does its own cleaning.
func (i Inbox) orderCleaning(ctx context.Context, job storage.Job) (ordered bool, err error) {
	switch job.Status {
	case persona.PurchaseCancelled:
	case persona.PurchaseQueued, persona.PurchaseRunning:
		version, err := i.Store.Version(ctx, job.UserID, job.PersonaID, job.Version)
		if err != nil || version.Status == persona.VersionTraining {
			return false, ignoreErased(err)
		}
	default: // the training orders it
		return false, nil
	}
	err = i.Store.QueueJobCleaning(ctx, job.UserID, job.ID)
	return err == nil, ignoreErased(err)
}

// ignoreErased takes a job that was erased meanwhile as done: the erasure cleans it.
func ignoreErased(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}
