package storage

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage/audit"
)

// Version is one training of a persona and its result.
type Version struct {
	PersonaID        string
	Number           int // from 1
	Status           persona.VersionStatus
	Stage            persona.Stage
	Progress         int  // percent, 0 to 100; it never falls
	RemainingSeconds *int // estimate, nil when unknown or ended
	QueuePosition    *int // at the provider, nil when not queued
	Tier             persona.Tier
	Config           persona.TrainingConfig
	PhotosUsed       int
	PhotoSet         *persona.SetReport // nil before the photos were chosen

	Checks   *persona.CheckScores // nil before it was validated
	Strength *float64             // the best blend strength, 0 to 1
	Sweep    []persona.StrengthScore
	Samples  []Sample

	ModelRef        string // blob path of the weights
	ModelSHA256     string // hex, of the plaintext
	ModelBytes      int64
	TrainingSeconds *int
	Failure         *Failure // nil unless it failed or was cancelled
	CreatedAt       time.Time
	StartedAt       *time.Time
	CompletedAt     *time.Time
}

// Sample is one test picture of a version.
type Sample struct {
	Key         string  `json:"key"`
	Path        string  `json:"path"` // of the blob
	ContentType string  `json:"content_type"`
	Prompt      int     `json:"prompt"` // which of the guide's prompts, from 0
	Seed        int64   `json:"seed"`
	Strength    float64 `json:"strength"`
	WithTrigger bool    `json:"with_trigger"`
	Score       float64 `json:"score"`     // overall photo score, 0 to 100
	Closeness   float64 `json:"closeness"` // similarity to the person, -1 to 1
}

// Failure tells the user why a version ended without a model.
type Failure struct {
	Code    persona.Code           `json:"code"`
	Message string                 `json:"message"`
	Advice  []string               `json:"advice,omitempty"` // how to improve the set of photos, a sentence each
	Photos  []persona.PhotoProblem `json:"photos,omitempty"`
}

// Progress is the progress of a training.
type Progress struct {
	Stage            persona.Stage
	Percent          int // 0 to 100; SetProgress clamps it
	RemainingSeconds *int
	QueuePosition    *int
}

// Model describes the stored weights of a version.
type Model struct {
	Ref             string // blob path
	SHA256          string // hex, of the plaintext
	Bytes           int64
	TrainingSeconds int
}

const versionColumns = `v.persona_id, v.number, v.status, v.stage, v.progress, v.remaining_seconds, v.queue_position, v.tier,
       v.config, v.photos_used, v.photo_set, v.checks, v.strength, v.sweep, v.samples, COALESCE(v.model_ref, ''), COALESCE(v.model_sha256, ''),
       v.model_bytes, v.training_seconds, v.failure, v.created_at, v.started_at, v.completed_at`

const selectVersions = `SELECT ` + versionColumns + ` FROM persona_versions v WHERE v.persona_id = $1`

func versionFields(v *Version) []any {
	return []any{
		&v.PersonaID, &v.Number, &v.Status, &v.Stage, &v.Progress, &v.RemainingSeconds, &v.QueuePosition, &v.Tier,
		&v.Config, &v.PhotosUsed, &v.PhotoSet, &v.Checks, &v.Strength, &v.Sweep, &v.Samples, &v.ModelRef, &v.ModelSHA256,
		&v.ModelBytes, &v.TrainingSeconds, &v.Failure, &v.CreatedAt, &v.StartedAt, &v.CompletedAt,
	}
}

func scanVersion(row pgx.CollectableRow) (v Version, err error) {
	return v, row.Scan(versionFields(&v)...)
}

// Version returns one version of a persona, or ErrNotFound.
func (s *Store) Version(ctx context.Context, userID, personaID string, number int) (v Version, err error) {
	if !persona.IsID(personaID) {
		return Version{}, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		v, err = one(ctx, tx, scanVersion, selectVersions+` AND v.number = $2`, personaID, number)
		return err
	})
	return v, err
}

