package purchase

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

var (
	// ErrNoPictures is returned by Draw when the provider made no pictures in any of the tries that are allowed.
	ErrNoPictures = errors.New("purchase: the provider did not make the pictures")
	// ErrTryFailed is returned by Draw after a try that the provider failed, when another one is allowed.
	ErrTryFailed = errors.New("purchase: the provider failed to make the pictures")
)

// PictureRef names pictures of a training job.
type PictureRef struct {
	Ref
	Key string // which pictures, among those of the job
}

// Drawn is what became of an order for pictures.
type Drawn struct {
	Order   storage.PictureOrder
	Result  trainer.GenerateResult // empty when Refused
	Refused bool                   // the provider's content rules do not allow the pictures
	// Collected is set when an earlier run has stored the pictures and called Collected; Result is then empty.
	Collected bool
}

// The notes that are kept with an order, for the next run of Draw.
const (
	noteRules = "refused by the provider's content rules"
	noteGone  = "the provider does not keep the pictures any more"
)

// Types of the provider's errors that have a meaning here.
const (
	contentRules = "content_policy_violation" // its content rules do not allow the request
	noWeights    = "file_download_error"      // it could not fetch the weights, which it keeps itself: an outage
)

// Draw buys pictures and waits for them. Every request is on record before it is sent, so another run of the same call
// continues where the last one ended and buys nothing again while the provider keeps the result.
//
// A run makes one try at most. After a request that the provider failed it returns ErrTryFailed, and the caller's retry
// policy paces the next run. Requests that ended through a fault of the provider, which bills nothing, have no bound but
// that policy's. Tries that may have been billed are bounded: there are at most storage.MaxPictureTries for a key, at
// most two of them with a lost reply and no request in the provider's list; after them Draw returns ErrNoPictures.
//
// It returns storage.ErrConflict when the version has ended or the persona is being erased. The caller stores the pictures
// and then calls Collected.
func (b *Buyer) Draw(ctx context.Context, ref PictureRef, request trainer.GenerateRequest) (Drawn, error) {
	lost, tried := 0, false
	for try := 1; try <= storage.MaxPictureTries && lost < 2; try++ {
		if tried {
			return Drawn{}, ErrTryFailed
		}
		order, err := b.Store.EnsurePicture(ctx, ref.UserID, ref.JobID, ref.Key, try, trainer.GenerationEndpoint)
		if err != nil {
			return Drawn{}, err
		}
		if order.Status == persona.PurchaseCompleted && order.CleanedAt != nil {
			return Drawn{Order: order, Collected: true}, nil
		}
		tried = !over(order)
		order, result, err := b.draw(ctx, order, request)
		switch {
		case err != nil:
			return Drawn{}, err
		case order.ErrorMessage == noteRules:
			return Drawn{Order: order, Refused: true}, nil
		case order.Status == persona.PurchaseCompleted && order.ErrorMessage == "":
			return Drawn{Order: order, Result: result}, nil
		case order.Status == persona.PurchaseCancelled:
			lost++
		}
	}
	return Drawn{}, ErrNoPictures
}

// over reports whether nothing more comes of a try.
func over(order storage.PictureOrder) bool {
	switch order.Status {
	case persona.PurchaseCompleted:
		return order.ErrorMessage != ""
	case persona.PurchaseFailed, persona.PurchaseRefused, persona.PurchaseCancelled:
		return true
	default:
		return false
	}
}

// draw brings one try to its end: the order is then over, or completed with its result.
func (b *Buyer) draw(
	ctx context.Context, order storage.PictureOrder, request trainer.GenerateRequest,
) (_ storage.PictureOrder, result trainer.GenerateResult, err error) {
	if order.Status == persona.PurchaseSubmitting { // an earlier run ended without writing the outcome
		order, err = b.movePicture(ctx, order, persona.PurchaseUncertain, persona.ActorSender, storage.JobChange{Attempt: order.Attempt})
	}
	pause := firstPicturePause
	for err == nil && !over(order) {
		switch order.Status {
		case persona.PurchaseIntended:
			order, err = b.order(ctx, order, request)
		case persona.PurchaseSubmitting, persona.PurchaseUncertain:
			order, err = b.findPicture(ctx, order, request, &pause)
		case persona.PurchaseCompleted:
			order, result, err = b.fetchPicture(ctx, order)
			return order, result, err
		default:
			order, err = b.askPicture(ctx, order, &pause)
		}
	}
	return order, result, err
}

