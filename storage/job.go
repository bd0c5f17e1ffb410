package storage

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage/audit"
)

// Job is one intent to buy one training, and what came of it.
type Job struct {
	ID           string
	PersonaID    string
	UserID       string
	Version      int
	Attempt      int // submits that were really begun
	Status       persona.PurchaseStatus
	RequestID    string // the provider's, "" until it is known to be bought
	Endpoint     string
	DatasetURL   string   // what the provider is told to fetch
	PlacedURLs   []string // where training pictures were placed for this job, whether the upload finished or not
	WeightsURL   string
	ConfigURL    string
	ErrorMessage string
	Progress     int // percent
	Config       persona.TrainingConfig
	SubmittingAt *time.Time
	StartedAt    *time.Time
	CompletedAt  *time.Time
	CreatedAt    time.Time
	CleanedAt    *time.Time // when everything of it was removed from the provider
}

// Submission is what one attempt to buy a training sends. It is what is on record of the job.
type Submission struct {
	Token      string // secret, for the webhook's address
	Attempt    int    // for JobChange, so that the outcome touches no other attempt
	DatasetURL string
}

// JobChange is what MoveJob writes besides the status; nil leaves a value as it is. Progress never falls.
type JobChange struct {
	// Attempt, when not 0, is the attempt that the change is about: a job that has got to another one is not touched.
	Attempt      int
	RequestID    *string
	WeightsURL   *string
	ConfigURL    *string
	ErrorMessage *string
	Progress     *int
}

const jobColumns = `id, persona_id, user_id, version, attempt, status, job_id, endpoint, dataset_url, placed_urls, weights_url,
       config_url, error_message, progress, config, submitting_at, started_at, completed_at, created_at, cleaned_at`

const selectJobs = `SELECT ` + jobColumns + ` FROM persona_training_jobs`

func scanJob(row pgx.CollectableRow) (j Job, err error) {
	return j, row.Scan(&j.ID, &j.PersonaID, &j.UserID, &j.Version, &j.Attempt, &j.Status, &j.RequestID, &j.Endpoint, &j.DatasetURL,
		&j.PlacedURLs, &j.WeightsURL, &j.ConfigURL, &j.ErrorMessage, &j.Progress, &j.Config, &j.SubmittingAt, &j.StartedAt,
		&j.CompletedAt, &j.CreatedAt, &j.CleanedAt)
}

const insertJob = `
INSERT INTO persona_training_jobs (persona_id, user_id, version, endpoint, config) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (persona_id, version) DO NOTHING`

// EnsureJob returns the one job of a version, making it when there is none; endpoint and cfg count only then. ErrNotFound when
// there is no such version.
func (s *Store) EnsureJob(ctx context.Context, userID, personaID string, version int, endpoint string,
	cfg persona.TrainingConfig,
) (job Job, err error) {
	if !persona.IsID(personaID) {
		return Job{}, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		if _, err := tx.Exec(ctx, insertJob, personaID, userID, version, endpoint, cfg); err != nil {
			return err
		}
		job, err = one(ctx, tx, scanJob, selectJobs+` WHERE persona_id = $1 AND version = $2`, personaID, version)
		return err
	})
	return job, err
}

// Job returns a job of the user, or ErrNotFound.
func (s *Store) Job(ctx context.Context, userID, jobID string) (job Job, err error) {
	if !persona.IsID(jobID) {
		return Job{}, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		job, err = one(ctx, tx, scanJob, selectJobs+` WHERE id = $1`, jobID)
		return err
	})
	return job, err
}

// JobsOf returns the jobs of a persona by version; none when there is no such persona.
func (s *Store) JobsOf(ctx context.Context, userID, personaID string) (jobs []Job, err error) {
	if !persona.IsID(personaID) {
		return nil, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		jobs, err = many(ctx, tx, scanJob, selectJobs+` WHERE persona_id = $1 ORDER BY version`, personaID)
		return err
	})
	return jobs, err
}

const (
	withPlaced   = `placed_urls = CASE WHEN $2 = ANY (placed_urls) THEN placed_urls ELSE array_append(placed_urls, $2::text) END`
	placeDataset = `UPDATE persona_training_jobs SET cleaned_at = NULL, ` + withPlaced + ` WHERE id = $1`
	setDataset   = `
UPDATE persona_training_jobs
SET dataset_url = CASE WHEN dataset_url = '' AND status = 'intended' THEN $2 ELSE dataset_url END, ` + withPlaced + `
WHERE id = $1 RETURNING ` + jobColumns
)

// PlaceDataset notes an address at which training pictures are about to be, whatever the job's state, so that they can be taken
// away even when the upload never told that it ended. Noting it again is fine.
func (s *Store) PlaceDataset(ctx context.Context, userID, jobID, url string) error {
	if !persona.IsID(jobID) {
		return ErrNotFound
	}
	return s.asUser(ctx, userID, func(tx *userTx) error { return tx.exec(ctx, placeDataset, jobID, url) })
}

// SetDataset says which of the placed pictures the provider is told to fetch, and returns the job. The first address wins: it is
// what an uncertain job is looked for by, so a later one, or one that comes when the submit has begun, is only noted as placed.
func (s *Store) SetDataset(ctx context.Context, userID, jobID, url string) (job Job, err error) {
	if !persona.IsID(jobID) {
		return Job{}, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		job, err = one(ctx, tx, scanJob, setDataset, jobID, url)
		return err
	})
	return job, err
}

