package purchase

import (
	"context"
	"errors"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// Find asks the provider what became of an uncertain training. A job in any other state is answered as it is: a webhook
// or a person has settled it. While the provider does not show the job the answer has Wait set. A list that does not
// show a job whose reply was lost for longer than Timing.AbsenceProof proves that nothing was bought, and the intent is
// free again. A job that was acknowledged is never freed that way. Safe to run twice.
func (b *Buyer) Find(ctx context.Context, ref Ref) (State, error) {
	job, err := b.Store.Job(ctx, ref.UserID, ref.JobID)
	if err != nil || job.Status != persona.PurchaseUncertain {
		return stateOf(job), err
	}
	if job.RequestID != "" {
		return b.findAcknowledged(ctx, job)
	}
	requestID, found, age, err := lookFor(ctx, b.Provider, job.DatasetURL, job.SubmittingAt, job.CreatedAt)
	switch {
	case err != nil:
		return State{}, err
	case found:
		job, err = b.move(ctx, job, persona.PurchaseQueued, persona.ActorList, storage.JobChange{RequestID: &requestID})
	case age > b.Timing.AbsenceProof:
		job, err = b.move(ctx, job, persona.PurchaseIntended, persona.ActorList, storage.JobChange{Attempt: job.Attempt})
	default:
		return State{Status: job.Status, Wait: true}, nil
	}
	return stateOf(job), err
}

// findAcknowledged looks for a job that the provider acknowledged and did not find later.
func (b *Buyer) findAcknowledged(ctx context.Context, job storage.Job) (State, error) {
	by := persona.ActorPoller
	_, err := b.Provider.TrainingStatus(ctx, job.RequestID)
	if errors.Is(err, trainer.ErrUnknownRequest) {
		requestID, found, _, listErr := lookFor(ctx, b.Provider, job.DatasetURL, job.SubmittingAt, job.CreatedAt)
		if listErr != nil {
			return State{}, listErr
		}
		if !found || requestID != job.RequestID {
			return State{Status: job.Status, Wait: true}, nil
		}
		by, err = persona.ActorList, nil
	}
	if err != nil {
		return State{}, err
	}
	job, err = b.move(ctx, job, persona.PurchaseQueued, by, storage.JobChange{})
	return stateOf(job), err
}

// Progress is what the provider says of a bought training.
type Progress struct {
	Job    storage.Job    // as it is on record now; its status says whether the job has ended or is uncertain
	News   trainer.Status // of a job that has not ended
	Result bool           // this call fetched the result
}

// Poll asks the provider once about a bought training and records the answer. A completed job was also fetched, because
// a job can be completed and have failed. A job that the provider does not find any more becomes uncertain. Safe to run
// twice: it writes the same end over itself.
func (b *Buyer) Poll(ctx context.Context, ref Ref) (Progress, error) {
	job, err := b.Store.Job(ctx, ref.UserID, ref.JobID)
	if err != nil || job.Status != persona.PurchaseQueued && job.Status != persona.PurchaseRunning {
		return Progress{Job: job}, err
	}
	status, err := b.Provider.TrainingStatus(ctx, job.RequestID)
	switch {
	case errors.Is(err, trainer.ErrUnknownRequest):
		job, err = b.move(ctx, job, persona.PurchaseUncertain, persona.ActorPoller, storage.JobChange{})
		return Progress{Job: job}, err
	case err != nil:
		return Progress{}, err
	case status.State == trainer.Completed:
		return b.fetch(ctx, job)
	case status.State == trainer.Running:
		percent := 0
		if status.StepsTotal > 0 {
			percent = min(100*status.StepsDone/status.StepsTotal, 99)
		}
		job, err = b.move(ctx, job, persona.PurchaseRunning, persona.ActorPoller, storage.JobChange{Progress: &percent})
	}
	return Progress{Job: job, News: status}, err
}

func (b *Buyer) fetch(ctx context.Context, job storage.Job) (Progress, error) {
	result, err := b.Provider.TrainingResult(ctx, job.RequestID)
	if failed, ok := errors.AsType[*trainer.JobError](err); ok {
		job, err = b.move(ctx, job, persona.PurchaseFailed, persona.ActorPoller, storage.JobChange{ErrorMessage: &failed.Message})
		return Progress{Job: job}, err
	}
	if err != nil {
		return Progress{}, err
	}
	done := 100
	job, err = b.move(ctx, job, persona.PurchaseCompleted, persona.ActorPoller,
		storage.JobChange{WeightsURL: &result.WeightsURL, ConfigURL: &result.ConfigURL, Progress: &done})
	return Progress{Job: job, Result: err == nil}, err
}
