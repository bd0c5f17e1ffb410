package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/purchase"
)

// JobState is where a purchase stands.
type JobState struct {
	Status persona.PurchaseStatus
	Reason string // a sentence for people when the job was refused or failed
}

func jobState(s purchase.State) JobState { return JobState{Status: s.Status, Reason: s.Reason} }

// SubmitTraining buys the training, at most once for each attempt; see purchase.Buyer.Submit. Safe to run twice: a
// second run that finds an attempt without an outcome calls it uncertain and sends nothing, unless the heartbeat holds
// the provider's reply. Errors: Unavailable and NotPermitted, which are retried, for nothing was bought.
func (a *Training) SubmitTraining(ctx context.Context, in JobInput) (JobState, error) {
	owner, err := a.Buyer.Store.Persona(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return JobState{}, err
	}
<<<<<<< HEAD
	var kept purchase.Reply
	if activity.IsActivity(ctx) && activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &kept); err != nil {
			kept = purchase.Reply{}
=======
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
>>>>>>> provider
		}
	}
	state, err := a.Buyer.Submit(ctx, in.ref(), owner.TriggerWord, kept, func(r purchase.Reply) { note(ctx, r) })
	return jobState(state), err
}
