package trainer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// TrainingRequest is what a training needs.
type TrainingRequest struct {
	DatasetURL  string // zip of name.jpg and name.txt pairs, readable without credentials until the training has started
	TriggerWord string // must also be in every caption: the endpoint reads it there when the archive has captions
	Steps       int    // 1 to 10000; price is linear in it
	WebhookURL  string // https, called once the training has ended; "" for none
}

// SubmitTraining buys a training, in one HTTP attempt. Any error is a *SubmitError, whose Outcome says whether the
// training may have been bought.
func (c *Client) SubmitTraining(ctx context.Context, r TrainingRequest) (requestID string, err error) {
	query := url.Values{}
	if r.WebhookURL != "" {
		query.Set("fal_webhook", r.WebhookURL)
	}
	header := http.Header{"X-Fal-Object-Lifecycle-Preference": {lifecycle(weightsLifetime)}}
	return c.submit(ctx, TrainingEndpoint, query, header, r.input())
}

// State is where a job is. A job that failed or was cancelled is Completed, as in the service's own states.
type State string

// The states of a job.
const (
	Queued    State = "queued"
	Running   State = "running"
	Completed State = "completed"
)

// Status is what the service says about a job. Completed does not mean success: fetch the result.
type Status struct {
	State         State
	QueuePosition int    // jobs ahead, while Queued
	StepsDone     int    // read from the logs
	StepsTotal    int    // read from the logs; 0 when they do not tell
	Error         string // a sentence for people when the job is known to have failed
	ErrorType     string
}

type statusBody struct {
	Status        string `json:"status"`
	QueuePosition int    `json:"queue_position"`
	Logs          []struct {
		Message string `json:"message"`
	} `json:"logs"`
	Error     json.RawMessage `json:"error"`
	ErrorType string          `json:"error_type"`
}

// TrainingStatus asks where a training is. ErrUnknownRequest in the chain, with a *persona.Error of Kind NotFound, means
// that the service itself said, several times, that it does not know the request.
func (c *Client) TrainingStatus(ctx context.Context, requestID string) (Status, error) {
	return c.status(ctx, TrainingEndpoint, requestID, true)
}

func (c *Client) status(ctx context.Context, endpoint, requestID string, logs bool) (Status, error) {
	suffix := "/status"
	if logs {
		suffix += "?logs=1"
	}
	address, err := c.requestURL(opStatus, endpoint, requestID, suffix)
	if err != nil {
		return Status{}, err
	}
	r, err := c.do(ctx, call{
		op: opStatus, method: http.MethodGet, url: address, isNotFound: isQueueNotFound, retryNotFound: sureOfQueue,
	})
	if errors.Is(err, errTooLarge) && logs {
		return c.status(ctx, endpoint, requestID, false)
	}
	if err != nil {
		return Status{}, err
	}
	if r.notFound {
		return Status{}, notFound(opStatus, r, ErrUnknownRequest)
	}
	if err := check(opStatus, r); err != nil {
		return Status{}, err
	}
	var body statusBody
	if json.Unmarshal(r.body, &body) != nil || body.Status == "" {
		return Status{}, unreadable(opStatus, r)
	}
	return body.status(), nil
}

func (b statusBody) status() Status {
	s := Status{State: Running} // also for unknown states: only COMPLETED ends a job
	switch b.Status {
	case "IN_QUEUE":
		s.State, s.QueuePosition = Queued, max(b.QueuePosition, 0)
	case "COMPLETED":
		s.State = Completed
	}
	for _, line := range b.Logs {
		if done, total, ok := stepsIn(line.Message); ok {
			s.StepsDone, s.StepsTotal = done, total
		}
	}
	if failed := len(b.Error) > 0 && string(b.Error) != "null" && string(b.Error) != `""`; failed || b.ErrorType != "" {
		s.ErrorType = identifier(b.ErrorType)
		s.Error = newJobError(s.ErrorType, 0, nil).Message
	}
	return s
}

