package purchase

import (
	"context"
	"errors"
	"time"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// Buyer buys trainings and pictures. All fields but WebhookURL are required. It is safe for concurrent use.
type Buyer struct {
	Store    *storage.Store
	Provider *trainer.Client
	Timing   Timing
	// WebhookURL is our public address for the provider's webhooks, without the token; "" when the provider cannot reach us.
	WebhookURL string
}

// Ref names the training job of a user.
type Ref struct {
	UserID string
	JobID  string
}

// State is what is known of a purchase.
type State struct {
	Status persona.PurchaseStatus
	Reason string // a sentence for people when the job was refused or failed
	// Wait is set when the question has no answer yet: ask again after Timing.Poll.
	Wait bool
}

func stateOf(job storage.Job) State { return State{Status: job.Status, Reason: job.ErrorMessage} }

// move moves a job. If another caller has moved it first, it returns the job as that caller left it.
func (b *Buyer) move(
	ctx context.Context, job storage.Job, to persona.PurchaseStatus, by persona.Actor, change storage.JobChange,
) (storage.Job, error) {
	moved, err := b.Store.MoveJob(ctx, job.UserID, job.ID, to, by, change)
	if errors.Is(err, storage.ErrConflict) {
		return b.Store.Job(ctx, job.UserID, job.ID)
	}
	return moved, err
}

// lookFor asks the provider's list for a training whose reply was lost. age is how long ago it was submitted, read before
// the list: a list that is read later can only show more.
func lookFor(
	ctx context.Context, provider *trainer.Client, datasetURL string, submitted *time.Time, created time.Time,
) (requestID string, found bool, age time.Duration, err error) {
	age = time.Since(submittedAt(submitted, created))
	requestID, found, err = provider.FindTraining(ctx, datasetURL, listFrom(submitted, created))
	return requestID, found, age, err
}

// submittedAt returns when a purchase was submitted, or when its intent was recorded if the former is not on record.
func submittedAt(submitted *time.Time, created time.Time) time.Time {
	if submitted != nil {
		return *submitted
	}
	return created
}

// listFrom returns from when on the provider's list must be read to show a purchase. The minute before the submit is for
// a provider whose clock is behind.
func listFrom(submitted *time.Time, created time.Time) time.Time {
	return submittedAt(submitted, created).Add(-time.Minute)
}
