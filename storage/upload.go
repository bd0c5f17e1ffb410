package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage/vault"
)

// Upload collects the photos of a persona that does not exist yet. Until Commit its key exists only in memory, so photos left by a
// process that dies cannot be read by anybody. The outbox removes them an hour later.
//
// The row of the outbox that does this also says whether the upload is open: it was not claimed yet (attempts = 0). Commit deletes
// an open row in the transaction that makes the persona. Whoever discards the upload closes it first, commits that, and only
// then removes the photos, so it needs no transaction while the bucket answers. Discarding is safe to do twice at once.
type Upload struct {
	store     *Store
	userID    string
	personaID string
	key       *vault.Key
	wrapped   []byte

	mu        sync.Mutex
	written   map[string]vault.Info // by photo id
	committed bool
}

const (
	insertDiscard = `
INSERT INTO outbox (kind, user_id, persona_id, next_at) VALUES ('discard-upload', $1, $2, now() + interval '1 hour')`
	selectOpen   = `SELECT FROM outbox WHERE kind = 'discard-upload' AND persona_id = $1 AND attempts = 0`
	deleteOpen   = `DELETE FROM outbox WHERE kind = 'discard-upload' AND persona_id = $1 AND attempts = 0`
	deleteClosed = `DELETE FROM outbox WHERE kind = 'discard-upload' AND persona_id = $1`
	// Closing claims the row as the relay does: if this process dies, the relay goes on when the claim has expired.
	closeUpload = `
UPDATE outbox SET attempts = attempts + 1, next_at = clock_timestamp() + $2::interval
WHERE kind = 'discard-upload' AND persona_id = $1`

	// commitTimeout bounds a Commit, which does not end with its caller.
	commitTimeout = 30 * time.Second
)

