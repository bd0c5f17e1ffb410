package storage

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// selectTables lists every table that has a column, from the catalog itself, so that a new table cannot be forgotten.
// information_schema would hide tables on which the app's role has no privilege; from here they make the erasure fail, which is seen.
// What stays after an erasure is its own record and the audit log with its heads. The outbox comes last, as the order of locks
// demands.
const selectTables = `
SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE a.attname = $1 AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
  AND c.relnamespace = current_schema()::regnamespace AND c.relname NOT IN ('erasures', 'audit_log', 'audit_heads')
ORDER BY c.relname = 'outbox', c.relname`

// trace is a table and a column in which the value of what is erased may be.
type trace struct{ table, column string }

func (t trace) sql(verb string) string {
	return fmt.Sprintf("%s FROM %s WHERE %s = $1", verb, pgx.Identifier{t.table}.Sanitize(), pgx.Identifier{t.column}.Sanitize())
}

// traces lists where rows of what is erased may be, and the value to look for. The persona's own row comes last, because the others
// refer to it.
func traces(ctx context.Context, tx pgx.Tx, e Erasure) (places []trace, value string, err error) {
	column, value := "persona_id", e.PersonaID
	if value == "" {
		column, value = "user_id", e.UserID
	}
	tables, err := many(ctx, tx, pgx.RowTo[string], selectTables, column)
	if err != nil {
		return nil, "", err
	}
	for _, table := range tables {
		places = append(places, trace{table, column})
	}
	if e.PersonaID != "" {
		places = append(places, trace{"personas", "id"})
	}
	return places, value, nil
}

// EraseRows deletes every row of the persona, or of the user, except the erasure itself and the audit log, and returns how many
// there were. For a user it first discards the uploads that were not committed, and it is ErrConflict while there are personas,
// whose blobs, keys and jobs need their own erasures. Doing it again is fine; for a completed erasure it does nothing, because the
// user may have begun again.
func (s *Store) EraseRows(ctx context.Context, erasureID string) (rows int, err error) {
	if err := s.discardUploads(ctx, erasureID); err != nil {
		return 0, err
	}
	err = s.asEraser(ctx, erasureID, func(tx *userTx, e Erasure) error {
		rows = 0
		if ready, err := lockRows(ctx, tx, e); err != nil || !ready {
			return err
		}
		if e.PersonaID != "" {
			if err := detachPurchases(ctx, tx, e); err != nil {
				return err
			}
		}
		places, value, err := traces(ctx, tx, e)
		if err != nil {
			return err
		}
		// All are counted before any is deleted, because deleting a row also deletes the rows that refer to it.
		for _, place := range places {
			var n int
			if err := tx.QueryRow(ctx, place.sql("SELECT count(*)"), value).Scan(&n); err != nil {
				return err
			}
			rows += n
		}
		for _, place := range places {
			if _, err := tx.Exec(ctx, place.sql("DELETE"), value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return rows, nil
}

// lockRows takes the locks of EraseRows. It reports false when the erasure is completed, and ErrConflict when it is of a user who
// still has personas.
func lockRows(ctx context.Context, tx *userTx, e Erasure) (bool, error) {
	personas, err := lockPersonas(ctx, tx, e)
	if err != nil {
		return false, err
	}
	if e, err = lockErasure(ctx, tx, e.ID); err != nil || e.Status == ErasureCompleted {
		return false, err
	}
	if e.PersonaID != "" {
		return true, nil
	}
	erasing, err := personasBeingErased(ctx, tx)
	if err == nil && (erasing || len(personas) > 0) {
		err = fmt.Errorf("%w: the user still has personas", ErrConflict)
	}
	return err == nil, err
}

const closeUploads = `
UPDATE outbox SET attempts = attempts + 1, next_at = clock_timestamp() + $2::interval
WHERE user_id = $1 AND kind = 'discard-upload' RETURNING persona_id`

// discardUploads removes the photos of uploads that the user never committed. Their keys were only in memory. Their rows of the
// outbox stay for EraseRows; no new ones can come, because the user is being erased.
func (s *Store) discardUploads(ctx context.Context, erasureID string) error {
	var closed []string
	err := s.asEraser(ctx, erasureID, func(tx *userTx, e Erasure) error {
		closed = nil
		if e.PersonaID != "" {
			return nil
		}
		ready, err := lockRows(ctx, tx, e)
		if err != nil || !ready {
			return err
		}
		closed, err = many(ctx, tx, pgx.RowTo[string], closeUploads, e.UserID, claimLife)
		return err
	})
	if err != nil {
		return err
	}
	for _, id := range closed {
		if _, err := s.vault.RemoveAll(ctx, id, ""); err != nil {
			return translate(err)
		}
	}
	return nil
}

// Leftovers names every table in which a row of the persona, or of the user, is still found, and "blobs" when there is any blob of
// the persona. Empty means that nothing is left but the erasure and the audit log.
func (s *Store) Leftovers(ctx context.Context, erasureID string) (found []string, err error) {
	var personaID string
	err = s.asEraser(ctx, erasureID, func(tx *userTx, e Erasure) error {
		found, personaID = nil, e.PersonaID
		places, value, err := traces(ctx, tx, e)
		if err != nil {
			return err
		}
		for _, place := range places {
			var left bool
			if err := tx.QueryRow(ctx, "SELECT EXISTS ("+place.sql("SELECT")+")", value).Scan(&left); err != nil {
				return err
			}
			if left {
				found = append(found, place.table)
			}
		}
		return nil
	})
	if err != nil || personaID == "" {
		return found, err
	}
	purchases, err := s.ErasedPurchases(ctx, erasureID)
	if err != nil {
		return nil, err
	}
	if len(purchases) > 0 {
		found = append(found, "purchases at the provider")
	}
	blobs, err := s.vault.Holds(ctx, personaID)
	if err != nil {
		return nil, translate(err)
	}
	if blobs {
		found = append(found, "blobs")
	}
	return found, nil
}
