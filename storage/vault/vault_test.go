package vault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets/localsecrets"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage/storagetest"
	"github.com/inflio/persona/storage/vault"
)

// faults are errors of operations, by operation; nil is none.
type faults map[storagetest.Operation]error

// newVault returns a vault over a bucket in memory whose operations fail as faults says, which may change, and a key of the vault.
func newVault(t *testing.T, f faults) (*vault.Vault, *vault.Key) {
	t.Helper()
	memory := memblob.OpenBucket(nil)
	bucket := storagetest.Intercept(memory, func(_ context.Context, op storagetest.Operation, _ string) error { return f[op] })
	t.Cleanup(func() {
		require.NoError(t, bucket.Close())
		require.NoError(t, memory.Close())
	})
	return open(t, bucket)
}

func open(t *testing.T, bucket *blob.Bucket) (*vault.Vault, *vault.Key) {
	t.Helper()
	secret, err := localsecrets.NewRandomKey()
	require.NoError(t, err)
	keeper := localsecrets.NewKeeper(secret)
	v := vault.New(bucket, keeper)
	t.Cleanup(func() {
		v.Close()
		require.NoError(t, keeper.Close())
	})
	key, _, err := v.NewKey(t.Context())
	require.NoError(t, err)
	return v, key
}

func read(t *testing.T, v *vault.Vault, key *vault.Key, path string) ([]byte, error) {
	t.Helper()
	r, err := v.Open(t.Context(), key, path)
	if err != nil {
		return nil, err
	}
	defer func() { require.NoError(t, r.Close()) }()
	return io.ReadAll(r)
}

func requireUnavailable(t *testing.T, err error, about string) {
	t.Helper()
	var e *persona.Error
	require.ErrorAs(t, err, &e, "%s: %v", about, err)
	require.Equal(t, persona.Unavailable, e.Kind, about)
}

func TestABlobIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	v, key := newVault(t, nil)
	for _, size := range []int{0, 1, 4096, 1 << 20} {
		path := vault.PhotoPath(uuid.NewString(), uuid.NewString())
		content := bytes.Repeat([]byte("x"), size)
		info, err := v.Write(t.Context(), key, path, bytes.NewReader(content))
		require.NoError(t, err)
		require.EqualValues(t, size, info.Bytes)
		got, err := read(t, v, key, path)
		require.NoError(t, err)
		require.Equal(t, content, append([]byte{}, got...))
	}
}

// A bucket that fails is a reason to try again later. Only a blob that is not there is "not found": a bucket that is not there is
// not, or an erasure would believe that it has deleted everything.
func TestABucketThatFailsIsUnavailable(t *testing.T) {
	t.Parallel()
	missing := &notFound{}
	require.Equal(t, gcerrors.NotFound, gcerrors.Code(missing.wrapped(t)))
	for name, failure := range map[string]error{
		"a full disk": fmt.Errorf("write: %w", syscall.ENOSPC), "no permission": syscall.EACCES, "a lost connection": io.ErrUnexpectedEOF,
		"no bucket": missing.wrapped(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := faults{}
			v, key := newVault(t, f)
			id := uuid.NewString()
			path := vault.PhotoPath(id, "x")
			_, err := v.Write(t.Context(), key, path, strings.NewReader("first"))
			require.NoError(t, err)

			for _, op := range []storagetest.Operation{storagetest.OpenWrite, storagetest.WriteBlob} {
				f[op] = failure
				for _, size := range []int{1, 1 << 20} { // one fails when it is closed, the other on the way
					_, err = v.Write(t.Context(), key, path, bytes.NewReader(make([]byte, size)))
					requireUnavailable(t, err, string(op))
				}
				requireUnavailable(t, v.Check(t.Context()), string(op))
				v.ForgetProbe()
				delete(f, op)
			}
			got, err := read(t, v, key, path)
			require.NoError(t, err)
			require.Equal(t, "first", string(got), "what was there stays")

			f[storagetest.ListBlobs] = failure
			_, err = v.RemoveAll(t.Context(), id, "")
			requireUnavailable(t, err, "RemoveAll")
			_, err = v.Holds(t.Context(), id)
			requireUnavailable(t, err, "Holds")
			requireUnavailable(t, v.Check(t.Context()), "Check")
			delete(f, storagetest.ListBlobs)
			if name == "no bucket" {
				return // for one blob it means that there is none
			}
			f[storagetest.DeleteBlob], f[storagetest.ReadBlob] = failure, failure
			v.ForgetProbe()
			requireUnavailable(t, v.Check(t.Context()), "Check")
			n, err := v.RemoveAll(t.Context(), id, "")
			requireUnavailable(t, err, "RemoveAll")
			require.Zero(t, n)
			requireUnavailable(t, v.Remove(t.Context(), path), "Remove")
			_, err = v.Open(t.Context(), key, path)
			requireUnavailable(t, err, "Open")
		})
	}
}

