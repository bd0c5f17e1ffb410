package purchase

import (
	"context"
	"errors"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// Claim is what a person says about an uncertain training. Exactly one field is given.
type Claim struct {
	RequestID     string // the provider's id of the job
	NothingBought bool
}

// Settle records a person's claim, after it was checked with the provider. A request id must be one that the provider
// lists as a training, on the pictures of this job where its input is stored; nothing bought must not be contradicted by the provider's list,
// and may be claimed only when the submit is so old that the list would show it. A claim that does not hold is a
// *persona.Error with CodeClaimRejected and changes nothing. A provider that cannot be asked is an error of kind
// Unavailable. A claim that was recorded before is a success.
func (b *Buyer) Settle(ctx context.Context, ref Ref, claim Claim) (State, error) {
	job, err := b.Store.Job(ctx, ref.UserID, ref.JobID)
	if err != nil {
		return State{}, err
	}
	if claim.RequestID != "" && job.RequestID == claim.RequestID && job.Status != persona.PurchaseUncertain {
		return stateOf(job), nil
	}
	switch {
	case claim.NothingBought == (claim.RequestID != ""):
		return State{}, rejected("Give either the request id or that nothing was bought.")
	case job.Status != persona.PurchaseUncertain:
		return State{}, rejected("This purchase is not uncertain.")
	case claim.NothingBought:
		return b.settleNothing(ctx, job)
	default:
		return b.settleRequest(ctx, job, claim.RequestID)
	}
}

func (b *Buyer) settleRequest(ctx context.Context, job storage.Job, requestID string) (State, error) {
	switch {
	case !trainer.IsRequestID(requestID):
		return State{}, rejected("This is not a request id of the provider: it has 1 to 128 letters, digits, - and _.")
	case job.RequestID != "" && job.RequestID != requestID:
		return State{}, rejected("The provider acknowledged this purchase with another request id.")
	}
	dataset, known, err := b.Provider.TrainingDataset(ctx, requestID, listFrom(job.SubmittingAt, job.CreatedAt))
	switch {
	case err != nil:
		return State{}, err
	case !known:
		return State{}, rejected("The provider's list does not show a training with this request id.")
	case dataset != "" && dataset != job.DatasetURL:
		return State{}, rejected("The provider's training with this request id has other pictures.")
	}
	moved, err := b.Store.MoveJob(ctx, job.UserID, job.ID, persona.PurchaseQueued, persona.ActorPerson, storage.JobChange{RequestID: &requestID})
	if errors.Is(err, storage.ErrConflict) {
		return State{}, rejected("Another purchase has this request id, or this one was settled meanwhile.")
	}
	return stateOf(moved), err
}

func (b *Buyer) settleNothing(ctx context.Context, job storage.Job) (State, error) {
	if job.RequestID != "" {
		if _, err := b.Provider.TrainingStatus(ctx, job.RequestID); err == nil {
			return State{}, rejected("The provider has the training.")
		}
	}
	_, found, age, err := lookFor(ctx, b.Provider, job.DatasetURL, job.SubmittingAt, job.CreatedAt)
	switch {
	case err != nil:
		return State{}, err
	case found:
		return State{}, rejected("The provider's list shows the training.")
	case age < 2*b.Timing.Submit:
		return State{}, rejected("The submit is too recent: the provider's list may not show it yet. Try again in a few minutes.")
	}
	moved, err := b.Store.MoveJob(ctx, job.UserID, job.ID, persona.PurchaseIntended, persona.ActorPerson, storage.JobChange{Attempt: job.Attempt})
	return stateOf(moved), err
}

func rejected(why string) error {
	return &persona.Error{Kind: persona.Conflict, Code: persona.CodeClaimRejected, Message: why}
}
