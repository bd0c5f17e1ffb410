package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

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

// WritePhoto encrypts and stores one photo as it streams in, in constant memory. When it fails, no blob is left. ErrConflict when
// the upload took so long that it was discarded. It may be called from several goroutines, for different photos.
func (u *Upload) WritePhoto(ctx context.Context, photoID string, r io.Reader) (BlobInfo, error) {
	if !persona.IsID(photoID) {
		return BlobInfo{}, errors.New("storage: a photo id must be a UUID")
	}
	if err := u.open(ctx); err != nil {
		return BlobInfo{}, err
	}
	info, err := u.store.encrypt(ctx, u.cipher, photoPath(u.personaID, photoID), r)
	ctx = context.WithoutCancel(ctx)
	// Who discarded the upload meanwhile may have looked for photos before this one was there.
	closed := u.open(ctx)
	switch {
	case errors.Is(closed, errDiscarded):
		return BlobInfo{}, errors.Join(closed, u.Discard(ctx))
	case err != nil:
		return BlobInfo{}, err
	case closed != nil:
		return BlobInfo{}, errors.Join(closed, u.store.remove(ctx, info.Path))
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.written[photoID] = info
	return info, nil
}

var errDiscarded = fmt.Errorf("%w: the upload took too long and was discarded", ErrConflict)

// open returns errDiscarded when photos can no longer become a persona. Whoever is deciding that at this moment is waited for.
func (u *Upload) open(ctx context.Context) error {
	return u.store.asUser(ctx, u.userID, func(tx *userTx) error {
		err := tx.exec(ctx, lockDiscard+` FOR SHARE`, u.personaID)
		if errors.Is(err, ErrNotFound) {
			return errDiscarded
		}
		return err
	})
}

// Discard removes everything that was written. When the persona was made it does nothing, so it can be deferred; that is looked up,
// because a Commit whose reply was lost may have made it all the same. Give it a context that outlives the request.
func (u *Upload) Discard(ctx context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.committed {
		return nil
	}
	return u.discard(ctx)
}

func (u *Upload) discard(ctx context.Context) error {
	return u.store.asUser(ctx, u.userID, func(tx *userTx) error {
		// A Commit that the server still carries out has deleted this row, so this waits for its end. Where the row is there
		// afterwards no Commit can succeed any more, and where it is gone none can begin.
		if _, err := tx.Exec(ctx, lockDiscard+` FOR UPDATE`, u.personaID); err != nil {
			return err
		}
		const query = `SELECT EXISTS (SELECT FROM personas WHERE id = $1)`
		if err := tx.QueryRow(ctx, query, u.personaID).Scan(&u.committed); err != nil || u.committed {
			return err
		}
		if _, err := u.store.removeAll(ctx, u.personaID, prefixOf(u.personaID)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, deleteDiscard, u.personaID)
		return err
	})
}

const (
	lockDiscard   = `SELECT FROM outbox WHERE kind = 'discard-upload' AND persona_id = $1`
	deleteDiscard = `DELETE FROM outbox WHERE kind = 'discard-upload' AND persona_id = $1`

	// commitWithin bounds a Commit, which does not end with its caller.
	commitWithin = 30 * time.Second
)

// Commit makes the persona, its photos, consent, key, first version and the order to train it, all or nothing. A persona with
// the same idempotency key and fingerprint, made by this user within 24 hours, is returned instead, with replayed true, and this
// upload is discarded. Errors: what persona.Consent.Check says; CodeKeyReused for a key with another fingerprint;
// CodeBeingErased; ErrConflict when the upload took so long that it was discarded. Once begun it goes on when ctx ends, for at most
// 30 seconds. After an error call Discard, which also finds out whether the persona was made when the reply was lost.
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWithin)
	defer cancel()
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
	_ = u.discard(ctx)
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
