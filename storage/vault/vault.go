package vault

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"gocloud.dev/blob"
	"gocloud.dev/secrets"
)

// Vault keeps encrypted blobs and unwraps their keys. It is safe for concurrent use.
type Vault struct {
	bucket *blob.Bucket
	keys   *keyring
	health health
}

// New returns a vault over a bucket and a keeper, which stay the caller's to close.
func New(bucket *blob.Bucket, keeper *secrets.Keeper) *Vault {
	return &Vault{bucket: bucket, keys: newKeyring(keeper), health: newHealth()}
}

// Close removes all unwrapped keys from memory.
func (v *Vault) Close() { v.keys.forgetAll() }

// Info describes the plaintext of a blob that was written.
type Info struct {
	Path   string
	Bytes  int64
	SHA256 []byte
}

// bufferBytes is the size of the buffer between the cipher, which writes segments of 4 KB, and the bucket.
const bufferBytes = 64 << 10

// Write encrypts what r returns and stores it at path, replacing what is there. The memory it needs does not depend on the size.
// The path is bound to the content, so a blob that is moved to another path cannot be opened.
//
// When r, ctx or the bucket fails, no blob is left and the previous one stays. An error of r can be found with errors.Is and
// errors.As; an error of the bucket, such as a full disk, is persona.Unavailable.
func (v *Vault) Write(ctx context.Context, key *Key, path string, r io.Reader) (_ Info, err error) {
	writing, cancel := context.WithCancel(ctx)
	defer cancel()
	out, err := v.bucket.NewWriter(writing, path, &blob.WriterOptions{
		ContentType: "application/octet-stream", DisableContentTypeDetection: true,
	})
	if err != nil {
		return Info{}, translate(err)
	}
	defer func() {
		if err != nil {
			// Close would keep what was written so far. It does not once the context has ended.
			cancel()
			_ = out.Close()
		}
	}()
	buffered := bufio.NewWriterSize(out, bufferBytes)
	encrypted, err := key.cipher.NewEncryptingWriter(buffered, []byte(path))
	if err != nil {
		return Info{}, fmt.Errorf("vault: encrypt: %w", err)
	}
	in, sum := &source{Reader: r}, sha256.New()
	n, err := io.Copy(io.MultiWriter(sum, encrypted), in)
	if in.err != nil {
		return Info{}, fmt.Errorf("vault: read what is to be written: %w", in.err)
	}
	if err := cmp.Or(err, encrypted.Close(), buffered.Flush()); err != nil {
		return Info{}, translate(err)
	}
	if err := ctx.Err(); err != nil {
		return Info{}, err
	}
	if err := out.Close(); err != nil {
		return Info{}, translate(err)
	}
	return Info{Path: path, Bytes: n, SHA256: sum.Sum(nil)}, nil
}

// Open opens a blob for reading. The content is complete only when the reader has returned io.EOF: a blob that was changed or cut
// off fails on the way. ErrNotFound when there is none.
func (v *Vault) Open(ctx context.Context, key *Key, path string) (io.ReadCloser, error) {
	in, err := v.bucket.NewReader(ctx, path, nil)
	if err != nil {
		return nil, translateMissing(err)
	}
	encrypted := &source{Reader: in}
	clear, err := key.cipher.NewDecryptingReader(bufio.NewReaderSize(encrypted, bufferBytes), []byte(path))
	if err != nil {
		_ = in.Close()
		return nil, fmt.Errorf("vault: decrypt: %w", err)
	}
	return &reader{Closer: in, clear: clear, encrypted: encrypted}, nil
}

type reader struct {
	io.Closer
	clear     io.Reader
	encrypted *source
}

// Read wraps the errors of the bucket and of the cipher.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.clear.Read(p)
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	case r.encrypted.err != nil:
		return n, translate(r.encrypted.err)
	default:
		return n, fmt.Errorf("vault: the blob was changed or cut off: %w", err)
	}
}