// Versions returns every version of a persona, the oldest first; ErrNotFound when there is no such persona.
func (s *Store) Versions(ctx context.Context, userID, personaID string) (versions []Version, err error) {
	if !persona.IsID(personaID) {
		return nil, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		versions, err = many(ctx, tx, scanVersion, selectVersions+` ORDER BY v.number`, personaID)
		if err == nil && len(versions) == 0 {
			return ErrNotFound
		}
		return err
	})
	return versions, err
}

// lockVersion locks a persona, and returns its status and one version of it. The version is protected by the same lock.
func lockVersion(ctx context.Context, tx *userTx, personaID string, number int) (persona.Status, Version, error) {
	if !persona.IsID(personaID) {
		return "", Version{}, ErrNotFound
	}
	var status persona.Status
	err := tx.QueryRow(ctx, `SELECT status FROM personas WHERE id = $1 FOR UPDATE`, personaID).Scan(&status)
	if err != nil {
		return "", Version{}, err
	}
	v, err := one(ctx, tx, scanVersion, selectVersions+` AND v.number = $2`, personaID, number)
	return status, v, err
}

const (
	updateProgress = `
UPDATE persona_versions SET stage = $3, progress = $4, remaining_seconds = $5, queue_position = $6,
       started_at = COALESCE(started_at, now()) WHERE persona_id = $1 AND number = $2`
	updateFirstStatus = `
UPDATE personas SET status = $2::text, updated_at = now(),
       training_started_at = CASE WHEN $2::text = 'pending' THEN training_started_at ELSE COALESCE(training_started_at, now()) END
WHERE id = $1 AND status NOT IN ('erasing', 'ready')
  AND NOT EXISTS (SELECT FROM persona_versions WHERE persona_id = $1 AND status = 'active')`
)

// SetProgress stores the progress of a version. Neither stage nor percentage goes back: an update of an earlier stage is ignored, and
// a lower percentage keeps the higher one. The persona's status follows while it has no active version. Once the version has ended,
// or the erasure has begun, SetProgress changes nothing and returns nil.
func (s *Store) SetProgress(ctx context.Context, userID, personaID string, version int, p Progress) error {
	return s.asUser(ctx, userID, func(tx *userTx) error {
		status, v, err := lockVersion(ctx, tx, personaID, version)
		if err != nil {
			return err
		}
		if status == persona.StatusErasing || v.Status != persona.VersionTraining || before(p.Stage, v.Stage) {
			return nil
		}
		percent := max(v.Progress, min(max(p.Percent, 0), 100))
		_, err = tx.Exec(ctx, updateProgress, personaID, version, p.Stage, percent, p.RemainingSeconds, p.QueuePosition)
		if err != nil || p.Stage == persona.StageDone {
			return err // only Activate makes a persona ready
		}
		_, err = tx.Exec(ctx, updateFirstStatus, personaID, p.Stage.Status())
		return err
	})
}

// before reports whether a comes before b in a training.
func before(a, b persona.Stage) bool { return persona.Progress(a, 0) < persona.Progress(b, 0) }

const (
	updateFailed = `
UPDATE persona_versions SET status = $3, failure = $4, remaining_seconds = NULL, queue_position = NULL, completed_at = now()
WHERE persona_id = $1 AND number = $2`
	updatePersonaFailed = `
UPDATE personas SET status = 'failed', updated_at = now() WHERE id = $1 AND status <> 'erasing'
  AND NOT EXISTS (SELECT FROM persona_versions WHERE persona_id = $1 AND status = 'active')`
)

// endActions are the audit actions of the ways in which a version ends without a model.
var endActions = map[persona.VersionStatus]audit.Action{
	persona.VersionFailed:    audit.VersionFailed,
	persona.VersionCancelled: audit.VersionCancelled,
}

