package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	selectDue = `
SELECT id, kind, user_id, COALESCE(persona_id::text, ''), COALESCE(erasure_id::text, ''), COALESCE(job_id::text, ''),
       COALESCE(version, 0)
FROM outbox WHERE next_at <= now() AND id <> ALL ($1) ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED`
	deleteDelivered = `DELETE FROM outbox WHERE id = $1`
	// One second, doubled by each failure up to five minutes.
	putOff = `
UPDATE outbox SET attempts = attempts + 1, next_at = clock_timestamp() + make_interval(secs => least(300, power(2, least(attempts, 9))))
WHERE id = $1`
)

func scanOutbox(row pgx.CollectableRow) (o Outbox, err error) {
	return o, row.Scan(&o.ID, &o.Kind, &o.UserID, &o.PersonaID, &o.ErasureID, &o.JobID, &o.Version)
}

// DeliverDue hands up to most due rows to deliver, one by one, and returns how many were delivered. A row goes when deliver
// returns nil; otherwise it comes again after a while, longer each time. deliver must be safe to run twice for one row: when
// the process dies after it, the row is still there. Any number of relays can run at once. Uploads to discard are handled here
// and never handed on. The error joins what deliver returned.
func (s *Store) DeliverDue(ctx context.Context, most int, deliver func(ctx context.Context, o Outbox) error) (int, error) {
	var failures []error
	delivered := 0
	seen := []int64{}
	for len(seen) < most {
		id, failure, err := s.deliverOne(ctx, seen, deliver)
		if err != nil {
			return delivered, errors.Join(append(failures, err)...)
		}
		if id == 0 {
			break
		}
		seen = append(seen, id)
		if failure != nil {
			failures = append(failures, failure)
			continue
		}
		delivered++
	}
	return delivered, errors.Join(failures...)
}

// deliverOne handles the next due row that was not seen yet; id is 0 when there is none. The row is locked meanwhile.
func (s *Store) deliverOne(ctx context.Context, seen []int64, deliver func(context.Context, Outbox) error) (id int64, failure, err error) {
	err = s.acting(ctx, settingDuty, dutyRelay, func(tx pgx.Tx) error {
		due, err := one(ctx, tx, scanOutbox, selectDue, seen)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		id = due.ID
		if due.Kind == OutboxDiscardUpload {
			_, failure = s.removeAll(ctx, due.PersonaID, prefixOf(due.PersonaID))
		} else {
			failure = deliver(ctx, due)
		}
		if failure == nil {
			_, err = tx.Exec(ctx, deleteDelivered, id)
			return err
		}
		failure = fmt.Errorf("deliver %s %d: %w", due.Kind, id, failure)
		_, err = tx.Exec(ctx, putOff, id)
		return err
	})
	return id, failure, err
}
