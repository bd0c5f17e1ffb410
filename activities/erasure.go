package activities

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// Erasure removes a persona from everywhere, step by step, and proves it. Every method takes the erasure's id, so
// that no history carries the id of what was erased.
type Erasure struct {
	Store     *storage.Store
	Provider  *trainer.Client
	Timing    Timing
	Temporal  client.Client
	Namespace string
}

// StopTraining ends the persona's training: asked first, so that its job is settled at the provider, terminated if
// that takes too long. Safe to run twice: what does not run is stopped.
func (a *Erasure) StopTraining(ctx context.Context, in contract.ErasePersonaInput) error {
	e, err := a.Store.ErasureForWorker(ctx, in.ErasureID)
	if err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, a.Timing.Cancel)
	defer cancel()
	id := contract.TrainPersonaID(e.PersonaID)
	_, err = contract.CancelTraining(asking, a.Temporal, e.PersonaID, e.ID)
	switch {
	case err == nil || isGone(err):
		return a.awaitClosed(ctx, id, e)
	case ctx.Err() != nil:
		return ctx.Err()
	case asking.Err() == nil:
		return err // Temporal does not answer: no reason to cut anything off
	}
	err = a.Temporal.TerminateWorkflow(ctx, id, "", "its persona is being erased")
	if err != nil && !isGone(err) {
		return err
	}
	return a.awaitClosed(ctx, id, e)
}

// awaitClosed fails retryably while the training's run is still open, so that nothing of it writes any more when the
// next step begins.
func (a *Erasure) awaitClosed(ctx context.Context, id string, e storage.Erasure) error {
	run, err := a.Temporal.DescribeWorkflowExecution(ctx, id, "")
	switch {
	case isGone(err):
	case err != nil:
		return err
	case run.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return notErased("its training is still ending")
	}
	return a.Store.StepDone(ctx, e.ID, "training_stopped", 1)
}

// EraseAtProvider cancels what still runs at the provider and removes what it holds: inputs, outputs, the uploaded
// pictures. Safe to run twice: what is gone is gone.
func (a *Erasure) EraseAtProvider(ctx context.Context, in contract.ErasePersonaInput) error {
	e, err := a.Store.ErasureForWorker(ctx, in.ErasureID)
	if err != nil {
		return err
	}
	jobs, err := a.Store.JobsOf(ctx, e.UserID, e.PersonaID)
	if err != nil {
		return err
	}
	for _, job := range jobs {
		if job, err = a.knownJob(ctx, job); err != nil {
			return err
		}
		if err := stopAndClean(ctx, a.Provider, job, a.Timing.Poll); err != nil {
			return err
		}
	}
	return a.Store.StepDone(ctx, e.ID, "provider_erased", len(jobs))
}

// knownJob finds out what became of a purchase that nobody knows the end of, and waits for it with NotErased: as long
// as a job may turn up at the provider, its row must be there to recognise it by.
func (a *Erasure) knownJob(ctx context.Context, job storage.Job) (storage.Job, error) {
	if job.RequestID != "" || job.SubmittingAt == nil || job.Status == persona.JobIntended || job.Status == persona.JobRefused {
		return job, nil
	}
	id, found, age, err := lookFor(ctx, a.Provider, job)
	switch {
	case err != nil:
		return job, err
	case found:
		return moveOrRead(ctx, a.Store, job, unsettled, persona.JobCancelled, storage.JobChange{RequestID: &id})
	case age > a.Timing.AbsenceProof:
		return job, nil
	default:
		return job, stillEnding(a.Timing.Poll)
	}
}

