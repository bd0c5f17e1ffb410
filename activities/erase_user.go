package activities

import (
	"context"
	"errors"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/storage"
)

// PlanUserErasure makes one erasure for each persona the user still has and returns their ids. Safe to run twice: a
// persona that is being erased keeps its erasure.
func (a *Erasure) PlanUserErasure(ctx context.Context, in contract.EraseUserInput) ([]string, error) {
	children, err := a.Store.ChildErasures(ctx, in.ErasureID)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(children))
	for _, c := range children {
		ids = append(ids, c.ID)
	}
	return ids, nil
}

// CertifyUser removes what belonged to the user and to no persona, and completes the erasure of the user. Safe to run
// twice.
func (a *Erasure) CertifyUser(ctx context.Context, in contract.EraseUserInput) error {
	e, err := a.Store.ErasureForWorker(ctx, in.ErasureID)
	if err != nil || e.CompletedAt != nil {
		return err
	}
	rows, err := a.Store.EraseRows(ctx, e.ID)
	if errors.Is(err, storage.ErrConflict) {
		return notErased("a persona of the user is still being erased")
	}
	if err != nil {
		return err
	}
	if err := a.Store.StepDone(ctx, e.ID, "rows_deleted", rows); err != nil {
		return err
	}
	left, err := a.Store.Leftovers(ctx, e.ID)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return notErased("something of the user is still there")
	}
	return a.Store.CompleteErasure(ctx, e.ID, []byte(`{"scope":"user","kept":["this erasure record","the audit log"]}`))
}