// order sends one request, once.
func (b *Buyer) order(ctx context.Context, order storage.PictureOrder, request trainer.GenerateRequest) (storage.PictureOrder, error) {
	begun, err := b.Store.BeginPicture(ctx, order.UserID, order.ID)
	if errors.Is(err, storage.ErrConflict) {
		now, readErr := b.Store.Picture(ctx, order.UserID, order.ID)
		if readErr != nil || now.Status == persona.PurchaseIntended {
			return now, errors.Join(err, readErr)
		}
		return now, nil // another run is sending it
	}
	if err != nil {
		return order, err
	}
	ctx = context.WithoutCancel(ctx) // see Submit
	sending, stop := context.WithTimeout(ctx, b.Timing.Submit)
	defer stop()
	requestID, err := b.Provider.SubmitGeneration(sending, request)
	if err == nil {
		return b.recordPicture(ctx, begun, persona.PurchaseQueued, storage.JobChange{RequestID: &requestID})
	}
	to, reason := outcomeOf(err)
	if failed, ok := errors.AsType[*trainer.SubmitError](err); ok && failed.Type == contentRules {
		reason = noteRules
	}
	moved, moveErr := b.recordPicture(ctx, begun, to, storage.JobChange{ErrorMessage: &reason})
	if to == persona.PurchaseIntended || moveErr != nil {
		return moved, errors.Join(moveErr, err)
	}
	return moved, nil
}

func (b *Buyer) recordPicture(
	ctx context.Context, order storage.PictureOrder, to persona.PurchaseStatus, change storage.JobChange,
) (storage.PictureOrder, error) {
	change.Attempt = order.Attempt
	return writeOutcome(ctx, to, change, func(to persona.PurchaseStatus) (storage.PictureOrder, persona.PurchaseStatus, error) {
		moved, err := b.movePicture(ctx, order, to, persona.ActorSender, change)
		return moved, moved.Status, err
	})
}

// movePicture is move for an order of pictures.
func (b *Buyer) movePicture(
	ctx context.Context, order storage.PictureOrder, to persona.PurchaseStatus, by persona.Actor, change storage.JobChange,
) (storage.PictureOrder, error) {
	moved, err := b.Store.MovePicture(ctx, order.UserID, order.ID, to, by, change)
	if errors.Is(err, storage.ErrConflict) {
		return b.Store.Picture(ctx, order.UserID, order.ID)
	}
	return moved, err
}

// findPicture looks once for a request whose reply was lost, and gives it up when the list must have shown it.
func (b *Buyer) findPicture(
	ctx context.Context, order storage.PictureOrder, request trainer.GenerateRequest, pause *time.Duration,
) (storage.PictureOrder, error) {
	age := time.Since(submittedAt(order.SubmittingAt, order.CreatedAt))
	requestID, found, err := b.Provider.FindGeneration(ctx, request, listFrom(order.SubmittingAt, order.CreatedAt))
	switch {
	case err != nil:
		return order, err
	case found:
		return b.movePicture(ctx, order, persona.PurchaseQueued, persona.ActorList, storage.JobChange{RequestID: &requestID})
	case age > b.Timing.pictureAbsence():
		reason := mayBeBilled
		return b.movePicture(ctx, order, persona.PurchaseCancelled, persona.ActorCanceller, storage.JobChange{ErrorMessage: &reason})
	}
	return b.pausePicture(ctx, order, pause)
}

// askPicture asks once about a request that the provider acknowledged.
func (b *Buyer) askPicture(ctx context.Context, order storage.PictureOrder, pause *time.Duration) (storage.PictureOrder, error) {
	status, err := b.Provider.GenerationStatus(ctx, order.RequestID)
	switch {
	case errors.Is(err, trainer.ErrUnknownRequest):
		return b.movePicture(ctx, order, persona.PurchaseUncertain, persona.ActorPoller, storage.JobChange{})
	case err != nil:
		return order, err
	case status.State != trainer.Completed:
		return b.pausePicture(ctx, order, pause)
	}
	order, _, err = b.fetchPicture(ctx, order)
	return order, err
}

