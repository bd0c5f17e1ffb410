package purchase

import (
	"context"
	"errors"
	"time"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// Clean stops a training that nobody waits for and removes everything that the provider holds of it: the uploaded
// pictures, input and output of the training, test pictures. It is called again until done is true; each call cancels
// what still runs, because a provider may accept a cancel and not act on it. A job that is not there is done. Safe to
// run twice.
func (b *Buyer) Clean(ctx context.Context, ref Ref) (done bool, err error) {
	job, err := b.Store.Job(ctx, ref.UserID, ref.JobID)
	if errors.Is(err, storage.ErrNotFound) {
		return true, nil
	}
	if err != nil || job.CleanedAt != nil {
		return err == nil, err
	}
	if !job.Status.Ended() && job.Status != persona.PurchaseCancelled {
		if _, err := b.giveUp(ctx, job, job.Status != persona.PurchaseIntended); err != nil {
			return false, err
		}
	}
	done, err = b.remove(ctx, remains{
		kind: persona.PurchaseTraining, requestID: job.RequestID, ended: job.Status.Ended(), placed: job.PlacedURLs,
		dataset: job.DatasetURL, submitted: job.SubmittingAt, created: job.CreatedAt,
		found: func(ctx context.Context, requestID string) error {
			_, err := b.move(ctx, job, persona.PurchaseCancelled, persona.ActorList, storage.JobChange{RequestID: &requestID})
			return err
		},
	})
	if err != nil {
		return false, err
	}
	orders, err := b.Store.PicturesOf(ctx, job.UserID, job.ID)
	if err != nil {
		return false, err
	}
	for _, order := range orders {
		gone, err := b.cleanPicture(ctx, order, job.WeightsURL)
		if err != nil {
			return false, err
		}
		done = done && gone
	}
	if !done {
		return false, nil
	}
	return true, b.Store.MarkCleaned(ctx, job.UserID, job.ID)
}

// Erased is Clean for a purchase whose persona was erased.
func (b *Buyer) Erased(ctx context.Context, p storage.ErasedPurchase) (done bool, err error) {
	return b.remove(ctx, remains{
		kind: p.Kind, requestID: p.RequestID, ended: p.Status.Ended(), placed: p.PlacedURLs, dataset: p.DatasetURL,
		weights: p.WeightsURL, submitted: p.SubmittingAt, created: p.CreatedAt,
		found: func(ctx context.Context, requestID string) error {
			return b.Store.NoteErasedRequest(ctx, p.ErasureID, p.ID, requestID)
		},
	})
}

// remains is what the provider may hold of one purchase.
type remains struct {
	kind      persona.PurchaseKind
	requestID string // "" while it is not known
	ended     bool   // the provider is known to have finished the request
	placed    []string
	dataset   string     // of a training
	weights   string     // of a picture: what it is drawn with, which no other persona's pictures are
	submitted *time.Time // nil when nothing was submitted
	created   time.Time
	found     func(ctx context.Context, requestID string) error // records an id that the list shows
}

// remove hides the uploads, stops the request and erases its payload. done is false while the request has not ended, or
// while it is not proved that there is none.
func (b *Buyer) remove(ctx context.Context, r remains) (done bool, err error) {
	// Uploads first: a job that has not read them can only fail.
	for _, address := range r.placed {
		if err := b.Provider.HideFile(ctx, address); err != nil {
			return false, err
		}
	}
	switch {
	case r.requestID != "":
		return b.removeRequest(ctx, r, r.requestID)
	case r.submitted == nil || r.ended:
		return true, nil
	case r.kind == persona.PurchasePicture:
		return b.removePictures(ctx, r)
	}
	requestID, found, age, err := lookFor(ctx, b.Provider, r.dataset, r.submitted, r.created)
	if err != nil || !found {
		return err == nil && age > b.Timing.AbsenceProof, err
	}
	if err := r.found(ctx, requestID); err != nil {
		return false, err
	}
	return b.removeRequest(ctx, r, requestID)
}

// removePictures removes every request that uses the weights: the one whose reply was lost is among them, and the others
// are of the same persona and not needed any more.
func (b *Buyer) removePictures(ctx context.Context, r remains) (done bool, err error) {
	age := time.Since(*r.submitted)
	ids, err := b.Provider.FindGenerations(ctx, r.weights, listFrom(r.submitted, r.created))
	if err != nil {
		return false, err
	}
	done = age > b.Timing.pictureAbsence()
	for _, id := range ids {
		gone, err := b.removeRequest(ctx, r, id)
		if err != nil {
			return false, err
		}
		done = done && gone
	}
	return done, nil
}

func (b *Buyer) removeRequest(ctx context.Context, r remains, requestID string) (done bool, err error) {
	if !r.ended {
		running, err := b.stop(ctx, r, requestID)
		if err != nil || running {
			return false, err
		}
	}
	return true, b.Provider.ErasePayload(ctx, requestID)
}

// stop cancels a request and reports whether it may still run. A request that the queue does not find may still run until
// no job of its age can.
func (b *Buyer) stop(ctx context.Context, r remains, requestID string) (running bool, err error) {
	status, cancel, longest := b.Provider.TrainingStatus, b.Provider.CancelTraining, b.Timing.AbsenceProof
	if r.kind == persona.PurchasePicture {
		status, cancel, longest = b.Provider.GenerationStatus, b.Provider.CancelGeneration, b.Timing.pictureAbsence()
	}
	news, err := status(ctx, requestID)
	switch {
	case errors.Is(err, trainer.ErrUnknownRequest):
		return r.submitted != nil && time.Since(*r.submitted) < longest, nil
	case err != nil:
		return false, err
	case news.State == trainer.Completed:
		return false, nil
	}
	outcome, err := cancel(ctx, requestID)
	return outcome != trainer.Removed && outcome != trainer.TooLate, err
}
