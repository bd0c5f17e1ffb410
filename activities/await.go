package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// TrainingDone says that the provider has finished the job, or that it does not find it.
type TrainingDone struct {
	Seconds int  // from purchase to result
	Lost    bool // the purchase is uncertain: the provider does not find the job it acknowledged
}

// AwaitTraining asks the provider once; see purchase.Buyer.Poll. Not done yet is a benign, retryable TrainingRunning: the
// server does the waiting, and it costs no history events. Safe to run twice: it writes the same end over itself.
// Errors: TrainingRunning, ProviderFailed.
func (a *Training) AwaitTraining(ctx context.Context, in JobInput) (TrainingDone, error) {
	news, err := a.Buyer.Poll(ctx, in.ref())
	if err != nil {
		return TrainingDone{}, err
	}
	job := news.Job
	switch job.Status {
	case persona.PurchaseCompleted:
		done := TrainingDone{Seconds: secondsOf(job)}
		if !news.Result {
			return done, nil
		}
		return done, a.recordDuration(ctx, job)
	case persona.PurchaseUncertain:
		return TrainingDone{Lost: true}, nil
	case persona.PurchaseQueued, persona.PurchaseRunning:
		note(ctx, news.News.StepsDone, news.News.QueuePosition) // shown with the pending activity
		if err := a.noteRunning(ctx, job, news.News); err != nil {
			return TrainingDone{}, err
		}
		return TrainingDone{}, notYet("the training has not ended", contract.TrainingRunning, a.Buyer.Timing.Poll)
	default:
		return TrainingDone{}, providerFailed(job.ErrorMessage)
	}
}

// recordDuration remembers what the training took, for later estimates.
func (a *Training) recordDuration(ctx context.Context, job storage.Job) error {
	photos, err := a.Buyer.Store.Photos(ctx, job.UserID, job.PersonaID)
	if err != nil {
		return err
	}
	used := 0
	for _, p := range photos {
		if p.Used {
			used++
		}
	}
	return a.Buyer.Store.RecordDuration(ctx, job.Endpoint, job.Config.TrainingSteps, used, secondsOf(job))
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

// noteRunning records stage, progress, queue position and time left for the status. Without step counts in the logs,
// progress is the time passed over the time that such trainings took.
func (a *Training) noteRunning(ctx context.Context, job storage.Job, status trainer.Status) error {
	version := contract.TrainPersonaInput{UserID: job.UserID, PersonaID: job.PersonaID, Version: job.Version}
	typical, err := secondsOfTraining(ctx, a.Buyer.Store, version)
	if err != nil {
		return err
	}
	after, err := secondsAfterTraining(ctx, a.Buyer.Store)
	if err != nil {
		return err
	}
	passed := 0
	if job.SubmittingAt != nil {
		passed = int(time.Since(*job.SubmittingAt).Seconds())
	}
	left := max(typical-passed, 5) + after
	if status.State == trainer.Queued {
		return a.Buyer.Store.SetProgress(ctx, job.UserID, job.PersonaID, job.Version, storage.Progress{
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
	return a.Buyer.Store.SetProgress(ctx, job.UserID, job.PersonaID, job.Version, storage.Progress{
		Stage: persona.StageTraining, Percent: persona.Progress(persona.StageTraining, share), RemainingSeconds: &left,
	})
}