// BeginUpload makes a new persona id and key. A user who is being erased is refused with CodeBeingErased. Every Upload ends with
// Commit or Discard.
func (s *Store) BeginUpload(ctx context.Context, userID string) (*Upload, error) {
	key, wrapped, err := s.vault.NewKey(ctx)
	if err != nil {
		return nil, err
	}
	u := &Upload{
		store: s, userID: userID, personaID: uuid.NewString(), key: key, wrapped: wrapped,
		written: make(map[string]vault.Info),
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		if err := lockUser(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insertDiscard, userID, u.personaID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return u, nil
}

// PersonaID is the id that the persona will have.
func (u *Upload) PersonaID() string { return u.personaID }

// WritePhoto encrypts and stores one photo while it is read; the memory it needs does not depend on the size. When it fails, no blob
// is left. ErrConflict when the upload took so long that it was discarded. It may be called from several goroutines, for different
// photos.
func (u *Upload) WritePhoto(ctx context.Context, photoID string, r io.Reader) (vault.Info, error) {
	if !persona.IsID(photoID) {
		return vault.Info{}, errors.New("storage: a photo id must be a UUID")
	}
	if err := u.checkOpen(ctx); err != nil {
		return vault.Info{}, err
	}
	info, err := u.store.vault.Write(ctx, u.key, vault.PhotoPath(u.personaID, photoID), r)
	ctx = context.WithoutCancel(ctx)
	// If the upload was closed meanwhile, its photos may have been listed before this one was there.
	closed := u.checkOpen(ctx)
	switch {
	case errors.Is(closed, errDiscarded):
		return vault.Info{}, errors.Join(closed, u.Discard(ctx))
	case err != nil:
		return vault.Info{}, err
	case closed != nil:
		return vault.Info{}, errors.Join(closed, u.store.vault.Remove(ctx, info.Path))
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.written[photoID] = info
	return info, nil
}

var errDiscarded = fmt.Errorf("%w: the upload took too long and was discarded", ErrConflict)

// checkOpen returns errDiscarded when the photos can no longer become a persona.
func (u *Upload) checkOpen(ctx context.Context) error {
	return u.store.asUser(ctx, u.userID, func(tx *userTx) error {
		err := tx.exec(ctx, selectOpen, u.personaID)
		if errors.Is(err, ErrNotFound) {
			return errDiscarded
		}
		return err
	})
}

// Discard removes everything that was written. It does nothing when the persona was made, so it can be deferred. It reads that from
// the database, because a Commit whose reply was lost may have succeeded. Give it a context that outlives the request.
func (u *Upload) Discard(ctx context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.committed {
		return nil
	}
	return u.discard(ctx)
}

func (u *Upload) discard(ctx context.Context) error {
	s := u.store
	err := s.asUser(ctx, u.userID, func(tx *userTx) error {
		// A Commit that the server still carries out has deleted this row, so this waits until it ends. If the row is there
		// afterwards, it is closed now and no Commit can succeed; if it is gone, none can begin.
		if _, err := tx.Exec(ctx, closeUpload, u.personaID, claimLife); err != nil {
			return err
		}
		const query = `SELECT EXISTS (SELECT FROM personas WHERE id = $1)`
		return tx.QueryRow(ctx, query, u.personaID).Scan(&u.committed)
	})
	if err != nil || u.committed {
		return err
	}
	if _, err := s.vault.RemoveAll(ctx, u.personaID, ""); err != nil {
		return translate(err)
	}
	return s.asUser(ctx, u.userID, func(tx *userTx) error {
		_, err := tx.Exec(ctx, deleteClosed, u.personaID)
		return err
	})
}

// Commit makes the persona, its photos, consent, key, first version and the order to train it, all or nothing. If this user has
// made a persona with the same idempotency key and fingerprint within 24 hours, Commit returns that one with replayed true, and
// discards this upload.
//
// Errors: what persona.Consent.Check returns; CodeKeyReused for a key with another fingerprint; CodeBeingErased; ErrConflict when
// the upload took so long that it was discarded. Once begun, Commit goes on for up to 30 seconds when ctx ends. After an error
// call Discard, which finds out whether the persona was made although the reply was lost.
func (u *Upload) Commit(ctx context.Context, n NewPersona) (p Persona, replayed bool, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.committed {
		return Persona{}, false, fmt.Errorf("%w: the upload was committed before", ErrConflict)
	}
	if err := n.Consent.Check(); err != nil {
		return Persona{}, false, err
	}
	if err := ctx.Err(); err != nil {
		return Persona{}, false, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if err := u.checkPhotos(ctx, n.Photos); err != nil {
		return Persona{}, false, err
	}
	err = u.store.asUser(ctx, u.userID, func(tx *userTx) error {
		replayed = false
		if err := lockUser(ctx, tx); err != nil {
			return err
		}
		if n.IdempotencyKey != "" {
			old, err := replay(ctx, tx, n.IdempotencyKey, n.Fingerprint)
			if err != nil || old != "" {
				replayed = old != ""
				if replayed {
					p, err = selectPersona(ctx, tx, old)
				}
				return err
			}
		}
		p, err = u.create(ctx, tx, n)
		return err
	})
	if err != nil {
		return Persona{}, false, err
	}
	if !replayed {
		u.committed = true
		return p, false, nil
	}
	// The outbox removes what cannot be removed now.
	_ = u.discard(ctx)
	return p, true, nil
}

// checkPhotos checks that every photo without an address was written, and removes the written ones that are not named.
func (u *Upload) checkPhotos(ctx context.Context, photos []NewPhoto) error {
	named := make(map[string]bool, len(photos))
	for _, photo := range photos {
		if _, ok := u.written[photo.ID]; !ok && photo.URL == "" {
			return fmt.Errorf("storage: photo %d was not written", photo.Index)
		}
		named[photo.ID] = true
	}
	for id := range u.written {
		if named[id] {
			continue
		}
		if err := u.store.vault.Remove(ctx, vault.PhotoPath(u.personaID, id)); err != nil {
			return translate(err)
		}
		delete(u.written, id)
	}
	return nil
}
