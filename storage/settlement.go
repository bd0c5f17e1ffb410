package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inflio/persona/internal/persona"
)

// ErasedPurchase is what an erasure must still settle at a provider: a job or a picture whose persona is gone. It holds
// the provider's ids and addresses and nothing of the person.
type ErasedPurchase struct {
	ID           string // of the purchase
	ErasureID    string
	UserID       string
	Kind         persona.PurchaseKind
	Status       persona.PurchaseStatus // when the persona was erased
	Attempt      int
	RequestID    string // the provider's, "" while it is not known
	Endpoint     string
	DatasetURL   string
	PlacedURLs   []string
	WeightsURL   string
	SubmittingAt *time.Time
	CreatedAt    time.Time
}

const (
	erasedColumns = `id, erasure_id, user_id, kind, status, attempt, request_id, endpoint, dataset_url, placed_urls, weights_url,
       submitting_at, created_at`
	selectErased = `SELECT ` + erasedColumns + ` FROM erasure_purchases`
)

func scanErased(row pgx.CollectableRow) (p ErasedPurchase, err error) {
	return p, row.Scan(&p.ID, &p.ErasureID, &p.UserID, &p.Kind, &p.Status, &p.Attempt, &p.RequestID, &p.Endpoint, &p.DatasetURL,
		&p.PlacedURLs, &p.WeightsURL, &p.SubmittingAt, &p.CreatedAt)
}

const (
	// Locked first, so that a request id that is written at this moment is copied too.
	lockJobs   = `SELECT FROM persona_training_jobs WHERE persona_id = $1 FOR UPDATE`
	detachJobs = `
INSERT INTO erasure_purchases (id, erasure_id, user_id, kind, status, attempt, request_id, token_hash, endpoint, dataset_url,
       placed_urls, weights_url, submitting_at, created_at)
SELECT id, $2, user_id, 'training', status, attempt, job_id, token_hash, endpoint, dataset_url, placed_urls, weights_url,
       submitting_at, created_at
FROM persona_training_jobs
WHERE persona_id = $1 AND cleaned_at IS NULL AND (job_id <> '' OR placed_urls <> '{}' OR submitting_at IS NOT NULL)
ON CONFLICT (id) DO NOTHING`
	lockPictures   = `SELECT FROM picture_orders WHERE persona_id = $1 FOR UPDATE`
	detachPictures = `
INSERT INTO erasure_purchases (id, erasure_id, user_id, kind, status, attempt, request_id, endpoint, weights_url, submitting_at,
       created_at)
SELECT o.id, $2, o.user_id, 'picture', o.status, o.attempt, o.request_id, o.endpoint, j.weights_url, o.submitting_at, o.created_at
FROM picture_orders o JOIN persona_training_jobs j ON j.id = o.training_job_id
WHERE o.persona_id = $1 AND o.cleaned_at IS NULL AND o.submitting_at IS NOT NULL
ON CONFLICT (id) DO NOTHING`
)

// detachPurchases copies what the provider may still hold of a persona, before its rows are deleted in the same
// transaction.
func detachPurchases(ctx context.Context, tx *userTx, e Erasure) error {
	for _, lock := range []string{lockJobs, lockPictures} {
		if _, err := tx.Exec(ctx, lock, e.PersonaID); err != nil {
			return err
		}
	}
	for _, detach := range []string{detachJobs, detachPictures} {
		if _, err := tx.Exec(ctx, detach, e.PersonaID, e.ID); err != nil {
			return err
		}
	}
	return nil
}

// ErasedPurchases returns what the erasure must still settle, the oldest first.
func (s *Store) ErasedPurchases(ctx context.Context, erasureID string) (purchases []ErasedPurchase, err error) {
	err = s.asEraser(ctx, erasureID, func(tx *userTx, e Erasure) error {
		purchases, err = many(ctx, tx, scanErased, selectErased+` WHERE erasure_id = $1 ORDER BY created_at, id`, e.ID)
		return err
	})
	return purchases, err
}

const noteErased = `
UPDATE erasure_purchases SET request_id = $2
WHERE id = $1 AND request_id = '' AND ($3 = 0 OR attempt = $3)`

// NoteErasedRequest keeps the request id of a purchase whose persona is gone. A known id never changes. It does nothing
// when the purchase was settled before.
func (s *Store) NoteErasedRequest(ctx context.Context, erasureID, purchaseID, requestID string) error {
	return s.asEraser(ctx, erasureID, func(tx *userTx, _ Erasure) error {
		_, err := tx.Exec(ctx, noteErased, purchaseID, requestID, 0)
		return err
	})
}

// noteErasedRequest is NoteErasedRequest for a caller who knows the user and the attempt.
func (s *Store) noteErasedRequest(ctx context.Context, userID, purchaseID, requestID string, attempt int) error {
	return s.asUser(ctx, userID, func(tx *userTx) error {
		_, err := tx.Exec(ctx, noteErased, purchaseID, requestID, attempt)
		return err
	})
}

// ErasedPurchaseSettled deletes the record of a purchase of which the provider holds nothing any more. Doing it again is
// fine.
func (s *Store) ErasedPurchaseSettled(ctx context.Context, erasureID, purchaseID string) error {
	return s.asEraser(ctx, erasureID, func(tx *userTx, e Erasure) error {
		_, err := tx.Exec(ctx, `DELETE FROM erasure_purchases WHERE id = $1 AND erasure_id = $2`, purchaseID, e.ID)
		return err
	})
}

// ErasedRequestByToken notes the request id that a verified webhook names for a purchase whose persona is gone. It is
// ErrNotFound when no such purchase has the token.
func (s *Store) ErasedRequestByToken(ctx context.Context, token, requestID string) error {
	hash := sha256.Sum256([]byte(token))
	var found ErasedPurchase
	err := s.acting(ctx, settingToken, hex.EncodeToString(hash[:]), func(tx pgx.Tx) (err error) {
		found, err = one(ctx, tx, scanErased, selectErased+` WHERE token_hash = $1`, hash[:])
		return err
	})
	if err != nil {
		return err
	}
	return s.noteErasedRequest(ctx, found.UserID, found.ID, requestID, found.Attempt)
}

const runningErasures = `
SELECT EXISTS (SELECT FROM erasures WHERE user_id = $1 AND persona_id IS NOT NULL AND status = 'running')`

// personasBeingErased reports whether an erasure of one of the user's personas runs.
func personasBeingErased(ctx context.Context, tx *userTx) (running bool, err error) {
	err = tx.QueryRow(ctx, runningErasures, tx.userID).Scan(&running)
	return running, err
}

// MarkCleaned notes that the provider holds nothing of a job any more. Doing it again is fine; it is ErrNotFound when the
// persona was erased.
func (s *Store) MarkCleaned(ctx context.Context, userID, jobID string) error {
	if !persona.IsID(jobID) {
		return ErrNotFound
	}
	const update = `UPDATE persona_training_jobs SET cleaned_at = COALESCE(cleaned_at, now()) WHERE id = $1`
	return s.asUser(ctx, userID, func(tx *userTx) error { return tx.exec(ctx, update, jobID) })
}
