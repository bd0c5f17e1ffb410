package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/purchase"
	"github.com/inflio/persona/storage"
)

// Erasure removes a persona from everywhere, step by step, and certifies it. Every method takes the erasure's id, so that
// no history of an erasure holds the id of what was erased.
type Erasure struct {
	Buyer     *purchase.Buyer
	Temporal  client.Client
	Namespace string
}

// The names of an erasure's steps, as the certificate has them.
const (
	stepKey       = "key_destroyed"
	stepBlobs     = "blobs_deleted"
	stepRows      = "rows_deleted"
	stepStopped   = "training_stopped"
	stepProvider  = "provider_erased"
	stepExpired   = "provider_expired" // given up: the provider refused, and its own copies have expired
	stepHistories = "histories_deleted"
)

// DestroyStored destroys the data key, deletes the records and then the blobs. It waits for nobody: what is still to be
// settled at the provider is kept as ids, see storage.ErasedPurchase, and activities of the training that still run fail
// because their records are gone. Safe to run twice.
func (a *Erasure) DestroyStored(ctx context.Context, in contract.ErasePersonaInput) error {
	e, err := a.Buyer.Store.ErasureForWorker(ctx, in.ErasureID)
	if err != nil {
		return err
	}
	if err := a.Buyer.Store.DestroyKey(ctx, e.ID); err != nil {
		return err
	}
	if err := a.Buyer.Store.StepDone(ctx, e.ID, stepKey, 1); err != nil {
		return err
	}
	rows, err := a.Buyer.Store.EraseRows(ctx, e.ID)
	if err != nil {
		return err
	}
	if err := a.Buyer.Store.StepDone(ctx, e.ID, stepRows, rows); err != nil {
		return err
	}
	blobs, err := a.Buyer.Store.DeleteBlobs(ctx, e.UserID, e.PersonaID, "")
	if err != nil {
		return err
	}
	return a.Buyer.Store.StepDone(ctx, e.ID, stepBlobs, blobs)
}

// StopTraining ends the workflows of the persona that still run. It requests their cancellation, so that a submit on its
// way can record its outcome, and terminates them once Timing.Cancel has passed since the erasure was requested. Until
// they are closed it fails retryably with NotErased. Safe to run twice.
func (a *Erasure) StopTraining(ctx context.Context, in contract.ErasePersonaInput) error {
	e, err := a.Buyer.Store.ErasureForWorker(ctx, in.ErasureID)
	if err != nil {
		return err
	}
	runs, err := a.openRuns(ctx, e.PersonaID)
	if err != nil {
		return err
	}
	overdue := time.Since(e.RequestedAt) > a.Buyer.Timing.Cancel
	for _, run := range runs {
		if overdue {
			err = a.Temporal.TerminateWorkflow(ctx, run.GetWorkflowId(), run.GetRunId(), "its persona is being erased")
		} else {
			err = a.Temporal.CancelWorkflow(ctx, run.GetWorkflowId(), run.GetRunId())
		}
		if err != nil && !isGone(err) {
			return err
		}
	}
	if len(runs) > 0 {
		return notErased("a workflow of the persona is still running")
	}
	return a.Buyer.Store.StepDone(ctx, e.ID, stepStopped, 1)
}

// providerForgets is how long after an erasure was requested the provider's copies have expired by themselves, whatever
// it answered: uploads after Timing.DatasetLife, results after seven days.
const providerForgets = 8 * 24 * time.Hour

// EraseAtProvider stops what still runs at the provider and removes what it holds: inputs, outputs, the uploaded
// pictures. It fails retryably until the provider has confirmed each removal, or until its copies have expired, which
// the certificate then says. Safe to run twice.
func (a *Erasure) EraseAtProvider(ctx context.Context, in contract.ErasePersonaInput) error {
	e, err := a.Buyer.Store.ErasureForWorker(ctx, in.ErasureID)
	if err != nil {
		return err
	}
	purchases, err := a.Buyer.Store.ErasedPurchases(ctx, e.ID)
	if err != nil {
		return err
	}
	expired := time.Since(e.RequestedAt) > max(providerForgets, a.Buyer.Timing.DatasetLife)
	var failed error
	waiting := false
	for _, p := range purchases {
		done, err := a.Buyer.Erased(ctx, p)
		switch {
		case done && err == nil:
			err = a.Buyer.Store.ErasedPurchaseSettled(ctx, e.ID, p.ID)
		case expired:
			if err = a.Buyer.Store.ErasedPurchaseSettled(ctx, e.ID, p.ID); err == nil {
				err = a.Buyer.Store.StepDone(ctx, e.ID, stepExpired, 1)
			}
		case err == nil:
			waiting = true
		}
		failed = cmp.Or(failed, err) // one that cannot be removed does not keep the others from it
	}
	switch {
	case failed != nil:
		return failed
	case waiting:
		return notYet("a request at the provider has not ended", contract.NotErased, a.Buyer.Timing.Poll)
	}
	return a.Buyer.Store.StepDone(ctx, e.ID, stepProvider, len(purchases))
}

// EraseHistories deletes the persona's schedules and the histories of its workflows, and fails retryably with
// NotErased until none can be found any more: Temporal deletes in the background. Safe to run twice.
func (a *Erasure) EraseHistories(ctx context.Context, in contract.ErasePersonaInput) error {
	e, err := a.Buyer.Store.ErasureForWorker(ctx, in.ErasureID)
	if err != nil {
		return err
	}
	runs, err := a.runsOf(ctx, e.PersonaID)
	if err != nil {
		return err
	}
	if err := a.Buyer.Store.StepDone(ctx, e.ID, stepHistories, len(runs)); err != nil {
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

// Certify looks everywhere once more and completes the erasure with its certificate. Blobs that an activity wrote while
// the key was destroyed are deleted first. Safe to run twice: a completed erasure keeps its certificate. Errors: NotErased
// (retried) names what is left.
func (a *Erasure) Certify(ctx context.Context, in contract.ErasePersonaInput) (contract.EraseResult, error) {
	e, err := a.Buyer.Store.ErasureForWorker(ctx, in.ErasureID)
	if err != nil {
		return contract.EraseResult{}, err
	}
	if _, err := a.Buyer.Store.DeleteBlobs(ctx, e.UserID, e.PersonaID, ""); err != nil {
		return contract.EraseResult{}, err
	}
	left, err := a.Buyer.Store.Leftovers(ctx, e.ID)
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
	text, err := json.Marshal(certificateOf(e))
	if err != nil {
		return result, err
	}
	return result, a.Buyer.Store.CompleteErasure(ctx, e.ID, text)
}

func countSteps(e storage.Erasure) contract.EraseResult {
	r := contract.EraseResult{Personas: 1}
	for _, s := range e.Steps {
		switch s.Name {
		case stepBlobs:
			r.Blobs = s.Count
		case stepRows:
			r.Rows = s.Count
		case stepHistories:
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
