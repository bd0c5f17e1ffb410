package storage

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inflio/persona/internal/persona"
)

// MaxPictureTries bounds how often the pictures of one key are ordered. The database checks the same number.
const MaxPictureTries = 3

// PictureOrder is one intent to buy pictures with the weights of a training job, and what came of it.
type PictureOrder struct {
	ID           string
	PersonaID    string
	UserID       string
	JobID        string // the training job whose weights are used
	Key          string // which pictures, among those of the job
	Try          int    // from 1 to MaxPictureTries
	Status       persona.PurchaseStatus
	Attempt      int    // submits that were begun
	RequestID    string // the provider's, "" until it is known to be bought
	Endpoint     string
	ErrorMessage string
	SubmittingAt *time.Time
	CompletedAt  *time.Time
	CleanedAt    *time.Time // when everything of it was removed from the provider
	CreatedAt    time.Time
}

const (
	pictureColumns = `id, persona_id, user_id, training_job_id, key, try, status, attempt, request_id, endpoint, error_message,
       submitting_at, completed_at, cleaned_at, created_at`
	selectPictures = `SELECT ` + pictureColumns + ` FROM picture_orders`
	insertPicture  = `
INSERT INTO picture_orders (persona_id, user_id, training_job_id, key, try, endpoint)
SELECT persona_id, user_id, id, $2, $3, $4 FROM persona_training_jobs WHERE id = $1
ON CONFLICT (training_job_id, key, try) DO NOTHING`
)

func scanPicture(row pgx.CollectableRow) (p PictureOrder, err error) {
	return p, row.Scan(&p.ID, &p.PersonaID, &p.UserID, &p.JobID, &p.Key, &p.Try, &p.Status, &p.Attempt, &p.RequestID, &p.Endpoint,
		&p.ErrorMessage, &p.SubmittingAt, &p.CompletedAt, &p.CleanedAt, &p.CreatedAt)
}

// EnsurePicture returns the order of a key and try, making it when there is none. ErrNotFound when there is no such job;
// ErrRefused for a try above MaxPictureTries.
func (s *Store) EnsurePicture(ctx context.Context, userID, jobID, key string, try int, endpoint string) (order PictureOrder, err error) {
	if !persona.IsID(jobID) {
		return PictureOrder{}, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		if _, err := tx.Exec(ctx, insertPicture, jobID, key, try, endpoint); err != nil {
			return err
		}
		order, err = one(ctx, tx, scanPicture, selectPictures+` WHERE training_job_id = $1 AND key = $2 AND try = $3`, jobID, key, try)
		return err
	})
	return order, err
}

// Picture returns an order of the user, or ErrNotFound.
func (s *Store) Picture(ctx context.Context, userID, orderID string) (order PictureOrder, err error) {
	if !persona.IsID(orderID) {
		return PictureOrder{}, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		order, err = one(ctx, tx, scanPicture, selectPictures+` WHERE id = $1`, orderID)
		return err
	})
	return order, err
}

// PicturesOf returns the orders of a training job, the oldest first; none when there is no such job.
func (s *Store) PicturesOf(ctx context.Context, userID, jobID string) (orders []PictureOrder, err error) {
	if !persona.IsID(jobID) {
		return nil, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		orders, err = many(ctx, tx, scanPicture, selectPictures+` WHERE training_job_id = $1 ORDER BY created_at, id`, jobID)
		return err
	})
	return orders, err
}

const (
	// Locking the persona keeps an erasure from beginning between the look at it and the purchase.
	lockPictureBuyer = `
SELECT p.status = 'erasing' OR v.status <> 'training'
FROM picture_orders o JOIN personas p ON p.id = o.persona_id JOIN persona_training_jobs j ON j.id = o.training_job_id
JOIN persona_versions v ON v.persona_id = j.persona_id AND v.number = j.version
WHERE o.id = $1 FOR SHARE OF p, v`
	beginPicture = `
UPDATE picture_orders SET status = 'submitting', attempt = attempt + 1, submitting_at = now(), error_message = ''
WHERE id = $1 AND status = 'intended' RETURNING ` + pictureColumns
)

// BeginPicture moves an order from intended to submitting, on the terms of BeginSubmit.
func (s *Store) BeginPicture(ctx context.Context, userID, orderID string) (order PictureOrder, err error) {
	if !persona.IsID(orderID) {
		return PictureOrder{}, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		if err := lockForPurchase(ctx, tx, lockPictureBuyer, orderID); err != nil {
			return err
		}
		order, err = one(ctx, tx, scanPicture, beginPicture, orderID)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrConflict
		}
		return err
	})
	return order, err
}

var movePicture = moveSQL("picture_orders", "request_id", "", pictureColumns)

// MovePicture moves an order to the state to, on the word of by, on the terms of MoveJob. Of change it takes Attempt,
// RequestID and ErrorMessage. The poller frees an order whose request has failed and was removed from the provider.
func (s *Store) MovePicture(ctx context.Context, userID, orderID string, to persona.PurchaseStatus, by persona.Actor, change JobChange) (PictureOrder, error) {
	return movePurchase(ctx, s, userID, move{
		kind: persona.PurchasePicture, table: "picture_orders", id: orderID, to: to, by: by, frees: persona.ActorPoller, change: change,
	}, func(tx *userTx, args []any) (PictureOrder, error) {
		return one(ctx, tx, scanPicture, movePicture, args...)
	})
}

// MarkPictureCleaned notes that the provider holds nothing of an order any more. Doing it again is fine.
func (s *Store) MarkPictureCleaned(ctx context.Context, userID, orderID string) error {
	if !persona.IsID(orderID) {
		return ErrNotFound
	}
	const update = `UPDATE picture_orders SET cleaned_at = COALESCE(cleaned_at, now()) WHERE id = $1`
	return s.asUser(ctx, userID, func(tx *userTx) error { return tx.exec(ctx, update, orderID) })
}
