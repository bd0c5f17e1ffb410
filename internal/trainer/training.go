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
	TriggerWord string // also in every caption: the endpoint reads it from there when there are captions
	Steps       int    // 1 to 10000; price is linear in it
	WebhookURL  string // https, called once the training has ended; "" for none
}

// SubmitTraining buys a training: one attempt, never repeated in here. Any error is a *SubmitError, whose Outcome says
// whether it may have been bought all the same.
func (c *Client) SubmitTraining(ctx context.Context, r TrainingRequest) (requestID string, err error) {
	query := url.Values{}
	if r.WebhookURL != "" {
		query.Set("fal_webhook", r.WebhookURL)
	}
	header := http.Header{"X-Fal-Object-Lifecycle-Preference": {lifecycle(weightsLifetime)}}
	return c.submit(ctx, TrainingEndpoint, query, header, r.input())
}

// State is where a job is. A job that failed or was cancelled is Completed, as at the service.
type State string

// The states of a job.
const (
	Queued    State = "queued"
	Running   State = "running"
	Completed State = "completed"
)

// Status is what the service says about a job. Completed does not mean trained: ask for the result.
type Status struct {
	State         State
	QueuePosition int    // jobs ahead, while Queued
	StepsDone     int    // read from the logs
	StepsTotal    int    // read from the logs; 0 when they do not tell
	Error         string // a sentence for people, when the job is known to have failed
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

// TrainingStatus asks where a training is. ErrUnknownRequest in the chain, beside a *persona.Error of Kind NotFound,
// means that the service does not know it and has said so several times.
func (c *Client) TrainingStatus(ctx context.Context, requestID string) (Status, error) {
	return c.status(ctx, TrainingEndpoint, requestID, true)
}

func (c *Client) status(ctx context.Context, endpoint, requestID string, logs bool) (Status, error) {
	const op = "read the status"
	suffix := "/status"
	if logs {
		suffix += "?logs=1"
	}
	address, err := c.requestURL(endpoint, requestID, suffix)
	if err != nil {
		return Status{}, err
	}
	// A job that is forgotten is given up or bought anew, so a 404 is not believed at once.
	r, err := c.do(ctx, call{op: op, method: http.MethodGet, url: address, patient: true})
	if errors.Is(err, errTooLarge) && logs {
		return c.status(ctx, endpoint, requestID, false)
	}
	if err != nil {
		return Status{}, err
	}
	if err := check(op, r); err != nil {
		if failed, ok := errors.AsType[*CallError](err); ok && r.status == http.StatusNotFound {
			failed.cause = ErrUnknownRequest
		}
		return Status{}, err
	}
	var body statusBody
	if json.Unmarshal(r.body, &body) != nil {
		return Status{}, unreadable(op, r)
	}
	return body.status(), nil
}

func (b statusBody) status() Status {
	s := Status{State: Running} // also for a state that is not known yet: only COMPLETED ends a job
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
		s.ErrorType = word(b.ErrorType)
		s.Error = newJobError(s.ErrorType, 0, nil).Message
	}
	return s
}

// TrainingResult is where the trained files are. The addresses need no credentials; treat them as secrets.
type TrainingResult struct {
	WeightsURL   string
	ConfigURL    string // "" when there is none
	WeightsBytes int64  // 0 when the service does not tell
}

// TrainingResult fetches the result, without which a training does not count as done. A *JobError means that the
// training failed, ErrStillRunning in the chain that it has not ended. The service keeps results for about an hour.
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
	const op = "fetch the result"
	address, err := c.requestURL(endpoint, requestID, "")
	if err != nil {
		return err
	}
	// A 404 ends a training that was paid for, so it is not believed at once.
	r, err := c.do(ctx, call{op: op, method: http.MethodGet, url: address, patient: true})
	if err != nil {
		return err
	}
	err = resultError(op, r)
	var failed *JobError
	if errors.As(err, &failed) && failed.doubtful {
		// A broken runner and a broken queue answer alike here, but only the first is in the status too.
		s, statusErr := c.status(ctx, endpoint, requestID, false)
		if statusErr != nil {
			return statusErr
		}
		if s.State != Completed || s.Error == "" {
			return &CallError{Op: op, Status: r.status, Type: failed.Type, public: unavailable()}
		}
	}
	if err != nil {
		return err
	}
	if json.Unmarshal(r.body, into) != nil {
		return unreadable(op, r)
	}
	return nil
}

// CancelOutcome is what the service made of a cancellation.
type CancelOutcome string

// The outcomes of a cancellation.
const (
	Removed    CancelOutcome = "removed"    // taken from the queue before it started: it costs nothing
	Requested  CancelOutcome = "requested"  // running, told to stop: it may still finish and may be billed
	TooLate    CancelOutcome = "too_late"   // it had ended; the result tells how
	Unknown404 CancelOutcome = "unknown_id" // the service does not know the job
)

// CancelTraining asks the service to stop a training. It is safe to call twice; the second answer for a job that the
// first removed may be TooLate. Keep asking for the status until it is Completed.
func (c *Client) CancelTraining(ctx context.Context, requestID string) (CancelOutcome, error) {
	return c.cancel(ctx, TrainingEndpoint, requestID)
}

func (c *Client) cancel(ctx context.Context, endpoint, requestID string) (CancelOutcome, error) {
	const op = "cancel"
	address, err := c.requestURL(endpoint, requestID, "/cancel")
	if err != nil {
		return "", err
	}
	r, err := c.do(ctx, call{op: op, method: http.MethodPut, url: address})
	if err != nil {
		return "", err
	}
	a := parse(r)
	switch {
	case a.Status == "ALREADY_COMPLETED",
		r.status == http.StatusBadRequest && strings.Contains(a.sentence(), "already completed"):
		return TooLate, nil
	case r.status == http.StatusNotFound:
		return Unknown404, nil
	}
	if err := check(op, r); err != nil {
		return "", err
	}
	if a.Status == "OK" {
		return Removed, nil
	}
	return Requested, nil // of what could be meant by any other success, the one that may cost
}
