package purchase

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// Reply is the provider's acknowledgement of one attempt, for a caller that can keep it where the database cannot be
// reached. The zero value is none.
type Reply struct {
	Attempt   int
	RequestID string
}

// Submit buys a training, at most once for each attempt. The intent is committed before anything is sent, and of any
// number of callers one sends. The attempt ends in one of four ways: acknowledged; certainly not bought, and the error is
// retryable; refused; or uncertain.
//
// kept is the reply that an earlier run of the same activity could not write; keep is told of a reply before it is
// written. A run that finds the attempt of an earlier run without an outcome and without a reply calls it uncertain and
// sends nothing. Submit goes on when ctx is cancelled, for at most Timing.Submit and RecordWithin.
func (b *Buyer) Submit(ctx context.Context, ref Ref, trigger string, kept Reply, keep func(Reply)) (State, error) {
	job, err := b.Store.Job(ctx, ref.UserID, ref.JobID)
	if err != nil {
		return State{}, err
	}
	switch {
	case job.Status == persona.PurchaseIntended:
		return b.send(ctx, ref, job, trigger, keep)
	case job.Status.OutcomeUnknown() && kept.RequestID != "" && kept.Attempt == job.Attempt:
		return b.record(ctx, job, persona.PurchaseQueued, storage.JobChange{RequestID: &kept.RequestID})
	case job.Status == persona.PurchaseSubmitting:
		return b.record(ctx, job, persona.PurchaseUncertain, storage.JobChange{})
	default:
		return stateOf(job), nil
	}
}

func (b *Buyer) send(ctx context.Context, ref Ref, job storage.Job, trigger string, keep func(Reply)) (State, error) {
	begun, err := b.Store.BeginSubmit(ctx, ref.UserID, ref.JobID)
	if errors.Is(err, storage.ErrConflict) {
		return b.lostTheRace(ctx, ref)
	}
	if err != nil {
		return State{}, err
	}
	job.Attempt = begun.Attempt
	webhook := ""
	if b.WebhookURL != "" {
		webhook = b.WebhookURL + "/" + begun.Token
	}
	// From here on something may be bought: neither a cancel nor a stopping worker may interrupt it or lose its outcome.
	ctx = context.WithoutCancel(ctx)
	sending, stop := context.WithTimeout(ctx, b.Timing.Submit)
	defer stop()
	requestID, err := b.Provider.SubmitTraining(sending, trainer.TrainingRequest{
		DatasetURL: begun.DatasetURL, TriggerWord: trigger, Steps: job.Config.TrainingSteps, WebhookURL: webhook,
	})
	if err == nil {
		keep(Reply{Attempt: begun.Attempt, RequestID: requestID})
		return b.record(ctx, job, persona.PurchaseQueued, storage.JobChange{RequestID: &requestID})
	}
	to, reason := outcomeOf(err)
	switch to {
	case persona.PurchaseRefused:
		return b.record(ctx, job, to, storage.JobChange{ErrorMessage: &reason})
	case persona.PurchaseIntended:
		if _, err := b.record(ctx, job, to, storage.JobChange{}); err != nil {
			return State{}, err
		}
		return State{}, err
	default:
		return b.record(ctx, job, to, storage.JobChange{})
	}
}

// outcomeOf turns the error of a submit into the state that the purchase gets. Anything that is not certain is uncertain.
func outcomeOf(err error) (to persona.PurchaseStatus, reason string) {
	var failed *trainer.SubmitError
	if !errors.As(err, &failed) {
		return persona.PurchaseUncertain, ""
	}
	switch failed.Outcome {
	case trainer.NotSent, trainer.Denied:
		return persona.PurchaseIntended, ""
	case trainer.Refused:
		// Only a refusal of the content ends a training. Anything else, such as a wrong address, is for operators to repair.
		if failed.Status != http.StatusBadRequest && failed.Status != http.StatusUnprocessableEntity {
			return persona.PurchaseIntended, ""
		}
		if told, ok := errors.AsType[*persona.Error](err); ok {
			reason = told.Message
		}
		return persona.PurchaseRefused, reason
	default:
		return persona.PurchaseUncertain, ""
	}
}

// lostTheRace answers a run that did not get the attempt. Another run is submitting, and its outcome is not known here;
// or the version has ended and nothing may be bought.
func (b *Buyer) lostTheRace(ctx context.Context, ref Ref) (State, error) {
	job, err := b.Store.Job(ctx, ref.UserID, ref.JobID)
	switch {
	case err != nil:
		return State{}, err
	case job.Status == persona.PurchaseIntended:
		return State{}, storage.ErrConflict
	case job.Status == persona.PurchaseSubmitting:
		return b.record(ctx, job, persona.PurchaseUncertain, storage.JobChange{})
	default:
		return stateOf(job), nil
	}
}

// record writes the outcome of an attempt. It also replaces `uncertain`, which another run may have written: the sender
// knows the outcome, and no attempt outlives AbsenceProof.
func (b *Buyer) record(
	ctx context.Context, job storage.Job, to persona.PurchaseStatus, change storage.JobChange,
) (State, error) {
	change.Attempt = job.Attempt
	moved, err := writeOutcome(ctx, to, change, func(to persona.PurchaseStatus) (storage.Job, persona.PurchaseStatus, error) {
		moved, err := b.move(ctx, job, to, persona.ActorSender, change)
		return moved, moved.Status, err
	})
	return stateOf(moved), err
}

// writeOutcome moves a purchase to the outcome of an attempt, again and again until the database answers, for at most
// RecordWithin. It does not end with ctx. A purchase that was given up meanwhile stays so and takes the request id,
// because what was bought must be cleaned. move writes the change and returns the purchase and its status.
func writeOutcome[T any](
	ctx context.Context, to persona.PurchaseStatus, change storage.JobChange,
	move func(to persona.PurchaseStatus) (T, persona.PurchaseStatus, error),
) (T, error) {
	pauses := &backoff.ExponentialBackOff{
		InitialInterval: 100 * time.Millisecond, Multiplier: 2, RandomizationFactor: 0.25, MaxInterval: 5 * time.Second,
	}
	return backoff.Retry(context.WithoutCancel(ctx), func() (T, error) {
		moved, status, err := move(to)
		if err == nil && status == persona.PurchaseCancelled && change.RequestID != nil {
			moved, _, err = move(status)
		}
		if told, ok := errors.AsType[*persona.Error](err); err != nil && (!ok || told.Kind != persona.Unavailable) {
			err = backoff.Permanent(err)
		}
		return moved, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(RecordWithin))
}