// EraseStored removes the blobs, deletes the data key and then the rows. Safe to run twice.
func (a *Erasure) EraseStored(ctx context.Context, in contract.ErasePersonaInput) error {
	e, err := a.Store.ErasureForWorker(ctx, in.ErasureID)
	if err != nil {
		return err
	}
	blobs, err := a.Store.DeleteBlobs(ctx, e.UserID, e.PersonaID, "")
	if err != nil {
		return err
	}
	if err := a.Store.StepDone(ctx, e.ID, "blobs_deleted", blobs); err != nil {
		return err
	}
	if err := a.Store.DestroyKey(ctx, e.ID); err != nil {
		return err
	}
	if err := a.Store.StepDone(ctx, e.ID, "key_destroyed", 1); err != nil {
		return err
	}
	rows, err := a.Store.EraseRows(ctx, e.ID)
	if err != nil {
		return err
	}
	return a.Store.StepDone(ctx, e.ID, "rows_deleted", rows)
}

// EraseHistories deletes the persona's schedules and the histories of its workflows, and fails retryably with
// NotErased until none can be found any more: Temporal deletes in the background. Safe to run twice.
func (a *Erasure) EraseHistories(ctx context.Context, in contract.ErasePersonaInput) error {
	e, err := a.Store.ErasureForWorker(ctx, in.ErasureID)
	if err != nil {
		return err
	}
	runs, err := a.runsOf(ctx, e.PersonaID)
	if err != nil {
		return err
	}
	if err := a.Store.StepDone(ctx, e.ID, "histories_deleted", len(runs)); err != nil {
		return err
	}
	for _, run := range runs {
		if err := a.deleteRun(ctx, run); err != nil {
			return err
		}
	}
	if len(runs) > 0 {
		return notErased("workflow histories are still being deleted")
	}
	return nil
}

// Certify looks everywhere once more and completes the erasure with its certificate. Safe to run twice: a completed
// erasure keeps its certificate. Errors: NotErased (retried) names what is left.
func (a *Erasure) Certify(ctx context.Context, in contract.ErasePersonaInput) (contract.EraseResult, error) {
	e, err := a.Store.ErasureForWorker(ctx, in.ErasureID)
	if err != nil {
		return contract.EraseResult{}, err
	}
	left, err := a.Store.Leftovers(ctx, e.ID)
	if err != nil {
		return contract.EraseResult{}, err
	}
	runs, err := a.runsOf(ctx, e.PersonaID)
	if err != nil {
		return contract.EraseResult{}, err
	}
	if len(runs) > 0 {
		left = append(left, "workflow histories")
	}
	if len(left) > 0 {
		return contract.EraseResult{}, notErased("still found in: " + strings.Join(left, ", "))
	}
	result := countSteps(e)
	if e.CompletedAt != nil {
		return result, nil
	}
	certificate, err := json.Marshal(certificate{
		ErasureID: e.ID, PersonaID: e.PersonaID, RequestedAt: e.RequestedAt, Steps: e.Steps,
		Verified: []string{"database rows", "blobs", "data key", "schedules", "workflow histories"},
		Removed:  []string{"uploaded pictures, inputs and outputs at the provider"},
		Kept:     []string{"this erasure record", "the audit log"},
	})
	if err != nil {
		return result, err
	}
	return result, a.Store.CompleteErasure(ctx, e.ID, certificate)
}

// certificate is what a person gets as proof.
type certificate struct {
	ErasureID   string                `json:"erasure_id"`
	PersonaID   string                `json:"persona_id"`
	RequestedAt time.Time             `json:"requested_at"`
	Steps       []storage.ErasureStep `json:"steps"`
	Verified    []string              `json:"verified_absent"`
	Removed     []string              `json:"removed_at_provider"` // it confirmed each removal; it cannot be looked into
	Kept        []string              `json:"kept"`
}

func countSteps(e storage.Erasure) contract.EraseResult {
	r := contract.EraseResult{Personas: 1}
	for _, s := range e.Steps {
		switch s.Name {
		case "blobs_deleted":
			r.Blobs = s.Count
		case "rows_deleted":
			r.Rows = s.Count
		case "histories_deleted":
			r.Histories = s.Count
		}
	}
	return r
}

func notErased(what string) error { return notYet(what, contract.NotErased, time.Second) }

func isGone(err error) bool {
	var gone *serviceerror.NotFound
	return errors.As(err, &gone)
}
