package storage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage/audit"
)

// NewPersona is what Commit makes a persona from.
type NewPersona struct {
	Name           string // as persona.CleanName returns it
	Tier           persona.Tier
	Config         persona.TrainingConfig
	Consent        persona.Consent
	Signature      persona.Signature
	Photos         []NewPhoto
	IdempotencyKey string // "" for none
	Fingerprint    string // of the request; the same key with another fingerprint is refused
	MaxTrainings   int    // trainings that the user may have running, with this one; 0 is no limit
}

// NewPhoto is one photo of a new persona.
type NewPhoto struct {
	ID            string
	Index         int
	URL           string // where to fetch it; "" when it was written with Upload.WritePhoto
	Bytes         int64
	SHA256        []byte
	Width, Height int
	Format        string
	Primary       bool
}

// lockUser lets one transaction at a time make personas of a user, and returns errErasing when the user is being erased.
// RequestUserErasure takes the same lock, so no persona can be made after it.
func lockUser(ctx context.Context, tx *userTx) error {
	const lock = `SELECT pg_advisory_xact_lock(hashtextextended('user ' || $1, 0))`
	if _, err := tx.Exec(ctx, lock, tx.userID); err != nil {
		return err
	}
	const query = `SELECT EXISTS (SELECT FROM erasures WHERE user_id = $1 AND persona_id IS NULL AND status = 'running')`
	var erasing bool
	if err := tx.QueryRow(ctx, query, tx.userID).Scan(&erasing); err != nil {
		return err
	}
	if erasing {
		return errErasing()
	}
	return nil
}

const (
	deleteExpiredKey = `
DELETE FROM idempotency_keys WHERE user_id = $1 AND key_hash = $2 AND created_at < now() - interval '24 hours'`
	selectIdempotency = `SELECT fingerprint, persona_id FROM idempotency_keys WHERE user_id = $1 AND key_hash = $2`
	insertIdempotency = `
INSERT INTO idempotency_keys (user_id, key_hash, fingerprint, persona_id) VALUES ($1, $2, $3, $4)`
)

// replay returns the id of the persona that was made with key, or "". The caller holds the lock of the user.
func replay(ctx context.Context, tx *userTx, key, fingerprint string) (personaID string, err error) {
	hash := sha256.Sum256([]byte(key))
	if _, err := tx.Exec(ctx, deleteExpiredKey, tx.userID, hash[:]); err != nil {
		return "", err
	}
	var used string
	err = tx.QueryRow(ctx, selectIdempotency, tx.userID, hash[:]).Scan(&used, &personaID)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return "", nil
	case err != nil:
		return "", err
	case used != fingerprint:
		return "", &persona.Error{
			Kind: persona.Conflict, Code: persona.CodeKeyReused,
			Message: "This Idempotency-Key was used for a different request within the last 24 hours. Use a new key.",
		}
	}
	return personaID, nil
}

const (
	selectTrainings = `SELECT count(*) FROM persona_versions WHERE user_id = $1 AND status = 'training'`
	selectKeyKnown  = `
SELECT EXISTS (SELECT FROM idempotency_keys
               WHERE user_id = $1 AND key_hash = $2 AND created_at >= now() - interval '24 hours')`
)

// checkTrainings returns CodeTooManyTrainings if the user has limit or more trainings running; a limit of 0 is none. While
// the caller holds the user's lock, no other transaction can add one.
func checkTrainings(ctx context.Context, tx *userTx, limit int) error {
	if limit == 0 {
		return nil
	}
	var running int
	if err := tx.QueryRow(ctx, selectTrainings, tx.userID).Scan(&running); err != nil {
		return err
	}
	if running < limit {
		return nil
	}
	return &persona.Error{
		Kind: persona.Conflict, Code: persona.CodeTooManyTrainings,
		Message: fmt.Sprintf("You have %d trainings running, and at most %d may run at one time. "+
			"Start this one when another has ended.", running, limit),
	}
}

// CheckTrainings returns CodeTooManyTrainings where Commit with this idempotency key and limit would, so that an upload
// can be refused before it is read. A key that was used within 24 hours passes: Commit returns the persona that it made.
func (s *Store) CheckTrainings(ctx context.Context, userID, key string, limit int) error {
	return s.asUser(ctx, userID, func(tx *userTx) error {
		hash := sha256.Sum256([]byte(key))
		var known bool
		if err := tx.QueryRow(ctx, selectKeyKnown, userID, hash[:]).Scan(&known); err != nil || known && key != "" {
			return err
		}
		return checkTrainings(ctx, tx, limit)
	})
}

