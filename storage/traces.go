package storage

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// selectTables lists every table that has a column, from the catalog itself, so that a table made tomorrow cannot be forgotten.
// information_schema would hide tables that the app's role was granted nothing on; this way they fail loudly. What stays after
// an erasure is its own record and the audit log with its heads.
const selectTables = `
SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE a.attname = $1 AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
  AND c.relnamespace = current_schema()::regnamespace AND c.relname NOT IN ('erasures', 'audit_log', 'audit_heads')
ORDER BY c.relname`

// trace is a table and column in which something of what is erased may stand.
type trace struct{ table, column string }

func (t trace) sql(verb string) string {
	return fmt.Sprintf("%s FROM %s WHERE %s = $1", verb, pgx.Identifier{t.table}.Sanitize(), pgx.Identifier{t.column}.Sanitize())
}

// traces lists where rows of the erased may be, and the value to look for. The persona's own row comes last: the others hang
// on it.
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
// there were. For a user it is ErrConflict while there are personas: their blobs, keys and jobs need their own erasures first.
// Doing it again is fine.
func (s *Store) EraseRows(ctx context.Context, erasureID string) (rows int, err error) {
	err = s.asEraser(ctx, erasureID, func(tx *userTx, e Erasure) error {
		if e.PersonaID == "" {
			if err := s.prepareUser(ctx, tx, e.UserID); err != nil {
				return err
			}
		} else if err := detachPurchases(ctx, tx, e); err != nil {
			return err
		}
		places, value, err := traces(ctx, tx, e)
		if err != nil {
			return err
		}
		// Counted before anything is deleted, because deleting a row also deletes what hangs on it.
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

// prepareUser makes sure that the user's rows can go: no persona is left, and uploads that were never committed take their blobs
// with them. Their keys were only ever in memory.
func (s *Store) prepareUser(ctx context.Context, tx *userTx, userID string) error {
	var personas bool
	const query = `SELECT EXISTS (SELECT FROM personas WHERE user_id = $1)`
	if err := tx.QueryRow(ctx, query, userID).Scan(&personas); err != nil {
		return err
	}
	erasing, err := personasBeingErased(ctx, tx)
	if err != nil {
		return err
	}
	if personas || erasing {
		return fmt.Errorf("%w: the user still has personas", ErrConflict)
	}
	const uploads = `SELECT persona_id FROM outbox WHERE user_id = $1 AND kind = 'discard-upload' FOR UPDATE`
	ids, err := many(ctx, tx, pgx.RowTo[string], uploads, userID)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := s.removeAll(ctx, id, prefixOf(id)); err != nil {
			return err
		}
	}
	return nil
}

// Leftovers names every table in which a row of the persona, or of the user, is still found, and "blobs" when any blob is. Empty
// means that nothing is left but the erasure and the audit log.
func (s *Store) Leftovers(ctx context.Context, erasureID string) (found []string, err error) {
	var personaID string
	err = s.asEraser(ctx, erasureID, func(tx *userTx, e Erasure) error {
		personaID = e.PersonaID
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
	blobs, err := s.list(ctx, prefixOf(personaID), 1)
	if err != nil {
		return nil, err
	}
	if len(blobs) > 0 {
		found = append(found, "blobs")
	}
	return found, nil
}