// TrainingResult is where the trained files are. The addresses need no credentials; treat them as secrets.
type TrainingResult struct {
	WeightsURL   string
	ConfigURL    string // "" when there is none
	WeightsBytes int64  // 0 when the service does not say
}

// TrainingResult fetches the result of a training. The service keeps results for about an hour. A *JobError means that
// the training failed, or that the service itself said, several times, that it no longer keeps the result; then ErrGone
// is in the chain. ErrStillRunning in the chain means that the training has not ended.
func (c *Client) TrainingResult(ctx context.Context, requestID string) (TrainingResult, error) {
	var out trainingOutput
	if err := c.result(ctx, TrainingEndpoint, requestID, &out); err != nil {
		return TrainingResult{}, err
	}
	if !c.fetchable(out.Weights.URL) {
		return TrainingResult{}, newJobError(typeEmptyResult, http.StatusOK, nil)
	}
	return TrainingResult{WeightsURL: out.Weights.URL, ConfigURL: out.Config.URL, WeightsBytes: max(out.Weights.Size, 0)}, nil
}

func (c *Client) result(ctx context.Context, endpoint, requestID string, into any) error {
	address, err := c.requestURL(opResult, endpoint, requestID, "")
	if err != nil {
		return err
	}
	r, err := c.do(ctx, call{
		op: opResult, method: http.MethodGet, url: address, isNotFound: isResultGone, retryNotFound: sureOfQueue,
	})
	if err != nil {
		return err
	}
	err = resultError(r)
	var failed *JobError
	if errors.As(err, &failed) && failed.doubtful {
		// A failed runner and a broken queue give the same answer here. Only a failed runner is in the status too.
		s, statusErr := c.status(ctx, endpoint, requestID, false)
		if statusErr != nil {
			return statusErr
		}
		if s.State != Completed || s.Error == "" {
			return &CallError{Op: opResult, Status: r.status, Type: failed.Type, public: unavailable()}
		}
	}
	if err != nil {
		return err
	}
	if json.Unmarshal(r.body, into) != nil {
		return unreadable(opResult, r)
	}
	return nil
}

// CancelOutcome is the service's answer to a cancellation.
type CancelOutcome string

// The outcomes of a cancellation.
const (
	Removed    CancelOutcome = "removed"    // taken from the queue before it started: it costs nothing
	Requested  CancelOutcome = "requested"  // running and told to stop: it may still finish and be billed
	TooLate    CancelOutcome = "too_late"   // it had ended: fetch the result
	Unknown404 CancelOutcome = "unknown_id" // the service itself said, several times, that it does not know the job
)

// CancelTraining asks the service to stop a training. It is safe to call twice; for a job that the first call removed,
// the second may return TooLate. After Requested, poll the status until it is Completed.
func (c *Client) CancelTraining(ctx context.Context, requestID string) (CancelOutcome, error) {
	return c.cancel(ctx, TrainingEndpoint, requestID)
}

func (c *Client) cancel(ctx context.Context, endpoint, requestID string) (CancelOutcome, error) {
	address, err := c.requestURL(opCancel, endpoint, requestID, "/cancel")
	if err != nil {
		return "", err
	}
	r, err := c.do(ctx, call{
		op: opCancel, method: http.MethodPut, url: address, isNotFound: isQueueNotFound, retryNotFound: sureOfQueue,
	})
	if err != nil {
		return "", err
	}
	a := parse(r)
	switch {
	case r.notFound:
		return Unknown404, nil
	case a.Status == "ALREADY_COMPLETED",
		r.status == http.StatusBadRequest && strings.Contains(a.sentence(), "already completed"):
		return TooLate, nil
	}
	if err := check(opCancel, r); err != nil {
		return "", err
	}
	switch {
	case a.Status == "OK":
		return Removed, nil
	case len(r.body) > 0 && !json.Valid(r.body):
		return "", unreadable(opCancel, r) // a page of something that is not the queue
	}
	return Requested, nil // an unknown success counts as the outcome that may cost money
}
