package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/inflio/persona/internal/persona"
)

// What MoveJob and MovePicture share: both move a purchase by the same rules.

// moveSQL returns the update of a table of purchases whose column requestID holds the provider's id. more sets further
// columns, from $8 on; the parameters before are those of movePurchase.
//
// A purchase that is already where it should go takes the change too, when it is the same purchase. One that the provider
// acknowledged is freed only with $7; then its id goes as well.
func moveSQL(table, requestID, more, columns string) string {
	return `
UPDATE ` + table + `
SET status = $3::text, ` + requestID + ` = CASE WHEN $3::text = 'intended' THEN '' ELSE COALESCE($4::text, ` + requestID + `) END,
    submitting_at = CASE WHEN $3::text = 'intended' THEN NULL ELSE submitting_at END,
    error_message = COALESCE($5, error_message),
    cleaned_at = CASE WHEN ` + requestID + ` = '' AND $4::text <> '' THEN NULL ELSE cleaned_at END,` + more + `
    completed_at = CASE WHEN $3::text IN ('completed', 'failed', 'cancelled', 'refused') THEN COALESCE(completed_at, now()) END
WHERE id = $1 AND (` + requestID + ` = '' OR $4::text IS NULL OR ` + requestID + ` = $4::text)
  AND (status = ANY ($2::text[]) OR status = $3::text) AND ($6 = 0 OR attempt = $6)
  AND (` + requestID + ` = '' OR $3::text <> 'intended' OR $7)
RETURNING ` + columns
}

// move is one change of a purchase.
type move struct {
	kind   persona.PurchaseKind
	table  string
	id     string
	to     persona.PurchaseStatus
	by     persona.Actor
	frees  persona.Actor // who may free a purchase that the provider acknowledged
	change JobChange
	more   []any // parameters of moveSQL from $8 on
}

// movePurchase runs a move and returns the row as it is then; see MoveJob. update runs the statement of moveSQL with args.
func movePurchase[T any](
	ctx context.Context, s *Store, userID string, m move, update func(tx *userTx, args []any) (T, error),
) (moved T, err error) {
	if !persona.IsID(m.id) {
		return moved, ErrNotFound
	}
	from := persona.MovesFrom(m.kind, m.to, m.by)
	if m.to == persona.PurchaseSubmitting || len(from) == 0 {
		return moved, fmt.Errorf("storage: %s does not move the purchase of a %s to %s", m.by, m.kind, m.to)
	}
	args := append([]any{m.id, texts(from), m.to, m.change.RequestID, m.change.ErrorMessage, m.change.Attempt, m.by == m.frees}, m.more...)
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		moved, err = update(tx, args)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		return orConflict(ctx, tx, m.table, m.id)
	})
	if errors.Is(err, ErrNotFound) && m.change.RequestID != nil {
		err = errors.Join(err, s.noteErasedRequest(ctx, userID, m.id, *m.change.RequestID, m.change.Attempt))
	}
	return moved, err
}

// orConflict returns why an update changed no row: ErrConflict when the row is there, else ErrNotFound.
func orConflict(ctx context.Context, tx *userTx, table, id string) error {
	var exists bool
	query := `SELECT EXISTS (SELECT FROM ` + pgx.Identifier{table}.Sanitize() + ` WHERE id = $1)`
	if err := tx.QueryRow(ctx, query, id).Scan(&exists); err != nil {
		return err
	}
	if exists {
		return ErrConflict
	}
	return ErrNotFound
}

// texts returns states as the driver takes them.
func texts(states []persona.PurchaseStatus) []string {
	out := make([]string, len(states))
	for i, status := range states {
		out[i] = string(status)
	}
	return out
}

// lockForPurchase runs a query that locks the persona and the version of the purchase id and tells whether buying for
// them has ended; then it is ErrConflict.
func lockForPurchase(ctx context.Context, tx *userTx, query, id string) error {
	var ended bool
	if err := tx.QueryRow(ctx, query, id).Scan(&ended); err != nil {
		return err
	}
	if ended {
		return ErrConflict
	}
	return nil
}
