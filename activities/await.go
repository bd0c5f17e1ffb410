package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// TrainingDone says that the provider has finished the job and where its weights are known.
type TrainingDone struct {
	Seconds int // from purchase to result
}

// AwaitTraining asks the provider once. Not done yet is a benign, retryable TrainingRunning, so that the waiting
// itself is the server's and costs no history; done means that the result was fetched as well, for a job can be
// completed and still have failed. Safe to run twice: it only reads, and writes the same end over itself. Errors:
// TrainingRunning, ProviderFailed.
func (a *Training) AwaitTraining(ctx context.Context, in JobInput) (TrainingDone, error) {
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	if err != nil {
		return TrainingDone{}, err
	}
	switch job.Status {
	case persona.PurchaseCompleted:
		return TrainingDone{Seconds: secondsOf(job)}, nil
	case persona.PurchaseFailed, persona.PurchaseCancelled:
		return TrainingDone{}, providerFailed(job.ErrorMessage)
	case persona.PurchaseIntended, persona.PurchaseSubmitting, persona.PurchaseUncertain, persona.PurchaseRefused, persona.PurchaseQueued, persona.PurchaseRunning:
		// No end is recorded here, so the provider knows more.
	}
	status, err := a.Provider.TrainingStatus(ctx, job.RequestID)
	if errors.Is(err, trainer.ErrUnknownRequest) {
		return TrainingDone{}, a.askAgain() // a paid job is not given up because its provider does not find it now
	}
	if err != nil {
		return TrainingDone{}, err
	}
	note(ctx, status.StepsDone, status.QueuePosition) // for whoever looks at the pending activity
	if status.State == trainer.Completed {
		return a.finish(ctx, job)
	}
	// A conflict is another question that was answered meanwhile: the next one reads what it found.
	if err := a.noteRunning(ctx, job, status); err != nil && !errors.Is(err, storage.ErrConflict) {
		return TrainingDone{}, err
	}
	return TrainingDone{}, a.askAgain()
}

func (a *Training) askAgain() error {
	return notYet("the training is not done yet", contract.TrainingRunning, a.Timing.Poll)
}

func (a *Training) finish(ctx context.Context, job storage.Job) (TrainingDone, error) {
	open := []persona.PurchaseStatus{persona.PurchaseQueued, persona.PurchaseRunning}
	result, err := a.Provider.TrainingResult(ctx, job.RequestID)
	if _, failed := errors.AsType[*trainer.JobError](err); failed {
		reason := sentence(err)
		if _, err := a.Store.MoveJob(ctx, job.UserID, job.ID, open, persona.PurchaseFailed, storage.JobChange{ErrorMessage: &reason}); err != nil {
			return TrainingDone{}, err
		}
		return TrainingDone{}, providerFailed(reason)
	}
	if err != nil {
		return TrainingDone{}, err
	}
	done := 100
	job, err = a.Store.MoveJob(ctx, job.UserID, job.ID, open, persona.PurchaseCompleted,
		storage.JobChange{WeightsURL: &result.WeightsURL, ConfigURL: &result.ConfigURL, Progress: &done})
	if err != nil {
		return TrainingDone{}, err
	}
	photos, err := a.Store.Photos(ctx, job.UserID, job.PersonaID)
	if err != nil {
		return TrainingDone{}, err
	}
	seconds := secondsOf(job)
	used := 0
	for _, p := range photos {
		if p.Used {
			used++
		}
	}
	return TrainingDone{Seconds: seconds},
		a.Store.RecordDuration(ctx, job.Endpoint, job.Config.TrainingSteps, used, seconds)
}

func providerFailed(reason string) error {
	if reason == "" {
		reason = "the provider ended the training without a model"
	}
	return temporal.NewNonRetryableApplicationError(reason, contract.ProviderFailed, nil)
}

func secondsOf(job storage.Job) int {
	if job.SubmittingAt == nil || job.CompletedAt == nil {
		return 0
	}
	return int(job.CompletedAt.Sub(*job.SubmittingAt).Seconds())
}

// noteRunning turns the provider's news into what people see: stage, progress, place in the queue, time left. Without
// step counts in the logs, progress is the time passed over the time such trainings took.
func (a *Training) noteRunning(ctx context.Context, job storage.Job, status trainer.Status) error {
	version := contract.TrainPersonaInput{UserID: job.UserID, PersonaID: job.PersonaID, Version: job.Version}
	typical, err := secondsOfTraining(ctx, a.Store, version)
	if err != nil {
		return err
	}
	after, err := secondsAfterTraining(ctx, a.Store)
	if err != nil {
		return err
	}
	passed := 0
	if job.SubmittingAt != nil {
		passed = int(time.Since(*job.SubmittingAt).Seconds())
	}
	left := max(typical-passed, 5) + after
	if status.State == trainer.Queued {
		return a.Store.SetProgress(ctx, job.UserID, job.PersonaID, job.Version, storage.Progress{
			Stage: persona.StageQueued, Percent: persona.Progress(persona.StageQueued, 0),
			RemainingSeconds: &left, QueuePosition: &status.QueuePosition,
		})
	}
	share := float64(passed) / float64(max(typical, 1))
	if status.StepsTotal > 0 {
		share = float64(status.StepsDone) / float64(status.StepsTotal)
		left = max(int(float64(typical)*(1-share)), 1) + after
	}
	share = min(share, 0.99)
	percent := int(100 * share)
	// A job that is training already takes the new progress too.
	if _, err := a.Store.MoveJob(ctx, job.UserID, job.ID, []persona.PurchaseStatus{persona.PurchaseQueued},
		persona.PurchaseRunning, storage.JobChange{Progress: &percent}); err != nil {
		return err
	}
	return a.Store.SetProgress(ctx, job.UserID, job.PersonaID, job.Version, storage.Progress{
		Stage: persona.StageTraining, Percent: persona.Progress(persona.StageTraining, share), RemainingSeconds: &left,
	})
}
