package storage

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage/audit"
)

// Erasure is the record of an erasure. It is kept after what it erased is gone.
type Erasure struct {
	ID          string
	UserID      string
	PersonaID   string // "" = everything the user has
	Status      string // ErasureRunning or ErasureCompleted
	Steps       []ErasureStep
	RequestedAt time.Time
	CompletedAt *time.Time
	Certificate json.RawMessage // nil before it is completed
}

// The states of an erasure.
const (
	ErasureRunning   = "running"
	ErasureCompleted = "completed"
)

// ErasureStep is one step that is done, with the number of things that it removed.
type ErasureStep struct {
	Name  string    `json:"name"`
	Count int       `json:"count"`
	At    time.Time `json:"at"`
}

const erasureColumns = `id, user_id, COALESCE(persona_id::text, ''), status, steps, requested_at, completed_at, certificate`

const selectErasure = `SELECT ` + erasureColumns + ` FROM erasures`

func scanErasure(row pgx.CollectableRow) (e Erasure, err error) {
	var certificate *json.RawMessage
	err = row.Scan(&e.ID, &e.UserID, &e.PersonaID, &e.Status, &e.Steps, &e.RequestedAt, &e.CompletedAt, &certificate)
	if certificate != nil {
		e.Certificate = *certificate
	}
	return e, err
}

const (
	insertErasure = `
INSERT INTO erasures (user_id, persona_id, parent_id) VALUES ($1, $2, $3) ON CONFLICT (persona_id) WHERE persona_id IS NOT NULL
DO UPDATE SET parent_id = COALESCE(erasures.parent_id, EXCLUDED.parent_id) RETURNING ` + erasureColumns
	insertUserErasure = `INSERT INTO erasures (user_id) VALUES ($1) RETURNING ` + erasureColumns
	insertErase       = `
INSERT INTO outbox (kind, user_id, erasure_id) VALUES ($1, $2, $3) ON CONFLICT (erasure_id) WHERE erasure_id IS NOT NULL
DO UPDATE SET next_at = LEAST(outbox.next_at, EXCLUDED.next_at)`
	markErasing  = `UPDATE personas SET status = 'erasing', updated_at = now() WHERE id = $1`
	dropTraining = `DELETE FROM outbox WHERE kind = 'train-persona' AND persona_id = ANY ($1)`
)

// orderErasure adds the order to the outbox. If it is there already, it becomes due now.
func orderErasure(ctx context.Context, tx *userTx, e Erasure) error {
	kind := OutboxErasePersona
	if e.PersonaID == "" {
		kind = OutboxEraseUser
	}
	_, err := tx.Exec(ctx, insertErase, kind, e.UserID, e.ID)
	return err
}

// RequestErasure begins the erasure of a persona: from now on nothing can be added to it, and the outbox orders the work. Requesting
// it again returns the same erasure, also when it is completed; while it runs, its work is ordered again in case it has stopped.
func (s *Store) RequestErasure(ctx context.Context, userID, personaID string) (Erasure, error) {
	if !persona.IsID(personaID) {
		return Erasure{}, ErrNotFound
	}
	return s.requestErasure(ctx, userID, personaID, audit.PersonaErasureRequested)
}

// requestErasure writes action to the audit log when the erasure is a new one.
func (s *Store) requestErasure(ctx context.Context, userID, personaID string, action audit.Action) (e Erasure, err error) {
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		e, err = orderAgain(ctx, tx, personaID)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if err := tx.exec(ctx, markErasing, personaID); err != nil {
			return err
		}
		// The row of the persona is locked now, so a request that came at the same time has committed.
		e, err = orderAgain(ctx, tx, personaID)
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if e, err = one(ctx, tx, scanErasure, insertErasure, userID, personaID, nil); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, dropTraining, []string{personaID}); err != nil {
			return err
		}
		tx.audit(action, personaID, map[string]any{"erasure": e.ID})
		return orderErasure(ctx, tx, e)
	})
	return e, err
}

