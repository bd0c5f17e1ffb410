package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inflio/persona/storage/audit"
)

// Outbox is work that must follow from what was committed.
type Outbox struct {
	ID        int64
	Kind      string // one of the Outbox constants
	UserID    string
	PersonaID string // "" for erasures
	ErasureID string // "" for anything else
	JobID     string // of OutboxCleanJob
	Version   int    // of OutboxTrainPersona

	claimedUntil time.Time // identifies the claim: next_at of the row as the claim set it
}

// The kinds of outbox rows.
const (
	OutboxTrainPersona  = "train-persona"
	OutboxErasePersona  = "erase-persona"
	OutboxEraseUser     = "erase-user"
	OutboxCleanJob      = "clean-job"
	OutboxDiscardUpload = "discard-upload" // handled by DeliverDue itself
	OutboxExpireConsent = "expire-consent" // handled by DeliverDue itself
)

const (
	// claimLife is how long a claimed row is left to the process that claimed it. If that process dies, the row is delivered again
	// after this time.
	claimLife = 30 * time.Second
	// deliverTimeout bounds one delivery. It is shorter than claimLife, so a row is rarely delivered twice at once.
	deliverTimeout = 20 * time.Second
)

const (
	// A claim is committed before the delivery begins, so no connection and no lock is held while Temporal or the bucket answers.
	claimDue = `
UPDATE outbox SET attempts = attempts + 1, next_at = clock_timestamp() + $1::interval
WHERE id = (SELECT id FROM outbox WHERE next_at <= now() ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, kind, user_id, COALESCE(persona_id::text, ''), COALESCE(erasure_id::text, ''), COALESCE(job_id::text, ''),
          COALESCE(version, 0), next_at`
	// If the row was ordered again or claimed again since, next_at differs and the row stays as it is.
	deleteDelivered = `DELETE FROM outbox WHERE id = $1 AND next_at = $2`
	// One second, doubled by each failure up to five minutes.
	putOff = `
UPDATE outbox SET next_at = clock_timestamp() + make_interval(secs => least(300, power(2, least(attempts - 1, 9))))
WHERE id = $1 AND next_at = $2`
)

func scanOutbox(row pgx.CollectableRow) (o Outbox, err error) {
	return o, row.Scan(&o.ID, &o.Kind, &o.UserID, &o.PersonaID, &o.ErasureID, &o.JobID, &o.Version, &o.claimedUntil)
}

// DeliverDue passes up to limit due rows to deliver, one after the other, and returns how many were delivered. When deliver returns
// nil the row is deleted; otherwise it becomes due again after a pause that grows with each failure. A row that was ordered again
// during its delivery is delivered once more. Any number of relays can run at once.
//
// deliver must be safe to run twice for one row, because the process may die after it. Its context ends after 20 seconds. Uploads
// to discard and consents that have expired are handled here and not passed on; expired idempotency keys are deleted. The error
// joins what deliver returned.
func (s *Store) DeliverDue(ctx context.Context, limit int, deliver func(ctx context.Context, o Outbox) error) (int, error) {
	var failures []error
	delivered := 0
	for range limit {
		due, err := s.claim(ctx)
		if errors.Is(err, ErrNotFound) {
			break
		}
		if err == nil {
			err = s.deliverOne(ctx, due, deliver)
		}
		if err != nil {
			failures = append(failures, err)
			if due.ID == 0 || ctx.Err() != nil {
				return delivered, errors.Join(failures...)
			}
			continue
		}
		delivered++
	}
	if err := s.sweep(ctx); err != nil {
		failures = append(failures, fmt.Errorf("delete expired idempotency keys: %w", err))
	}
	return delivered, errors.Join(failures...)
}

// claim takes the next due row; ErrNotFound when there is none.
func (s *Store) claim(ctx context.Context) (due Outbox, err error) {
	err = s.acting(ctx, settingDuty, dutyRelay, func(tx pgx.Tx) error {
		due, err = one(ctx, tx, scanOutbox, claimDue, claimLife)
		return err
	})
	return due, err
}

// deliverOne delivers a claimed row, and then deletes it or puts it off.
func (s *Store) deliverOne(ctx context.Context, due Outbox, deliver func(context.Context, Outbox) error) error {
	failure := s.handle(ctx, due, deliver)
	settle := deleteDelivered
	if failure != nil {
		failure = fmt.Errorf("deliver %s %d: %w", due.Kind, due.ID, failure)
		settle = putOff
	}
	// What was delivered is not to be delivered again only because the process is stopping.
	ctx = context.WithoutCancel(ctx)
	err := s.acting(ctx, settingDuty, dutyRelay, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, settle, due.ID, due.claimedUntil)
		return err
	})
	return errors.Join(failure, err)
}

func (s *Store) handle(ctx context.Context, due Outbox, deliver func(context.Context, Outbox) error) error {
	ctx, cancel := context.WithTimeout(ctx, deliverTimeout)
	defer cancel()
	switch due.Kind {
	case OutboxDiscardUpload:
		// The claim has closed the upload, so it cannot become a persona any more.
		_, err := s.vault.RemoveAll(ctx, due.PersonaID, "")
		return translate(err)
	case OutboxExpireConsent:
		_, err := s.requestErasure(ctx, due.UserID, due.PersonaID, audit.ConsentExpired)
		if errors.Is(err, ErrNotFound) {
			return nil // the persona was erased before
		}
		return err
	default:
		return deliver(ctx, due)
	}
}

// sweepEvery is how often one process deletes expired idempotency keys. It is not urgent, as they hold no person's data.
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
