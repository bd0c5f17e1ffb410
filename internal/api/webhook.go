package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.temporal.io/api/serviceerror"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

const (
	webhookPath  = "/webhooks/fal/{token}"
	webhookRoute = "/webhooks/fal/:token" // the same as Echo knows it
	maxToken     = 128
)

type webhookInput struct {
	Token string `path:"token" doc:"The secret of the training job; it was part of the address given to the provider."`
}

type webhookOutput struct {
	Body struct {
		Accepted bool `json:"accepted"`
	}
}

func (s *server) webhookOperation(api huma.API) {
	add(s, api, huma.Operation{
		OperationID: "fal-webhook", Method: http.MethodPost, Path: webhookPath, Tags: []string{tagOperation},
		Summary: "The provider has news of a training job",
		Description: "Signed by the provider (ED25519, at most 300 seconds old). Only wakes the training, which asks the " +
			"provider itself, so that repeated, late and early calls are all fine.",
		Errors: []int{401, 404, 413, 503},
	}, s.webhook)
}

func (s *server) webhook(ctx context.Context, in *webhookInput) (*webhookOutput, error) {
	outcome, err := s.receiveWebhook(ctx, in)
	s.metrics.webhooks.WithLabelValues(outcome).Inc()
	if err != nil {
		return nil, err
	}
	out := &webhookOutput{}
	out.Body.Accepted = true
	return out, nil
}

// receiveWebhook returns what became of a webhook, for the metric. An error of kind Unavailable makes the provider send
// it again.
func (s *server) receiveWebhook(ctx context.Context, in *webhookInput) (string, error) {
	if s.Webhooks == nil || in.Token == "" || len(in.Token) > maxToken {
		return "unknown_token", noSuchAddress()
	}
	r := callOf(ctx).request
	body, err := io.ReadAll(r.Body) // limitBody bounds it
	if err != nil {
		return "unreadable", unreadable(err)
	}
	requestID, err := s.Webhooks.Verify(ctx, r.Header, body, time.Now())
	var e *persona.Error
	switch {
	case errors.As(err, &e) && e.Kind == persona.Unavailable:
		return "unavailable", e
	case err != nil || requestID == "":
		return "forged", unauthorized("The signature of the webhook is not good.")
	}
	job, err := s.settle(ctx, in.Token, requestID)
	if errors.Is(err, storage.ErrNotFound) {
		return "unknown_token", noSuchAddress()
	}
	if err == nil && job.RequestID == requestID {
		err = s.cleanAbandoned(ctx, job)
	}
	if err != nil {
		return "unavailable", s.unavailable(ctx, err)
	}
	return s.wake(ctx, job)
}

// settleTries is how often a job that changes at the same moment is looked at again.
const settleTries = 3

// settle turns a purchase with a lost reply into a known one, also where the job was given up: the webhook's address holds
// the token of this very attempt, so its request is the one that was bought. It returns the job as it is then.
func (s *server) settle(ctx context.Context, token, requestID string) (job storage.Job, err error) {
	for range settleTries {
		if job, err = s.Store.JobByToken(ctx, token); err != nil || job.RequestID == requestID {
			return job, err
		}
		if job.RequestID != "" {
			s.Log.WarnContext(ctx, "a webhook names another request than the one bought",
				"job_id", job.ID, "persona_id", job.PersonaID)
			return job, nil
		}
		var to persona.PurchaseStatus
		switch job.Status {
		case persona.PurchaseSubmitting, persona.PurchaseUncertain:
			to = persona.PurchaseQueued
		case persona.PurchaseCancelled:
			to = persona.PurchaseCancelled
		default: // by what we know nothing was bought
			return job, nil
		}
		known, err := s.Store.MoveJob(ctx, job.UserID, job.ID, []persona.PurchaseStatus{job.Status}, to,
			storage.JobChange{RequestID: &requestID, Attempt: job.Attempt})
		if !errors.Is(err, storage.ErrConflict) {
			return known, err
		}
	}
	s.Log.WarnContext(ctx, "a webhook's request could not be noted", "job_id", job.ID, "persona_id", job.PersonaID)
	return job, nil
}

// cleanAbandoned orders that the provider's side of a job is cleaned when no training will do it: the job was cancelled, or
// its version ended before the purchase was known. Repeated news repeats the order, which may have been lost.
func (s *server) cleanAbandoned(ctx context.Context, job storage.Job) error {
	switch job.Status {
	case persona.PurchaseCancelled:
	case persona.PurchaseQueued, persona.PurchaseRunning:
		p, err := s.Store.Persona(ctx, job.UserID, job.PersonaID)
		if err != nil {
			return ignoreErased(err)
		}
		v, err := s.Store.Version(ctx, job.UserID, job.PersonaID, job.Version)
		if err != nil {
			return ignoreErased(err)
		}
		if v.Status == persona.VersionTraining && p.Status != persona.StatusErasing {
			return nil
		}
	default: // the training cleans up after itself
		return nil
	}
	if err := s.Store.QueueJobCleaning(ctx, job.UserID, job.ID); err != nil {
		return ignoreErased(err)
	}
	s.Nudge()
	return nil
}

// ignoreErased takes it as done that what a webhook is about was erased meanwhile, job and all.
func ignoreErased(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// wake tells the training. One that has ended, or was erased, needs no news.
func (s *server) wake(ctx context.Context, job storage.Job) (string, error) {
	if s.Temporal == nil {
		return "no_training", nil
	}
	err := contract.SignalTrainingChanged(ctx, s.Temporal, job.PersonaID)
	var gone *serviceerror.NotFound
	switch {
	case errors.As(err, &gone):
		return "no_training", nil
	case err != nil:
		return "unavailable", s.unavailable(ctx, err)
	}
	return "delivered", nil
}

func noSuchAddress() error {
	return &persona.Error{Kind: persona.NotFound, Code: persona.CodeNotFound, Message: "There is nothing at this address."}
}

// unavailable logs why something cannot be done now and tells the client to come again.
func (s *server) unavailable(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*persona.Error](err); ok {
		return e
	}
	s.Log.WarnContext(ctx, "a dependency does not answer", "request_id", callOf(ctx).id, "error", err)
	return &persona.Error{
		Kind: persona.Unavailable, Code: persona.CodeUnavailable,
		Message: "This cannot be done right now. Send the same request again in a few seconds.",
	}
}