// orderAgain returns the erasure of a persona, or pgx.ErrNoRows, and orders its work again while it runs.
func orderAgain(ctx context.Context, tx *userTx, personaID string) (Erasure, error) {
	e, err := one(ctx, tx, scanErasure, selectErasure+` WHERE persona_id = $1`, personaID)
	if err != nil || e.Status != ErasureRunning {
		return e, err
	}
	return e, orderErasure(ctx, tx, e)
}

// RequestUserErasure begins the erasure of everything a user has. Until it is completed the user cannot make new personas.
// Requesting it again meanwhile returns the same erasure and orders its work again, in case it has stopped.
func (s *Store) RequestUserErasure(ctx context.Context, userID string) (e Erasure, err error) {
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		err := lockUser(ctx, tx)
		if persona.CodeOf(err) == persona.CodeBeingErased {
			e, err = one(ctx, tx, scanErasure, selectErasure+
				` WHERE user_id = $1 AND persona_id IS NULL AND status = 'running'`, userID)
			if err != nil {
				return err
			}
			return orderErasure(ctx, tx, e)
		}
		if err != nil {
			return err
		}
		if e, err = one(ctx, tx, scanErasure, insertUserErasure, userID); err != nil {
			return err
		}
		tx.audit(audit.UserErasureRequested, "", map[string]any{"erasure": e.ID})
		return orderErasure(ctx, tx, e)
	})
	return e, err
}

// Erasure returns an erasure of the user, or ErrNotFound.
func (s *Store) Erasure(ctx context.Context, userID, erasureID string) (e Erasure, err error) {
	if !persona.IsID(erasureID) {
		return Erasure{}, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		e, err = one(ctx, tx, scanErasure, selectErasure+` WHERE id = $1`, erasureID)
		return err
	})
	return e, err
}

// ErasureForWorker returns an erasure by its id alone. The database shows exactly this one row.
func (s *Store) ErasureForWorker(ctx context.Context, erasureID string) (e Erasure, err error) {
	err = s.asEraser(ctx, erasureID, func(_ *userTx, found Erasure) error {
		e = found
		return nil
	})
	return e, err
}

// asEraser reads the erasure by its id and then acts as its user. It locks nothing: fn takes lockPersonas and lockErasure, in this
// order, if it changes anything that they protect.
func (s *Store) asEraser(ctx context.Context, erasureID string, fn func(tx *userTx, e Erasure) error) error {
	if !persona.IsID(erasureID) {
		return ErrNotFound
	}
	return s.acting(ctx, settingErasure, erasureID, func(tx pgx.Tx) error {
		e, err := one(ctx, tx, scanErasure, selectErasure+` WHERE id = $1`, erasureID)
		if err != nil {
			return err
		}
		if err := set(ctx, tx, settingUser, e.UserID); err != nil {
			return err
		}
		return finish(ctx, &userTx{Tx: tx, userID: e.UserID}, func(tx *userTx) error { return fn(tx, e) })
	})
}

// lockPersonas locks the persona of an erasure, or all personas of its user in the order of their ids, and returns their ids.
func lockPersonas(ctx context.Context, tx *userTx, e Erasure) ([]string, error) {
	const query = `
SELECT id FROM personas WHERE user_id = $1 AND id = COALESCE(NULLIF($2, '')::uuid, id) ORDER BY id FOR UPDATE`
	return many(ctx, tx, pgx.RowTo[string], query, e.UserID, e.PersonaID)
}

// lockErasure locks an erasure and returns it as it is now.
func lockErasure(ctx context.Context, tx *userTx, erasureID string) (Erasure, error) {
	return one(ctx, tx, scanErasure, selectErasure+` WHERE id = $1 FOR UPDATE`, erasureID)
}