// fetchPicture fetches the result of a request that has ended and records what it says.
func (b *Buyer) fetchPicture(ctx context.Context, order storage.PictureOrder) (storage.PictureOrder, trainer.GenerateResult, error) {
	result, err := b.Provider.GenerationResult(ctx, order.RequestID)
	failed, ended := errors.AsType[*trainer.JobError](err)
	to, note := persona.PurchaseCompleted, ""
	switch {
	case ended && order.Status == persona.PurchaseCompleted:
		note = noteGone // it was there before
	case ended && (failed.Retryable || failed.Type == noWeights) && failed.Type != contentRules:
		return b.freePicture(ctx, order)
	case ended:
		to, note = persona.PurchaseFailed, failed.Message
		if failed.Type == contentRules {
			note = noteRules
		}
	case err != nil:
		return order, result, err
	}
	order, err = b.movePicture(ctx, order, to, persona.ActorPoller, storage.JobChange{ErrorMessage: &note})
	return order, result, err
}

// freePicture makes an order free for another attempt, after a request that ended through a fault of the provider. Such
// requests are not billed. The provider's record of it goes first, because its id is not kept.
func (b *Buyer) freePicture(ctx context.Context, order storage.PictureOrder) (storage.PictureOrder, trainer.GenerateResult, error) {
	if err := b.Provider.ErasePayload(ctx, order.RequestID); err != nil {
		return order, trainer.GenerateResult{}, err
	}
	order, err := b.movePicture(ctx, order, persona.PurchaseIntended, persona.ActorPoller, storage.JobChange{Attempt: order.Attempt})
	return order, trainer.GenerateResult{}, cmp.Or(err, ErrTryFailed)
}

// Gone notes that the provider does not keep the pictures of a completed order any more, and returns ErrTryFailed: another
// try is needed.
func (b *Buyer) Gone(ctx context.Context, order storage.PictureOrder) error {
	note := noteGone
	_, err := b.movePicture(ctx, order, persona.PurchaseCompleted, persona.ActorPoller, storage.JobChange{ErrorMessage: &note})
	return cmp.Or(err, ErrTryFailed)
}

// The pauses between two questions about a picture, which takes seconds: each is half as long again as the one before.
const (
	firstPicturePause = 100 * time.Millisecond
	maxPicturePause   = time.Second
)

// pausePicture waits and reads the order again. pause is lengthened for the next call.
func (b *Buyer) pausePicture(ctx context.Context, order storage.PictureOrder, pause *time.Duration) (storage.PictureOrder, error) {
	timer := time.NewTimer(min(b.Timing.Poll, *pause))
	defer timer.Stop()
	*pause = min(*pause*3/2, maxPicturePause)
	select {
	case <-ctx.Done():
		return order, ctx.Err()
	case <-timer.C:
		return b.Store.Picture(ctx, order.UserID, order.ID)
	}
}

// Collected removes the provider's copies of pictures that the caller has stored, of this try and of the ones before it.
// What cannot be removed now is removed by Clean. Safe to run twice.
func (b *Buyer) Collected(ctx context.Context, order storage.PictureOrder) error {
	if order.CleanedAt != nil || order.RequestID == "" {
		return nil
	}
	if err := b.Provider.ErasePayload(ctx, order.RequestID); err != nil {
		return err
	}
	return b.Store.MarkPictureCleaned(ctx, order.UserID, order.ID)
}

// cleanPicture is Clean for one order.
func (b *Buyer) cleanPicture(ctx context.Context, order storage.PictureOrder, weights string) (done bool, err error) {
	if order.CleanedAt != nil {
		return true, nil
	}
	if !order.Status.Ended() && order.Status != persona.PurchaseCancelled {
		reason := mayBeBilled
		order, err = b.movePicture(ctx, order, persona.PurchaseCancelled, persona.ActorCanceller, storage.JobChange{ErrorMessage: &reason})
		if err != nil {
			return false, err
		}
	}
	done, err = b.remove(ctx, remains{
		kind: persona.PurchasePicture, requestID: order.RequestID, ended: order.Status.Ended(), weights: weights,
		submitted: order.SubmittingAt, created: order.CreatedAt,
	})
	if err != nil || !done {
		return false, err
	}
	return true, b.Store.MarkPictureCleaned(ctx, order.UserID, order.ID)
}
