package activities

import (
	"context"
	"errors"
	"time"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// CleanProvider takes away what the provider still holds of a job: the uploaded pictures, input and output of the
// training, test pictures. A request that was told to stop may still finish and leave its output, so it fails
// retryably with NotErased until every request has ended. Safe to run twice: what is gone is gone.
func (a *Training) CleanProvider(ctx context.Context, in JobInput) error {
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return cleanJob(ctx, a.Provider, job, a.Timing.Poll)
}

// CleanLateJob stops and cleans a job that turned out to have been bought after it was given up.
func (a *Training) CleanLateJob(ctx context.Context, in JobInput) error {
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return stopAndClean(ctx, a.Provider, job, a.Timing.Poll)
}

// stopAndClean is cleanJob for a job that may still run.
func stopAndClean(ctx context.Context, provider *trainer.Client, job storage.Job, poll time.Duration) error {
	if job.RequestID != "" && !endedAtProvider(job) {
		if _, err := provider.CancelTraining(ctx, job.RequestID); err != nil {
			return err
		}
	}
	return cleanJob(ctx, provider, job, poll)
}

func endedAtProvider(job storage.Job) bool {
	return job.Status == persona.PurchaseCompleted || job.Status == persona.PurchaseFailed
}

func cleanJob(ctx context.Context, provider *trainer.Client, job storage.Job, poll time.Duration) error {
	for _, address := range job.PlacedURLs {
		if err := provider.HideFile(ctx, address); err != nil {
			return err
		}
	}
	if err := cleanGenerations(ctx, provider, job, poll); err != nil {
		return err
	}
	if job.RequestID == "" {
		return nil
	}
	if !endedAtProvider(job) {
		status, err := provider.TrainingStatus(ctx, job.RequestID)
		switch {
		case errors.Is(err, trainer.ErrUnknownRequest): // the queue has forgotten it; what it left may still be there
		case err != nil:
			return err
		case status.State != trainer.Completed:
			return stillEnding(poll)
		}
	}
	return provider.ErasePayload(ctx, job.RequestID)
}

// cleanGenerations removes test pictures whose request was not brought to its end: by a cancel, by a killed worker, by
// a lost reply. They are found by the weights they were drawn with, which no other job has.
func cleanGenerations(ctx context.Context, provider *trainer.Client, job storage.Job, poll time.Duration) error {
	if job.WeightsURL == "" {
		return nil
	}
	ids, err := provider.FindGenerations(ctx, job.WeightsURL, job.CreatedAt.Add(-time.Minute))
	if err != nil {
		return err
	}
	ending := false
	for _, id := range ids {
		outcome, err := provider.CancelGeneration(ctx, id)
		if err != nil {
			return err
		}
		if outcome == trainer.Requested {
			ending = true
			continue
		}
		if err := provider.ErasePayload(ctx, id); err != nil {
			return err
		}
	}
	if ending {
		return stillEnding(poll)
	}
	return nil
}

func stillEnding(poll time.Duration) error {
	return notYet("a request at the provider is still ending", contract.NotErased, poll)
}
