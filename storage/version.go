package storage

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inflio/persona/internal/persona"
)

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

// lockVersion locks the persona and then one version of it, in this order everywhere, and returns both.
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

// SetProgress notes how far a version is. Neither stage nor progress ever goes back: news from a stage that has passed is
// ignored, a lower progress keeps the higher one. The persona's status follows while it has no active version. Once the version
// has ended, or the erasure has begun, it changes nothing and returns nil.
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
			return err // a persona becomes ready with Activate, not with a progress bar
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

// FailVersion ends a version as failed or cancelled. The persona fails with it unless it has an active version. A version that
// had failed or was cancelled before stays as it is; one that became active is ErrConflict.
func (s *Store) FailVersion(ctx context.Context, userID, personaID string, version int, status persona.VersionStatus, f Failure) error {
	return s.asUser(ctx, userID, func(tx *userTx) error {
		_, v, err := lockVersion(ctx, tx, personaID, version)
		if err != nil {
			return err
		}
		switch {
		case status != persona.VersionFailed && status != persona.VersionCancelled:
			return ErrConflict
		case v.Status == persona.VersionFailed || v.Status == persona.VersionCancelled:
			return nil
		case v.Status != persona.VersionTraining:
			return ErrConflict
		}
		if _, err := tx.Exec(ctx, updateFailed, personaID, version, status, f); err != nil {
			return err
		}
		tx.audit("version."+string(status), personaID, map[string]any{"version": version, "code": f.Code})
		_, err = tx.Exec(ctx, updatePersonaFailed, personaID)
		return err
	})
}

const updateSamples = `
UPDATE persona_versions SET samples = COALESCE($3, '[]'::jsonb), sweep = COALESCE($4, '[]'::jsonb), checks = $5, strength = $6
WHERE persona_id = $1 AND number = $2`

// SaveSamples stores what validation made and measured, replacing what was there. checks and strength may be nil.
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

// Activate makes a version the persona's active one and the persona ready; the one before it is superseded. A version that was
// superseded can be activated again. Doing it twice is fine. A failed or cancelled version is ErrConflict, a persona whose
// erasure has begun CodeBeingErased.
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
		tx.audit("version.activated", personaID, map[string]any{"version": version})
		_, err = tx.Exec(ctx, updateReady, personaID, version, m.Ref, quality, completed)
		return err
	})
}