// notFound makes the error that a server gives for a bucket that does not exist.
type notFound struct{}

func (*notFound) wrapped(t *testing.T) error {
	t.Helper()
	bucket := memblob.OpenBucket(nil)
	defer func() { require.NoError(t, bucket.Close()) }()
	_, err := bucket.ReadAll(t.Context(), "absent")
	require.Error(t, err)
	return err
}

// Whose error it was decides what is done about it.
func TestErrorsOfTheReaderAreNotThoseOfTheBucket(t *testing.T) {
	t.Parallel()
	v, key := newVault(t, nil)
	path := vault.PhotoPath(uuid.NewString(), "x")
	broken := errors.New("the client has gone")
	_, err := v.Write(t.Context(), key, path, io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	require.Equal(t, persona.CodeInternal, persona.CodeOf(err), "not unavailable")
	_, err = read(t, v, key, path)
	require.ErrorIs(t, err, vault.ErrNotFound, "no half blob")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = v.Write(ctx, key, path, strings.NewReader("x"))
	require.ErrorIs(t, err, context.Canceled)
}

func TestRemoveAll(t *testing.T) {
	t.Parallel()
	f := faults{}
	v, key := newVault(t, f)
	id, other := uuid.NewString(), uuid.NewString()
	for _, path := range []string{
		vault.PhotoPath(id, "1"), vault.PhotoPath(id, "2"), vault.SamplePath(id, 1, "a"), vault.SamplePath(id, 2, "a"), vault.PhotoPath(other, "1"),
	} {
		_, err := v.Write(t.Context(), key, path, strings.NewReader("x"))
		require.NoError(t, err)
	}
	for _, prefix := range []string{vault.Folder(other), "personas/", "personas/" + id, "x"} {
		_, err := v.RemoveAll(t.Context(), id, prefix)
		require.ErrorIs(t, err, vault.ErrNotFound, prefix)
	}
	_, err := v.RemoveAll(t.Context(), "no uuid", "")
	require.ErrorIs(t, err, vault.ErrNotFound)
	for prefix, want := range map[string]int{vault.Folder(id) + "photos/": 2, vault.SamplePath(id, 1, "a"): 1} {
		for _, want := range []int{want, 0} { // the second time nothing is left
			n, err := v.RemoveAll(t.Context(), id, prefix)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
	}
	n, err := v.RemoveAll(t.Context(), id, "")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	holds, err := v.Holds(t.Context(), id)
	require.NoError(t, err)
	require.False(t, holds)
	holds, err = v.Holds(t.Context(), other)
	require.NoError(t, err)
	require.True(t, holds)
}

// A folder on disk is named after the persona, so it must go too, also when two remove it at once.
func TestRemoveAllRemovesTheFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bucket, err := fileblob.OpenBucket(dir, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	require.NoError(t, err)
	defer func() { require.NoError(t, bucket.Close()) }()
	v, key := open(t, bucket)
	id := uuid.NewString()
	_, err = v.Write(t.Context(), key, vault.PhotoPath(id, "x"), strings.NewReader("x"))
	require.NoError(t, err)
	left := filepath.Join(dir, "personas", id, "photos", "fileblob123") // of a writer that was killed
	require.NoError(t, os.WriteFile(left, []byte("x"), 0o600))
	done := make(chan error, 4)
	for range cap(done) {
		go func() {
			_, err := v.RemoveAll(t.Context(), id, "")
			done <- err
		}()
	}
	for range cap(done) {
		require.NoError(t, <-done)
	}
	require.NoDirExists(t, filepath.Join(dir, "personas", id))
}