// adoptErasures makes the erasures of personas that run already, and whose personas may be gone, parts of the user's erasure.
const adoptErasures = `
UPDATE erasures SET parent_id = $2
WHERE user_id = $1 AND persona_id IS NOT NULL AND parent_id IS NULL AND status = 'running'`

// ChildErasures returns the erasures of the user's personas, as parts of the user's erasure, and makes those that are missing. It
// also returns the completed ones, so it can be called again. The erasure of one persona has none.
func (s *Store) ChildErasures(ctx context.Context, erasureID string) (children []Erasure, err error) {
	err = s.asEraser(ctx, erasureID, func(tx *userTx, e Erasure) error {
		if e.PersonaID != "" {
			return nil
		}
		personas, err := lockPersonas(ctx, tx, e)
		if err != nil {
			return err
		}
		if _, err := lockErasure(ctx, tx, e.ID); err != nil {
			return err
		}
		for _, personaID := range personas {
			if err := tx.exec(ctx, markErasing, personaID); err != nil {
				return err
			}
			if _, err := one(ctx, tx, scanErasure, insertErasure, e.UserID, personaID, e.ID); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, dropTraining, personas); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, adoptErasures, e.UserID, e.ID); err != nil {
			return err
		}
		children, err = many(ctx, tx, scanErasure, selectErasure+` WHERE parent_id = $1 ORDER BY requested_at, id`, e.ID)
		return err
	})
	return children, err
}

// StepDone records that a step is done and how many things it removed. A step that was recorded before keeps its first count.
func (s *Store) StepDone(ctx context.Context, erasureID, name string, count int) error {
	return s.asEraser(ctx, erasureID, func(tx *userTx, e Erasure) error {
		e, err := lockErasure(ctx, tx, e.ID)
		if err != nil || slices.ContainsFunc(e.Steps, func(step ErasureStep) bool { return step.Name == name }) {
			return err
		}
		steps := append(e.Steps, ErasureStep{Name: name, Count: count, At: time.Now().UTC().Truncate(time.Microsecond)})
		return tx.exec(ctx, `UPDATE erasures SET steps = $2 WHERE id = $1`, e.ID, steps)
	})
}

// DestroyKey deletes the persona's data key from the database and from the memory of this process. Blobs that are left anywhere
// cannot be read without it; a backup of the database may still hold it, wrapped (see the package comment). Doing it again is fine.
// For the erasure of a user it does nothing, because each persona has its own key and its own erasure.
func (s *Store) DestroyKey(ctx context.Context, erasureID string) error {
	var personaID string
	err := s.asEraser(ctx, erasureID, func(tx *userTx, e Erasure) error {
		if e.PersonaID == "" {
			return nil
		}
		personaID = e.PersonaID
		tag, err := tx.Exec(ctx, `DELETE FROM data_keys WHERE persona_id = $1`, personaID)
		if err == nil && tag.RowsAffected() > 0 {
			tx.audit(audit.KeyDestroyed, personaID, map[string]any{"erasure": e.ID})
		}
		return err
	})
	s.vault.Forget(personaID)
	return err
}

const completeErasure = `
UPDATE erasures SET status = 'completed', completed_at = now(), certificate = $2 WHERE id = $1 AND status = 'running'`

// CompleteErasure ends an erasure with its certificate. One that is completed keeps its first certificate.
func (s *Store) CompleteErasure(ctx context.Context, erasureID string, certificate json.RawMessage) error {
	return s.asEraser(ctx, erasureID, func(tx *userTx, e Erasure) error {
		e, err := lockErasure(ctx, tx, e.ID)
		if err != nil || e.Status == ErasureCompleted {
			return err
		}
		action := audit.UserErased
		if e.PersonaID != "" {
			action = audit.PersonaErased
		}
		tx.audit(action, e.PersonaID, map[string]any{"erasure": e.ID})
		return tx.exec(ctx, completeErasure, e.ID, certificate)
	})
}
