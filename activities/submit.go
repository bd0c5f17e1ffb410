package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// JobState is where a purchase stands.
type JobState struct {
	Status persona.JobStatus
	// Reason is a sentence for people where the job was refused or failed.
	Reason string
}

// SubmitTraining buys the training, at most once. The intent is committed before anything is sent, and only one
// caller ever wins it. What became of the one attempt is one of three: bought, certainly not bought (the intent is
// free again and the activity fails retryably), or uncertain, which only news from the provider or a person can
// settle. Safe to run twice: a second run that finds the first one's attempt without an outcome calls it uncertain
// and sends nothing.
func (a *Training) SubmitTraining(ctx context.Context, in JobInput) (JobState, error) {
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	if err != nil {
		return JobState{}, err
	}
	switch job.Status {
	case persona.JobIntended:
		return a.submit(ctx, in, job)
	case persona.JobSubmitting: // an earlier attempt ended without telling
		return a.end(ctx, job, persona.JobUncertain, storage.JobChange{})
	default:
		return JobState{Status: job.Status, Reason: job.ErrorMessage}, nil
	}
}

func (a *Training) submit(ctx context.Context, in JobInput, job storage.Job) (JobState, error) {
	owner, err := a.Store.Persona(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return JobState{}, err
	}
	begun, err := a.Store.BeginSubmit(ctx, in.UserID, in.JobID)
	if errors.Is(err, storage.ErrConflict) {
		return a.lostTheRace(ctx, in)
	}
	if err != nil {
		return JobState{}, err
	}
	webhook := ""
	if a.WebhookURL != "" {
		webhook = a.WebhookURL + "/" + begun.Token
	}
	// From here on something may be bought: neither a cancel nor a stopping worker may break it off or lose its outcome.
	ctx = context.WithoutCancel(ctx)
	sending, stop := context.WithTimeout(ctx, a.Timing.Submit)
	defer stop()
	requestID, err := a.Provider.SubmitTraining(sending, trainer.TrainingRequest{
		DatasetURL: begun.DatasetURL, TriggerWord: owner.TriggerWord, Steps: job.Config.TrainingSteps, WebhookURL: webhook,
	})
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	job.Attempt = begun.Attempt
	if err == nil {
		return a.end(ctx, job, persona.JobQueued, storage.JobChange{RequestID: &requestID})
	}
	var outcome *trainer.SubmitError
	if !errors.As(err, &outcome) {
		activity.GetLogger(ctx).Error("submit ended in an unknown way", "job_id", job.ID)
		return a.end(ctx, job, persona.JobUncertain, storage.JobChange{})
	}
	switch outcome.Outcome {
	case trainer.Refused:
		reason := sentence(err)
		return a.end(ctx, job, persona.JobRefused, storage.JobChange{ErrorMessage: &reason})
	case trainer.NotSent, trainer.Denied:
		if _, moved := a.end(ctx, job, persona.JobIntended, storage.JobChange{}); moved != nil {
			return JobState{}, moved
		}
		return JobState{}, &persona.Error{
			Kind: persona.Unavailable, Code: persona.CodeUnavailable,
			Message: "the provider did not take the training; nothing was bought, it is tried again",
		}
	default:
		return a.end(ctx, job, persona.JobUncertain, storage.JobChange{})
	}
}

// lostTheRace is for a run that was not given the one attempt: another run of this activity has it at this moment, and
// whether that ends well is not known here; or the version has ended, and there is nothing to buy any more.
func (a *Training) lostTheRace(ctx context.Context, in JobInput) (JobState, error) {
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	switch {
	case err != nil:
		return JobState{}, err
	case job.Status == persona.JobIntended:
		return JobState{}, storage.ErrConflict
	case job.Status == persona.JobSubmitting:
		return a.end(ctx, job, persona.JobUncertain, storage.JobChange{})
	default:
		return JobState{Status: job.Status, Reason: job.ErrorMessage}, nil
	}
}

// end records the outcome of a submit, also where another run has called it uncertain meanwhile: who sent it knows
// best, and AbsenceProof outlasts every attempt.
func (a *Training) end(
	ctx context.Context, job storage.Job, to persona.JobStatus, change storage.JobChange,
) (JobState, error) {
	from := []persona.JobStatus{persona.JobSubmitting}
	if to != persona.JobUncertain {
		from = append(from, persona.JobUncertain)
	}
	change.Attempt = job.Attempt
	return a.move(ctx, job, from, to, change)
}

// move moves a job and returns where it then stands.
func (a *Training) move(
	ctx context.Context, job storage.Job, from []persona.JobStatus, to persona.JobStatus, change storage.JobChange,
) (JobState, error) {
	moved, err := moveOrRead(ctx, a.Store, job, from, to, change)
	return JobState{Status: moved.Status, Reason: moved.ErrorMessage}, err
}

// moveOrRead moves a job, or reads it where another was first: the webhook, a person or another run has settled it
// meanwhile, and their word stands.
func moveOrRead(
	ctx context.Context, store *storage.Store, job storage.Job,
	from []persona.JobStatus, to persona.JobStatus, change storage.JobChange,
) (storage.Job, error) {
	moved, err := store.MoveJob(ctx, job.UserID, job.ID, from, to, change)
	if errors.Is(err, storage.ErrConflict) {
		return store.Job(ctx, job.UserID, job.ID)
	}
	return moved, err
}
