package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/google/uuid"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/inflio/persona/internal/persona"
)

// Upload collects the photos of a persona that does not exist yet. Its key is in memory only until Commit: what is left behind
// by a process that dies cannot be read by anybody, and is removed by the outbox an hour later.
type Upload struct {
	store     *Store
	userID    string
	personaID string
	cipher    tink.StreamingAEAD
	wrapped   []byte

	mu        sync.Mutex
	written   map[string]BlobInfo // by photo id
	committed bool
}

const insertDiscard = `
INSERT INTO outbox (kind, user_id, persona_id, next_at) VALUES ('discard-upload', $1, $2, now() + interval '1 hour')`

// BeginUpload gives a new persona id and key. A user who is being erased is refused with CodeBeingErased. Every Upload ends with
// Commit or Discard.
func (s *Store) BeginUpload(ctx context.Context, userID string) (*Upload, error) {
	cipher, wrapped, err := s.keys.create(ctx)
	if err != nil {
		return nil, err
	}
	u := &Upload{
		store: s, userID: userID, personaID: uuid.NewString(), cipher: cipher, wrapped: wrapped,
		written: make(map[string]BlobInfo),
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

// WritePhoto encrypts and stores one photo as it streams in, in constant memory. When it fails, no blob is left. It may be
// called from several goroutines, for different photos.
func (u *Upload) WritePhoto(ctx context.Context, photoID string, r io.Reader) (BlobInfo, error) {
	if !persona.IsID(photoID) {
		return BlobInfo{}, errors.New("storage: a photo id must be a UUID")
	}
	info, err := u.store.encrypt(ctx, u.cipher, photoPath(u.personaID, photoID), r)
	if err != nil {
		return BlobInfo{}, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.written[photoID] = info
	return info, nil
}

// Discard removes everything that was written. After a Commit that made the persona it does nothing, so it can be deferred; give
// it a context that outlives the request.
func (u *Upload) Discard(ctx context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.committed {
		return nil
	}
	return u.discard(ctx)
}

func (u *Upload) discard(ctx context.Context) error {
	if _, err := u.store.removeAll(ctx, u.personaID, prefixOf(u.personaID)); err != nil {
		return err
	}
	return u.store.asUser(ctx, u.userID, func(tx *userTx) error {
		_, err := tx.Exec(ctx, deleteDiscard, u.personaID)
		return err
	})
}

const deleteDiscard = `DELETE FROM outbox WHERE kind = 'discard-upload' AND persona_id = $1`

// Commit makes the persona, its photos, consent, key, first version and the order to train it, all or nothing. A persona with
// the same idempotency key and fingerprint, made by this user within 24 hours, is returned instead, with replayed true, and this
// upload is discarded. Errors: what persona.Consent.Check says; CodeKeyReused for a key with another fingerprint;
// CodeBeingErased; ErrConflict when the upload took so long that it was discarded. After an error call Discard.
func (u *Upload) Commit(ctx context.Context, n NewPersona) (p Persona, replayed bool, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.committed {
		return Persona{}, false, fmt.Errorf("%w: the upload was committed before", ErrConflict)
	}
	if err := n.Consent.Check(); err != nil {
		return Persona{}, false, err
	}
	if err := u.checkPhotos(ctx, n.Photos); err != nil {
		return Persona{}, false, err
	}
	err = u.store.asUser(ctx, u.userID, func(tx *userTx) error {
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
	// The persona is there; what cannot be removed now is removed by the outbox.
	_ = u.discard(context.WithoutCancel(ctx))
	return p, true, nil
}

// checkPhotos makes sure that what the rows will say was written is written, and removes what they will not name.
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
		if err := u.store.remove(ctx, photoPath(u.personaID, id)); err != nil {
			return err
		}
		delete(u.written, id)
	}
	return nil
}
