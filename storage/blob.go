package storage

import (
	"context"
	"errors"
	"io"

	"github.com/jackc/pgx/v5"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage/audit"
	"github.com/inflio/persona/storage/vault"
)

// readActions are the audit actions of reading a blob. All kinds not named here are audit.DataRead.
var readActions = map[vault.Kind]audit.Action{
	vault.KindPhoto:    audit.PhotoRead,
	vault.KindPrepared: audit.PhotoRead,
	vault.KindSample:   audit.SampleRead,
	vault.KindModel:    audit.ModelRead,
}

const selectKey = `
SELECT k.wrapped, p.status FROM data_keys k JOIN personas p ON p.id = k.persona_id WHERE k.persona_id = $1`

// wrappedKey returns the persona's key as it is stored. The error is pgx.ErrNoRows when the user has no such persona or its key
// was destroyed, and errErasing once the erasure has begun: from then on nothing is read or written.
func wrappedKey(ctx context.Context, tx pgx.Tx, personaID string) ([]byte, error) {
	var wrapped []byte
	var status persona.Status
	if err := tx.QueryRow(ctx, selectKey, personaID).Scan(&wrapped, &status); err != nil {
		return nil, err
	}
	if status == persona.StatusErasing {
		return nil, errErasing()
	}
	return wrapped, nil
}

// WriteBlob encrypts what r returns and stores it at path, which one of the helpers of package vault makes. It replaces what is
// there. The memory it needs does not depend on the size. When r, ctx or the bucket fails, no blob is left and the previous one
// stays. An error of r can be found with errors.Is and errors.As.
func (s *Store) WriteBlob(ctx context.Context, userID, personaID, path string, r io.Reader) (vault.Info, error) {
	if _, _, err := vault.Split(personaID, path); err != nil {
		return vault.Info{}, translate(err)
	}
	wrapped, err := s.wrappedKey(ctx, userID, personaID)
	if err != nil {
		return vault.Info{}, err
	}
	key, err := s.vault.Unwrap(ctx, personaID, wrapped)
	if err != nil {
		return vault.Info{}, err
	}
	info, err := s.vault.Write(ctx, key, path, r)
	if err != nil {
		return vault.Info{}, err
	}
	// An erasure that began meanwhile may have listed the blobs before this one was there. All blobs of its persona must go.
	ctx = context.WithoutCancel(ctx)
	if _, err := s.wrappedKey(ctx, userID, personaID); err != nil {
		if errors.Is(err, ErrNotFound) || persona.CodeOf(err) == persona.CodeBeingErased {
			_, failure := s.vault.RemoveAll(ctx, personaID, "")
			err = errors.Join(err, failure)
		}
		return vault.Info{}, err
	}
	return info, nil
}

// WritePhotoBlob stores a photo that was fetched from its address at the path of uploaded photos; see WriteBlob.
func (s *Store) WritePhotoBlob(ctx context.Context, userID, personaID, photoID string, r io.Reader) (vault.Info, error) {
	if !persona.IsID(photoID) {
		return vault.Info{}, ErrNotFound
	}
	return s.WriteBlob(ctx, userID, personaID, vault.PhotoPath(personaID, photoID), r)
}

func (s *Store) wrappedKey(ctx context.Context, userID, personaID string) (wrapped []byte, err error) {
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		wrapped, err = wrappedKey(ctx, tx, personaID)
		return err
	})
	return wrapped, err
}

// OpenBlob writes the read into the audit log and then opens a blob for reading. The content is complete only when the reader has
// returned io.EOF: a blob that was changed or cut off fails on the way.
func (s *Store) OpenBlob(ctx context.Context, userID, personaID, path string) (io.ReadCloser, error) {
	kind, name, err := vault.Split(personaID, path)
	if err != nil {
		return nil, translate(err)
	}
	action, ok := readActions[kind]
	if !ok {
		action = audit.DataRead
	}
	var wrapped []byte
	err = s.asUser(ctx, userID, func(tx *userTx) (err error) {
		wrapped, err = wrappedKey(ctx, tx, personaID)
		tx.audit(action, personaID, map[string]any{"blob": name})
		return err
	})
	if err != nil {
		return nil, err
	}
	key, err := s.vault.Unwrap(ctx, personaID, wrapped)
	if err != nil {
		return nil, err
	}
	blob, err := s.vault.Open(ctx, key, path)
	return blob, translate(err)
}

// HasBlob reports whether there is a blob at path. It reads nothing of it, so the audit log gets no entry.
func (s *Store) HasBlob(ctx context.Context, userID, personaID, path string) (bool, error) {
	if _, _, err := vault.Split(personaID, path); err != nil {
		return false, translate(err)
	}
	if _, err := s.wrappedKey(ctx, userID, personaID); err != nil {
		return false, err
	}
	return s.vault.Exists(ctx, path)
}

const mayDelete = `
SELECT EXISTS (SELECT FROM personas WHERE id = $1) OR EXISTS (SELECT FROM erasures WHERE persona_id = $1)`

// DeleteBlobs deletes every blob of a persona whose path starts with prefix, "" being all of them, and returns how many it deleted,
// also when it fails. It works after the rows are gone, too, for the user whose erasure it is. Running it again is safe.
func (s *Store) DeleteBlobs(ctx context.Context, userID, personaID, prefix string) (int, error) {
	if !persona.IsID(personaID) {
		return 0, ErrNotFound
	}
	err := s.asUser(ctx, userID, func(tx *userTx) error {
		var may bool
		if err := tx.QueryRow(ctx, mayDelete, personaID).Scan(&may); err != nil {
			return err
		}
		if !may {
			return ErrNotFound
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	deleted, err := s.vault.RemoveAll(ctx, personaID, prefix)
	return deleted, translate(err)
}
