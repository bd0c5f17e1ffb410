package audit

import (
	"context"

	"github.com/jackc/pgx/v5"
)

const selectEntries = `
SELECT seq, at, action, COALESCE(persona_id::text, ''), COALESCE(subject, ''), detail FROM audit_log
WHERE user_id = $1 AND ($2 = 0 OR seq < $2) ORDER BY seq DESC LIMIT $3`

// Read returns the user's entries, the newest first: at most limit of them, and only those older than the entry with number
// before unless that is 0.
func Read(ctx context.Context, tx pgx.Tx, userID string, limit int, before int64) ([]Entry, error) {
	rows, err := tx.Query(ctx, selectEntries, userID, before, max(limit, 0))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e Entry, err error) {
		return e, row.Scan(&e.Seq, &e.At, &e.Action, &e.PersonaID, &e.Subject, &e.Detail)
	})
}