const (
	insertPersona = `
INSERT INTO personas (id, user_id, name, trigger_word) VALUES ($1, $2, $3, $4) ON CONFLICT (trigger_word) DO NOTHING`
	insertImage = `
INSERT INTO persona_images (id, persona_id, user_id, position, url, storage_path, sha256, bytes, width, height, format, is_primary)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	insertConsent = `
INSERT INTO persona_consents (persona_id, user_id, agreed_to_terms, facial_recognition, ai_training, likeness_usage, data_retention,
    no_commercial_use, no_third_party, time_limit_days, signed_at, ip_address, user_agent)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	insertKey     = `INSERT INTO data_keys (persona_id, user_id, wrapped) VALUES ($1, $2, $3)`
	insertVersion = `INSERT INTO persona_versions (persona_id, user_id, number, tier, config) VALUES ($1, $2, $3, $4, $5)`
	insertTrain   = `INSERT INTO outbox (kind, user_id, persona_id, version) VALUES ('train-persona', $1, $2, $3)`
	insertExpiry  = `INSERT INTO outbox (kind, user_id, persona_id, next_at) VALUES ('expire-consent', $1, $2, $3)`
)

// triggerTries bounds the search for a free trigger word. With 26^6 endings a second try is rare.
const triggerTries = 20

// create writes every row of the new persona.
func (u *Upload) create(ctx context.Context, tx *userTx, n NewPersona) (Persona, error) {
	if err := checkTrainings(ctx, tx, n.MaxTrainings); err != nil {
		return Persona{}, err
	}
	// This finds no open row when the upload was closed by someone who discards it.
	if err := tx.exec(ctx, deleteOpen, u.personaID); err != nil {
		if errors.Is(err, ErrNotFound) {
			return Persona{}, errDiscarded
		}
		return Persona{}, err
	}
	if err := u.insertPersona(ctx, tx, n.Name); err != nil {
		return Persona{}, err
	}
	var batch pgx.Batch
	for _, photo := range n.Photos {
		var path *string
		if info, ok := u.written[photo.ID]; ok {
			path, photo.SHA256, photo.Bytes = &info.Path, info.SHA256, info.Bytes
		}
		batch.Queue(insertImage, photo.ID, u.personaID, u.userID, photo.Index, photo.URL, path, photo.SHA256, photo.Bytes,
			photo.Width, photo.Height, photo.Format, photo.Primary)
	}
	queueConsent(&batch, u.userID, u.personaID, n.Consent, n.Signature)
	batch.Queue(insertKey, u.personaID, u.userID, u.wrapped)
	batch.Queue(insertVersion, u.personaID, u.userID, 1, n.Tier, n.Config)
	batch.Queue(insertTrain, u.userID, u.personaID, 1)
	if expiry, ok := n.Consent.ExpiresAt(n.Signature.SignedAt); ok {
		batch.Queue(insertExpiry, u.userID, u.personaID, expiry)
	}
	if n.IdempotencyKey != "" {
		hash := sha256.Sum256([]byte(n.IdempotencyKey))
		batch.Queue(insertIdempotency, u.userID, hash[:], n.Fingerprint, u.personaID)
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return Persona{}, err
	}
	tx.audit(audit.ConsentSigned, u.personaID, map[string]any{"time_limit_days": n.Consent.Restrictions.TimeLimitDays})
	tx.audit(audit.PersonaCreated, u.personaID, map[string]any{"photos": len(n.Photos), "tier": n.Tier})
	return selectPersona(ctx, tx, u.personaID)
}

// insertPersona inserts the persona with a trigger word that no other persona has. Only the constraint can tell, because
// row-level security hides the words of other users.
func (u *Upload) insertPersona(ctx context.Context, tx *userTx, name string) error {
	for range triggerTries {
		word := persona.TriggerWord(name, u.store.ending())
		tag, err := tx.Exec(ctx, insertPersona, u.personaID, u.userID, name, word)
		if err != nil || tag.RowsAffected() == 1 {
			return err
		}
	}
	return errors.New("storage: no free trigger word was found")
}

func queueConsent(batch *pgx.Batch, userID, personaID string, c persona.Consent, signed persona.Signature) {
	batch.Queue(insertConsent, personaID, userID, c.AgreedToTerms, c.Items.FacialRecognition, c.Items.AITraining,
		c.Items.LikenessUsage, c.Items.DataRetention, c.Restrictions.NoCommercialUse, c.Restrictions.NoThirdParty,
		c.Restrictions.TimeLimitDays, signed.SignedAt, text(signed.IPAddress), text(signed.UserAgent))
}

// maxHeader is how much of a request header is kept, in bytes.
const maxHeader = 512

// text returns a header as valid UTF-8 without NUL bytes, which a text column would refuse. A client may send any bytes.
func text(header string) string {
	header = header[:min(len(header), maxHeader)]
	return strings.ToValidUTF8(strings.ReplaceAll(header, "\x00", ""), "\uFFFD")
}
