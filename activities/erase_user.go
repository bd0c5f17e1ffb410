package activities

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/storage"
)

// PlanUserErasure makes one erasure for each persona the user still has and returns their ids. Safe to run twice: a
// persona that is being erased keeps its erasure.
func (a *Erasure) PlanUserErasure(ctx context.Context, in contract.EraseUserInput) ([]string, error) {
	children, err := a.Buyer.Store.ChildErasures(ctx, in.ErasureID)
	if err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(children))
	for _, c := range children {
		ids = append(ids, c.ID)
	}
	return ids, nil
}

// CertifyUser removes what belonged to the user and to no persona, and completes the erasure of the user with a
// certificate that lists the personas. It fails retryably with NotErased while one of them is still being erased. Safe
// to run twice.
func (a *Erasure) CertifyUser(ctx context.Context, in contract.EraseUserInput) error {
	e, err := a.Buyer.Store.ErasureForWorker(ctx, in.ErasureID)
	if err != nil || e.CompletedAt != nil {
		return err
	}
	children, err := a.Buyer.Store.ChildErasures(ctx, e.ID)
	if err != nil {
		return err
	}
	for _, child := range children {
		if child.CompletedAt == nil {
			return notErased("a persona of the user is still being erased")
		}
	}
	rows, err := a.Buyer.Store.EraseRows(ctx, e.ID)
	if errors.Is(err, storage.ErrConflict) {
		return notErased("a persona of the user is still being erased")
	}
	if err != nil {
		return err
	}
	if err := a.Buyer.Store.StepDone(ctx, e.ID, stepRows, rows); err != nil {
		return err
	}
	left, err := a.Buyer.Store.Leftovers(ctx, e.ID)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return notErased("something of the user is still there")
	}
	if e, err = a.Buyer.Store.ErasureForWorker(ctx, e.ID); err != nil {
		return err
	}
	text, err := json.Marshal(userCertificate(e, children))
	if err != nil {
		return err
	}
	return a.Buyer.Store.CompleteErasure(ctx, e.ID, text)
}