const (
	// Locking the persona keeps an erasure from beginning between the look at it and the purchase.
	lockBuyer = `
SELECT p.status = 'erasing' OR v.status <> 'training'
FROM persona_training_jobs j JOIN personas p ON p.id = j.persona_id
JOIN persona_versions v ON v.persona_id = j.persona_id AND v.number = j.version
WHERE j.id = $1 FOR SHARE OF p, v`
	beginSubmit = `
UPDATE persona_training_jobs
SET status = 'submitting', attempt = attempt + 1, token_hash = $2, submitting_at = now(), error_message = ''
WHERE id = $1 AND status = 'intended' RETURNING persona_id, version, attempt, dataset_url`
)

// BeginSubmit moves a job from intended to submitting and returns what to send: the address of the pictures as it is on record,
// and a new secret token for the webhook's address, of which only the hash is kept. Of any number of callers exactly one gets it,
// the others ErrConflict; so does everybody when the version has ended or the persona is being erased. After it nothing may be
// sent again before the outcome is known.
func (s *Store) BeginSubmit(ctx context.Context, userID, jobID string) (Submission, error) {
	if !persona.IsID(jobID) {
		return Submission{}, ErrNotFound
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	begun := Submission{Token: base64.RawURLEncoding.EncodeToString(secret)}
	err := s.asUser(ctx, userID, func(tx *userTx) error {
		if err := lockForPurchase(ctx, tx, lockBuyer, jobID); err != nil {
			return err
		}
		hash := sha256.Sum256([]byte(begun.Token))
		var personaID string
		var version int
		err := tx.QueryRow(ctx, beginSubmit, jobID, hash[:]).Scan(&personaID, &version, &begun.Attempt, &begun.DatasetURL)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrConflict
		}
		tx.audit(audit.TrainingSubmitted, personaID, map[string]any{"version": version, "attempt": begun.Attempt})
		return err
	})
	if err != nil {
		return Submission{}, err
	}
	return begun, nil
}

var moveJob = moveSQL("persona_training_jobs", "job_id", `
    weights_url = COALESCE($8, weights_url), config_url = COALESCE($9, config_url),
    progress = GREATEST(progress, COALESCE($10, progress)),
    started_at = CASE WHEN $3::text = 'training' THEN COALESCE(started_at, now()) ELSE started_at END,`, jobColumns)

// MoveJob moves a job to the state to, on the word of by, and writes the change. persona.PurchaseMoves says from which
// states by may do that. A job that is there already, with the same request id or none given, is success. Anything else
// is ErrConflict and changes nothing: another state, another request id, or the outcome of another attempt than the
// one the job has got to. A cancelled job without an id takes one, because what was bought must be cleaned. A job that
// the provider acknowledged is freed by a person alone, who may know that the id was lost. Submitting is reached by
// BeginSubmit alone.
//
// When the job's persona was erased meanwhile, the request id is kept with what the erasure must still settle, and the
// error is ErrNotFound.
func (s *Store) MoveJob(ctx context.Context, userID, jobID string, to persona.PurchaseStatus, by persona.Actor, change JobChange) (Job, error) {
	return movePurchase(ctx, s, userID, move{
		kind: persona.PurchaseTraining, table: "persona_training_jobs", id: jobID, to: to, by: by, frees: persona.ActorPerson,
		change: change, more: []any{change.WeightsURL, change.ConfigURL, change.Progress},
	}, func(tx *userTx, args []any) (Job, error) {
		job, err := one(ctx, tx, scanJob, moveJob, args...)
		if err == nil && by == persona.ActorPerson {
			tx.audit(audit.TrainingSettled, job.PersonaID, map[string]any{"job": jobID, "to": to})
		}
		return job, err
	})
}

// A row that is being delivered is kept and delivered once more: its delivery may have read the job before the change.
const queueCleaning = `
INSERT INTO outbox (kind, user_id, persona_id, job_id)
SELECT 'clean-job', user_id, persona_id, id FROM persona_training_jobs WHERE id = $1
ON CONFLICT (job_id) WHERE job_id IS NOT NULL DO UPDATE SET next_at = LEAST(outbox.next_at, EXCLUDED.next_at)`

// QueueJobCleaning orders the removal of what the provider holds of a job for which no training waits. Several calls before the
// delivery are one order.
func (s *Store) QueueJobCleaning(ctx context.Context, userID, jobID string) error {
	if !persona.IsID(jobID) {
		return ErrNotFound
	}
	return s.asUser(ctx, userID, func(tx *userTx) error { return tx.exec(ctx, queueCleaning, jobID) })
}

// JobByToken returns the job of any user whose webhook address holds token, or ErrNotFound. The row-level policy opens that row
// only.
func (s *Store) JobByToken(ctx context.Context, token string) (job Job, err error) {
	hash := sha256.Sum256([]byte(token))
	err = s.acting(ctx, settingToken, hex.EncodeToString(hash[:]), func(tx pgx.Tx) error {
		job, err = one(ctx, tx, scanJob, selectJobs+` WHERE token_hash = $1`, hash[:])
		return err
	})
	return job, err
}
