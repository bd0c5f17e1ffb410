package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inflio/persona/internal/persona"
)

// Persona is the likeness of one person, with its newest version.
type Persona struct {
	ID          string
	UserID      string
	Name        string
	TriggerWord string
	Status      persona.Status
	ModelRef    string // blob path of the active version's weights, "" before any is active
	Version     int    // the active version, or 1 before any is
	Active      bool   // whether there is an active version

	QualityScore        *float64 // of the active version, 0 to 1
	TrainingStartedAt   *time.Time
	TrainingCompletedAt *time.Time
	CreatedAt           time.Time
	UpdatedAt           time.Time
	Latest              Version // the newest version, active or not
}

const personaColumns = `
SELECT p.id, p.user_id, p.name, p.trigger_word, p.status, COALESCE(p.model_ref, ''), p.version,
       EXISTS (SELECT FROM persona_versions a WHERE a.persona_id = p.id AND a.status = 'active'),
       p.quality_score, p.training_started_at, p.training_completed_at, p.created_at, p.updated_at, ` + versionColumns + `
FROM personas p
JOIN LATERAL (SELECT * FROM persona_versions n WHERE n.persona_id = p.id ORDER BY n.number DESC LIMIT 1) v ON true`

func scanPersona(row pgx.CollectableRow) (p Persona, err error) {
	fields := append([]any{
		&p.ID, &p.UserID, &p.Name, &p.TriggerWord, &p.Status, &p.ModelRef, &p.Version, &p.Active,
		&p.QualityScore, &p.TrainingStartedAt, &p.TrainingCompletedAt, &p.CreatedAt, &p.UpdatedAt,
	}, versionFields(&p.Latest)...)
	return p, row.Scan(fields...)
}

func selectPersona(ctx context.Context, tx pgx.Tx, personaID string) (Persona, error) {
	return one(ctx, tx, scanPersona, personaColumns+` WHERE p.id = $1`, personaID)
}

// Persona returns one persona of the user, or ErrNotFound.
func (s *Store) Persona(ctx context.Context, userID, personaID string) (p Persona, err error) {
	if !persona.IsID(personaID) {
		return Persona{}, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		p, err = selectPersona(ctx, tx, personaID)
		return err
	})
	return p, err
}

// Personas returns a page of the user's personas, the newest first, and the total number.
func (s *Store) Personas(ctx context.Context, userID string, limit, offset int) (page []Persona, total int, err error) {
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM personas`).Scan(&total); err != nil {
			return err
		}
		page, err = many(ctx, tx, scanPersona,
			personaColumns+` ORDER BY p.created_at DESC, p.id LIMIT $1 OFFSET $2`, max(limit, 0), max(offset, 0))
		return err
	})
	return page, total, err
}

const selectConsent = `
SELECT agreed_to_terms, facial_recognition, ai_training, likeness_usage, data_retention, no_commercial_use, no_third_party,
       time_limit_days, signed_at, ip_address, user_agent
FROM persona_consents WHERE persona_id = $1 ORDER BY created_at DESC LIMIT 1`

// Consent returns the newest consent of a persona and the facts of its signature. ErrNotFound when there is no such persona.
func (s *Store) Consent(ctx context.Context, userID, personaID string) (c persona.Consent, signed persona.Signature, err error) {
	if !persona.IsID(personaID) {
		return c, signed, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		return tx.QueryRow(ctx, selectConsent, personaID).Scan(&c.AgreedToTerms, &c.Items.FacialRecognition,
			&c.Items.AITraining, &c.Items.LikenessUsage, &c.Items.DataRetention, &c.Restrictions.NoCommercialUse,
			&c.Restrictions.NoThirdParty, &c.Restrictions.TimeLimitDays, &signed.SignedAt, &signed.IPAddress, &signed.UserAgent)
	})
	return c, signed, err
}
