package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

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
// the process dies after it, the row is still there. Any number of relays can run at once. Uploads to discard and
// consents that have run out are handled here and never handed on; idempotency keys that have expired are deleted in passing. The
// error joins what deliver returned.
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
	if err := s.sweep(ctx); err != nil {
		failures = append(failures, fmt.Errorf("delete expired idempotency keys: %w", err))
	}
	return delivered, errors.Join(failures...)
}

// sweepEvery is how often one process looks for expired idempotency keys; they say nothing about anybody, so it is not urgent.
const sweepEvery = time.Minute

const deleteExpiredKeys = `DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'`

func (s *Store) sweep(ctx context.Context) error {
	s.sweeping.Lock()
	due := time.Since(s.swept) >= sweepEvery
	if due {
		s.swept = time.Now()
	}
	s.sweeping.Unlock()
	if !due {
		return nil
	}
	return s.acting(ctx, settingDuty, dutyRelay, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, deleteExpiredKeys)
		return err
	})
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
		switch due.Kind {
		case OutboxDiscardUpload:
			_, failure = s.removeAll(ctx, due.PersonaID, prefixOf(due.PersonaID))
		case OutboxExpireConsent:
			failure = expireConsent(ctx, tx, due)
		default:
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

// expireConsent requests the erasure of a persona whose consent has run out, as its user. What fails is rolled back alone, so that
// the row can still be put off.
func expireConsent(ctx context.Context, tx pgx.Tx, due Outbox) error {
	return translate(pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		if err := set(ctx, tx, settingUser, due.UserID); err != nil {
			return err
		}
		return finish(ctx, &userTx{Tx: tx, userID: due.UserID}, func(tx *userTx) error {
			_, err := requestErasure(ctx, tx, due.PersonaID, "consent.expired")
			if errors.Is(err, ErrNotFound) {
				return nil // it was erased before
			}
			return err
		})
	}))
}