// FailVersion ends a version as failed or cancelled; any other status is ErrConflict. The persona becomes failed too, unless it has
// an active version. A version that has failed or was cancelled before stays as it is; one that became active is ErrConflict.
func (s *Store) FailVersion(ctx context.Context, userID, personaID string, version int, status persona.VersionStatus, f Failure) error {
	return s.asUser(ctx, userID, func(tx *userTx) error {
		_, v, err := lockVersion(ctx, tx, personaID, version)
		if err != nil {
			return err
		}
		action, ends := endActions[status]
		switch {
		case !ends:
			return ErrConflict
		case v.Status == persona.VersionFailed || v.Status == persona.VersionCancelled:
			return nil
		case v.Status != persona.VersionTraining:
			return ErrConflict
		}
		if _, err := tx.Exec(ctx, updateFailed, personaID, version, status, f); err != nil {
			return err
		}
		tx.audit(action, personaID, map[string]any{"version": version, "code": f.Code})
		_, err = tx.Exec(ctx, updatePersonaFailed, personaID)
		return err
	})
}

const updateSamples = `
UPDATE persona_versions SET samples = COALESCE($3, '[]'::jsonb), sweep = COALESCE($4, '[]'::jsonb), checks = $5, strength = $6
WHERE persona_id = $1 AND number = $2`

// SaveSamples replaces the test pictures of a version, the sweep of strengths, the checks and the best strength. checks and strength
// may be nil.
func (s *Store) SaveSamples(ctx context.Context, userID, personaID string, version int, samples []Sample,
	sweep []persona.StrengthScore, checks *persona.CheckScores, strength *float64,
) error {
	if !persona.IsID(personaID) {
		return ErrNotFound
	}
	return s.asUser(ctx, userID, func(tx *userTx) error {
		return tx.exec(ctx, updateSamples, personaID, version, samples, sweep, checks, strength)
	})
}

const (
	supersedeOthers = `
UPDATE persona_versions SET status = 'superseded' WHERE persona_id = $1 AND number <> $2 AND status = 'active'`
	updateActive = `
UPDATE persona_versions SET status = 'active', stage = 'done', progress = 100, remaining_seconds = NULL, queue_position = NULL,
       model_ref = $3, model_sha256 = $4, model_bytes = $5, training_seconds = $6, completed_at = COALESCE(completed_at, now())
WHERE persona_id = $1 AND number = $2 RETURNING completed_at`
	updateReady = `
UPDATE personas SET status = 'ready', version = $2, model_ref = $3, quality_score = $4, training_completed_at = $5,
       updated_at = now() WHERE id = $1`
)

// Activate makes a version the active one of its persona, and the persona ready; the version that was active is superseded. A version
// that was superseded can be activated again. Doing it twice is fine. A failed or cancelled version is ErrConflict, and a persona
// whose erasure has begun is CodeBeingErased.
func (s *Store) Activate(ctx context.Context, userID, personaID string, version int, m Model) error {
	return s.asUser(ctx, userID, func(tx *userTx) error {
		status, v, err := lockVersion(ctx, tx, personaID, version)
		if err != nil {
			return err
		}
		switch {
		case status == persona.StatusErasing:
			return errErasing()
		case v.Status == persona.VersionActive && v.ModelRef == m.Ref:
			return nil
		case !slices.Contains([]persona.VersionStatus{persona.VersionTraining, persona.VersionSuperseded}, v.Status):
			return ErrConflict
		}
		if _, err := tx.Exec(ctx, supersedeOthers, personaID, version); err != nil {
			return err
		}
		var completed time.Time
		err = tx.QueryRow(ctx, updateActive, personaID, version, m.Ref, m.SHA256, m.Bytes, m.TrainingSeconds).Scan(&completed)
		if err != nil {
			return err
		}
		var quality *float64
		if v.Checks != nil {
			quality = &v.Checks.QualityScore
		}
		tx.audit(audit.VersionActivated, personaID, map[string]any{"version": version})
		_, err = tx.Exec(ctx, updateReady, personaID, version, m.Ref, quality, completed)
		return err
	})
}
