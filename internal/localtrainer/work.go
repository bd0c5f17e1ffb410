package localtrainer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
)

// The endpoints that the server has.
const (
	TrainEndpoint = "fal-ai/flux-lora-fast-training"
	ImageEndpoint = "fal-ai/flux-lora"
)

// endpoint is a model: what it runs, how many jobs at once, and what fal charges for it.
type endpoint struct {
	fault string // the target of faults for its submits and its jobs
	slots int    // jobs at once
	price float64
	unit  string
	run   func(*Server, context.Context, *job, json.RawMessage) (outcome, error)
}

// One training at a time uses all cores. Two pictures at a time exercise a client's concurrency. The prices are fal's.
var endpoints = map[string]endpoint{
	TrainEndpoint: {fault: onSubmit, slots: 1, price: 2, unit: "1000 steps", run: (*Server).train},
	ImageEndpoint: {fault: onGenerate, slots: 2, price: 0.035, unit: "megapixels", run: (*Server).generate},
}

// outcome is the end of a job.
type outcome struct {
	status    int // of the result
	output    json.RawMessage
	err       string
	errType   string
	userLimit bool
	units     float64
}

func infraOutcome(errType, detail string) outcome {
	return outcome{
		status: infraStatus[errType], err: detail, errType: errType,
		output: mustJSON(map[string]string{"detail": detail, "error_type": errType}),
	}
}

func cancelledOutcome(id string) outcome {
	return infraOutcome("client_cancelled", "Request "+id+" was cancelled by the client")
}

// outcome is the end of a job that a fault lets fail: an infrastructure error if the fault's type is one, else a model
// error with a 422.
func (f fault) outcome(endpointID string) outcome {
	kind := f.ErrorType
	if _, infra := infraStatus[kind]; infra {
		return infraOutcome(kind, "The runner failed")
	}
	if kind == "" {
		kind = "face_detection_error"
		if endpointID == ImageEndpoint {
			kind = "no_media_generated"
		}
	}
	e := invalid(kind, "The local trainer was told to fail here", nil)
	return outcome{
		status: e.Status, output: e.body(), errType: kind, err: fmt.Sprintf("Invalid status code: %d", e.Status),
	}
}

// errReleased ends the wait of a stuck job, which then goes back to the queue and runs as usual.
var errReleased = errors.New("the fault was cleared")

// dispatch starts the jobs and deliveries that are due, and returns when it must be called again at the latest.
func (s *Server) dispatch(ctx context.Context, work *sync.WaitGroup) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, next := s.now(), time.Minute
	pending := func(at *time.Time) bool {
		if at == nil || !now.Before(*at) {
			return false
		}
		next = min(next, at.Sub(now))
		return true
	}
	busy := map[string]int{}
	for _, j := range s.jobs {
		// A stuck job takes no slot, because it would keep all others waiting.
		if j.running && j.fault.Effect != stuck {
			busy[j.Endpoint]++
		}
	}
	for _, j := range s.sorted(func(j *job) bool { return !j.ended() && !j.running }) {
		if j.State == inQueue && j.StartBy != nil && !pending(j.StartBy) {
			out := infraOutcome("request_timeout", "The request did not start within the client's timeout")
			out.userLimit = true
			s.end(j, out)
			continue
		}
		if pending(j.NotBefore) {
			continue
		}
		if j.fault.Effect != stuck {
			if busy[j.Endpoint] >= endpoints[j.Endpoint].slots {
				continue
			}
			busy[j.Endpoint]++
		}
		s.start(ctx, j, work)
	}
	for _, j := range s.sorted(func(j *job) bool { return j.ended() && !j.Delivered && !j.sending }) {
		j.sending = true
		work.Go(func() { s.deliver(ctx, j) })
	}
	return next
}

// start runs a job in a new goroutine. s.mu is held.
func (s *Server) start(ctx context.Context, j *job, work *sync.WaitGroup) {
	if j.State == inProgress {
		j.Logs = nil
		j.say(s.now(), "WARN", "The runner was lost; the request starts again.")
	} else {
		at := s.now().UTC()
		j.State, j.StartedAt = inProgress, &at
	}
	if s.save(j) != nil {
		return // dispatch will try again
	}
	ctx, j.cancel = context.WithCancelCause(ctx)
	j.running = true
	input := j.Input
	work.Go(func() { s.work(ctx, j, input) })
}

// work runs a job to its end. If the server stops first, the next start runs it again.
func (s *Server) work(ctx context.Context, j *job, input json.RawMessage) {
	out, err := s.perform(ctx, j, input)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.wakeUp()
	stopping := ctx.Err() != nil && !errors.Is(context.Cause(ctx), errCancelled)
	j.cancel(nil)
	j.running = false
	var wrong *modelError
	switch {
	case err == nil:
		s.end(j, out)
	case errors.Is(err, errReleased):
		j.fault = fault{}
	case j.cancelled:
		s.end(j, cancelledOutcome(j.ID))
	case stopping:
		s.dropOutput(j)
	case errors.As(err, &wrong):
		s.end(j, outcome{status: wrong.Status, output: wrong.body()})
	default:
		s.log.Error("a job failed", "request_id", j.ID, "endpoint", j.Endpoint, "error", err)
		s.end(j, infraOutcome("internal_error", "Internal server error"))
	}
}

// perform does the work of a job, or what a fault demands instead.
func (s *Server) perform(ctx context.Context, j *job, input json.RawMessage) (out outcome, err error) {
	defer func() {
		// A job that makes the model panic must not stop the others.
		if p := recover(); p != nil {
			s.log.Error("a job panicked", "request_id", j.ID, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic in %s", j.Endpoint)
		}
	}()
	s.mu.Lock()
	f := j.fault
	s.mu.Unlock()
	switch f.Effect {
	case stuck:
		select {
		case <-ctx.Done():
			return outcome{}, context.Cause(ctx)
		case <-f.cleared:
			return outcome{}, errReleased
		}
	case fail:
		return f.outcome(j.Endpoint), nil
	}
	return endpoints[j.Endpoint].run(s, ctx, j, input)
}

// end makes a job COMPLETED. s.mu is held.
func (s *Server) end(j *job, out outcome) {
	at := s.now().UTC()
	j.State, j.EndedAt = completed, &at
	j.Status, j.Output, j.Units = out.status, out.output, out.units
	j.Error, j.ErrorType, j.UserLimit = out.err, out.errType, out.userLimit
	j.fault = fault{}
	if !j.KeepIO || j.Withdrawn {
		j.Input = nil
	}
	if j.Webhook == "" {
		j.Delivered = true
	}
	if out.status >= http.StatusBadRequest {
		s.dropOutput(j)
	}
	_ = s.save(j) // logged; after a restart the job would run again
	s.wakeUp()
	s.log.Info("a request ended", "request_id", j.ID, "endpoint", j.Endpoint, "status", out.status)
}

func (s *Server) dropOutput(j *job) {
	if _, err := s.files.removeOfJob(j.ID); err != nil {
		s.log.Error("output files could not be removed", "request_id", j.ID, "error", err)
	}
}

// tell adds a line to the log of a running job.
func (s *Server) tell(j *job, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !j.ended() {
		j.say(s.now(), "INFO", message)
	}
}
