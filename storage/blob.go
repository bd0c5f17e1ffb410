package storage

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/tink-crypto/tink-go/v2/tink"
	"gocloud.dev/blob"

	"github.com/inflio/persona/internal/persona"
)

// prefixOf is the folder of everything that belongs to a persona.
func prefixOf(personaID string) string { return "personas/" + personaID + "/" }

// photoPath is where a photo as it came is kept.
func photoPath(personaID, photoID string) string { return prefixOf(personaID) + "photos/" + photoID }

// blobBuffer gathers the cipher's small segments before they go to the bucket, in bytes.
const blobBuffer = 64 << 10

func checkPath(personaID, path string) error {
	if !persona.IsID(personaID) || !fs.ValidPath(path) || !strings.HasPrefix(path, prefixOf(personaID)) {
		return fmt.Errorf("storage: %w: not a path of this persona", ErrNotFound)
	}
	return nil
}

// readActions names reads in the audit log by the first part of the path. Prepared pictures are cut from photos.
var readActions = map[string]string{
	"photos": "photo.read", "prepared": "photo.read", "samples": "sample.read", "model": "model.read",
}

// WriteBlob encrypts what r gives and stores it under path, which starts with "personas/<persona id>/". It replaces what is
// there. Memory stays constant. When r, ctx or the bucket fails, no blob is left and what was there before stays. An error of r
// is found by errors.Is and errors.As.
func (s *Store) WriteBlob(ctx context.Context, userID, personaID, path string, r io.Reader) (BlobInfo, error) {
	if err := checkPath(personaID, path); err != nil {
		return BlobInfo{}, err
	}
	wrapped, err := s.key(ctx, userID, personaID)
	if err != nil {
		return BlobInfo{}, err
	}
	cipher, err := s.keys.unwrap(ctx, personaID, wrapped)
	if err != nil {
		return BlobInfo{}, err
	}
	info, err := s.encrypt(ctx, cipher, path, r)
	if err != nil {
		return BlobInfo{}, err
	}
	// An erasure that began meanwhile may have looked for blobs before this one was there. Its persona is to lose them all.
	if _, err := s.key(ctx, userID, personaID); err != nil {
		if errors.Is(err, ErrNotFound) || persona.CodeOf(err) == persona.CodeBeingErased {
			_, failure := s.removeAll(context.WithoutCancel(ctx), personaID, prefixOf(personaID))
			err = errors.Join(err, failure)
		}
		return BlobInfo{}, err
	}
	return info, nil
}

// WritePhotoBlob stores a photo that was fetched from its address where uploaded photos are kept; see WriteBlob.
func (s *Store) WritePhotoBlob(ctx context.Context, userID, personaID, photoID string, r io.Reader) (BlobInfo, error) {
	if !persona.IsID(photoID) {
		return BlobInfo{}, ErrNotFound
	}
	return s.WriteBlob(ctx, userID, personaID, photoPath(personaID, photoID), r)
}

// key returns the wrapped key of a persona.
func (s *Store) key(ctx context.Context, userID, personaID string) (wrapped []byte, err error) {
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		wrapped, err = wrappedKey(ctx, tx, personaID)
		return err
	})
	return wrapped, err
}

// encrypt streams r into a new blob. The path is bound to the content, so a blob moved to another name does not open.
func (s *Store) encrypt(ctx context.Context, cipher tink.StreamingAEAD, path string, r io.Reader) (_ BlobInfo, err error) {
	writing, giveUp := context.WithCancel(ctx)
	defer giveUp()
	out, err := s.bucket.NewWriter(writing, path, &blob.WriterOptions{
		ContentType: "application/octet-stream", DisableContentTypeDetection: true,
	})
	if err != nil {
		return BlobInfo{}, translateBlob(err)
	}
	defer func() {
		if err != nil {
			// Closing keeps what was written so far, unless the context has ended.
			giveUp()
			_ = out.Close()
		}
	}()
	buffered := bufio.NewWriterSize(out, blobBuffer)
	encrypted, err := cipher.NewEncryptingWriter(buffered, []byte(path))
	if err != nil {
		return BlobInfo{}, fmt.Errorf("storage: encrypt: %w", err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(sum, encrypted), r)
	if err != nil {
		return BlobInfo{}, fmt.Errorf("storage: write a blob: %w", err)
	}
	if err := errors.Join(encrypted.Close(), buffered.Flush()); err != nil {
		return BlobInfo{}, fmt.Errorf("storage: write a blob: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return BlobInfo{}, err
	}
	if err := out.Close(); err != nil {
		return BlobInfo{}, translateBlob(err)
	}
	return BlobInfo{Path: path, Bytes: n, SHA256: sum.Sum(nil)}, nil
}

// OpenBlob opens a blob for reading and writes the read into the audit log first. Only what was read up to io.EOF is complete:
// a blob that was changed or cut off fails on the way.
func (s *Store) OpenBlob(ctx context.Context, userID, personaID, path string) (io.ReadCloser, error) {
	if err := checkPath(personaID, path); err != nil {
		return nil, err
	}
	rest := strings.TrimPrefix(path, prefixOf(personaID))
	kind, _, _ := strings.Cut(rest, "/")
	action, ok := readActions[kind]
	if !ok {
		action = "data.read"
	}
	var wrapped []byte
	err := s.asUser(ctx, userID, func(tx *userTx) (err error) {
		wrapped, err = wrappedKey(ctx, tx, personaID)
		tx.audit(action, personaID, map[string]any{"blob": rest})
		return err
	})
	if err != nil {
		return nil, err
	}
	cipher, err := s.keys.unwrap(ctx, personaID, wrapped)
	if err != nil {
		return nil, err
	}
	in, err := s.bucket.NewReader(ctx, path, nil)
	if err != nil {
		return nil, translateBlob(err)
	}
	clear, err := cipher.NewDecryptingReader(bufio.NewReaderSize(in, blobBuffer), []byte(path))
	if err != nil {
		_ = in.Close()
		return nil, fmt.Errorf("storage: decrypt: %w", err)
	}
	return &blobReader{Reader: clear, Closer: in}, nil
}

type blobReader struct {
	io.Reader
	io.Closer
}

// Read says in our words what the cipher says in its own.
func (r *blobReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("storage: a blob cannot be read or was changed: %w", err)
	}
	return n, err
}

const mayDelete = `
SELECT EXISTS (SELECT FROM personas WHERE id = $1) OR EXISTS (SELECT FROM erasures WHERE persona_id = $1)`

// DeleteBlobs removes every blob whose path starts with prefix, "" being everything of the persona, and returns how many there
// were. It also works after the rows are gone, for the user whose erasure it is. Running it again is safe.
func (s *Store) DeleteBlobs(ctx context.Context, userID, personaID, prefix string) (int, error) {
	if !persona.IsID(personaID) {
		return 0, ErrNotFound
	}
	if prefix == "" {
		prefix = prefixOf(personaID)
	}
	if !strings.HasPrefix(prefix, prefixOf(personaID)) {
		return 0, fmt.Errorf("storage: %w: not a path of this persona", ErrNotFound)
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
	return s.removeAll(ctx, personaID, prefix)
}
