package storage_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets"

	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
	"github.com/inflio/persona/storage/vault"
)

func TestBlobsOnDiskShowNothing(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	p := create(t, b.Store, uuid.NewString())
	for name, content := range map[string]string{
		"photos/jpeg": "\xff\xd8\xff\xe0\x00\x10JFIF\x00", "photos/png": "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
		"model/weights": "\x40\x00\x00\x00\x00\x00\x00\x00{\"__metadata__\":{\"format\":\"pt\"}",
		"empty":         "", "long": strings.Repeat("face", 100_000),
	} {
		path := vault.Folder(p.ID) + name
		info, err := b.Store.WriteBlob(t.Context(), p.UserID, p.ID, path, strings.NewReader(content))
		require.NoError(t, err)
		sum := sha256.Sum256([]byte(content))
		require.Equal(t, vault.Info{Path: path, Bytes: int64(len(content)), SHA256: sum[:]}, info)

		onDisk, err := os.ReadFile(filepath.Join(b.BucketDir, path))
		require.NoError(t, err)
		require.Greater(t, len(onDisk), len(content))
		for _, mark := range []string{"JFIF", "PNG", "\xff\xd8\xff", "{\"__"} {
			require.False(t, bytes.Contains(onDisk[:min(len(onDisk), 64)], []byte(mark)), "%s shows %q", name, mark)
		}
		require.False(t, bytes.Contains(onDisk, []byte("facefaceface")), name)
		got, err := read(t, b.Reopen(t), p.UserID, p.ID, path)
		require.NoError(t, err)
		require.Equal(t, content, string(got))
	}
}

func TestABlobOpensOnlyWhereItBelongs(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s := b.Store
	p := create(t, s, uuid.NewString())
	other := create(t, s, p.UserID)
	path := vault.PhotoPath(p.ID, "x")
	_, err := s.WriteBlob(t.Context(), p.UserID, p.ID, path, bytes.NewReader(jpeg))
	require.NoError(t, err)
	original, err := os.ReadFile(filepath.Join(b.BucketDir, path))
	require.NoError(t, err)

	flipped := bytes.Clone(original)
	flipped[len(flipped)/2] ^= 1
	for name, test := range map[string]struct {
		persona storage.Persona
		name    string
		content []byte
	}{
		"another name":    {p, "photos/y", original},
		"another persona": {other, "photos/x", original},
		"changed":         {p, "photos/x", flipped},
		"cut off":         {p, "photos/x", original[:len(original)-100]},
		"cut at segment":  {p, "photos/x", original[:4096]},
		"lengthened":      {p, "photos/x", append(bytes.Clone(original), 0)},
		"empty":           {p, "photos/x", nil},
	} {
		target := vault.Folder(test.persona.ID) + test.name
		require.NoError(t, os.WriteFile(filepath.Join(b.BucketDir, target), test.content, 0o600))
		_, err := read(t, s, p.UserID, test.persona.ID, target)
		require.ErrorContains(t, err, "was changed or cut off", name)
	}
	for _, bad := range []string{
		"personas/" + other.ID + "/photos/x", "personas/" + p.ID + "/../" + other.ID + "/photos/x", "personas/" + p.ID + "/",
		"/personas/" + p.ID + "/x", "x", "",
	} {
		_, err := s.OpenBlob(t.Context(), p.UserID, p.ID, bad)
		require.ErrorIs(t, err, storage.ErrNotFound, bad)
		_, err = s.WriteBlob(t.Context(), p.UserID, p.ID, bad, strings.NewReader(""))
		require.ErrorIs(t, err, storage.ErrNotFound, bad)
	}
	_, err = s.OpenBlob(t.Context(), p.UserID, p.ID, "personas/"+p.ID+"/photos/absent")
	require.ErrorIs(t, err, storage.ErrNotFound)
}

func TestAFailedWriteLeavesWhatWasThere(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	p := create(t, b.Store, uuid.NewString())
	path := vault.SamplePath(p.ID, 1, "a")
	_, err := b.Store.WriteBlob(t.Context(), p.UserID, p.ID, path, strings.NewReader("first"))
	require.NoError(t, err)
	before := files(t, b.BucketDir)

	broken := errors.New("broken")
	_, err = b.Store.WriteBlob(t.Context(), p.UserID, p.ID, path,
		io.MultiReader(bytes.NewReader(jpeg), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	got, err := read(t, b.Store, p.UserID, p.ID, path)
	require.NoError(t, err)
	require.Equal(t, "first", string(got))
	require.Equal(t, before, files(t, b.BucketDir))
}

func TestAWriteThatAnErasureOvertakesLeavesNothing(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	p := create(t, b.Store, uuid.NewString())
	path := vault.SamplePath(p.ID, 1, "a")
	_, err := b.Store.WriteBlob(t.Context(), p.UserID, p.ID, path, io.MultiReader(bytes.NewReader(jpeg),
		readFunc(func([]byte) (int, error) {
			if _, err := b.Store.RequestErasure(t.Context(), p.UserID, p.ID); err != nil {
				return 0, err
			}
			return 0, io.EOF
		})))
	requireErasing(t, err)
	require.Empty(t, files(t, b.BucketDir), "the persona's blobs go with it, and its folder")
	_, err = b.Store.WriteBlob(t.Context(), p.UserID, p.ID, path, strings.NewReader("late"))
	requireErasing(t, err)
	_, err = b.Store.OpenBlob(t.Context(), p.UserID, p.ID, path)
	requireErasing(t, err)
}

// The memory of a stream does not depend on its size.
func TestStreamsNeedConstantMemory(t *testing.T) {
	b := storagetest.NewBed(t)
	u, err := b.Store.BeginUpload(t.Context(), uuid.NewString())
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const size = 16 << 20
	_, err = u.WritePhoto(t.Context(), uuid.NewString(), io.LimitReader(zeros{}, size))
	require.NoError(t, err)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "bytes allocated in all for %d written", size)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// calls counts the calls of a keeper.
type calls struct {
	*secrets.Keeper
	decrypted atomic.Int64
}

func (c *calls) Decrypt(ctx context.Context, ciphertext []byte) ([]byte, error) {
	c.decrypted.Add(1)
	return c.Keeper.Decrypt(ctx, ciphertext)
}

func (c *calls) Encrypt(ctx context.Context, plaintext []byte) ([]byte, error) {
	return c.Keeper.Encrypt(ctx, plaintext)
}
func (*calls) Close() error                       { return nil }
func (*calls) ErrorAs(error, any) bool            { return false }
func (*calls) ErrorCode(error) gcerrors.ErrorCode { return gcerrors.Unknown }

func TestADestroyedKeyIsUselessInEveryProcess(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	keeper := &calls{Keeper: b.Keeper}
	b.Keeper = secrets.NewKeeper(keeper)
	s, second := b.Reopen(t), b.Reopen(t)
	p := create(t, s, uuid.NewString())
	path := vault.SamplePath(p.ID, 1, "a")
	for _, s := range []*storage.Store{s, second, s, second} {
		_, err := s.WriteBlob(t.Context(), p.UserID, p.ID, path, strings.NewReader("x"))
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, keeper.decrypted.Load(), "each process unwraps the key once")
	var wrapped []byte
	require.NoError(t, b.Owner.QueryRow(t.Context(), `SELECT wrapped FROM data_keys WHERE persona_id = $1`, p.ID).Scan(&wrapped))

	e, err := s.RequestErasure(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	require.NoError(t, s.DestroyKey(t.Context(), e.ID))
	// The second process still has the key in memory and cannot use it, because the database is read each time.
	_, err = b.Owner.Exec(t.Context(), `UPDATE personas SET status = 'ready' WHERE id = $1`, p.ID)
	require.NoError(t, err)
	for _, s := range []*storage.Store{s, second} {
		_, err = s.OpenBlob(t.Context(), p.UserID, p.ID, path)
		require.ErrorIs(t, err, storage.ErrNotFound)
		_, err = s.WriteBlob(t.Context(), p.UserID, p.ID, path, strings.NewReader("x"))
		require.ErrorIs(t, err, storage.ErrNotFound)
	}
	require.EqualValues(t, 2, keeper.decrypted.Load())

	// The first process has removed it from its memory: with the row back, it has to unwrap the key again.
	_, err = b.Owner.Exec(t.Context(), `INSERT INTO data_keys (persona_id, user_id, wrapped) VALUES ($1, $2, $3)`, p.ID, p.UserID, wrapped)
	require.NoError(t, err)
	for _, want := range []int64{3, 3} {
		got, err := read(t, s, p.UserID, p.ID, path)
		require.NoError(t, err)
		require.Equal(t, "x", string(got))
		require.Equal(t, want, keeper.decrypted.Load())
	}
}

// A backup of the bucket, and of all rows except the wrapped key, does not reveal a blob.
func TestABlobCannotBeReadWithAnotherKey(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	p := create(t, b.Store, uuid.NewString())
	path := vault.PhotoPath(p.ID, "x")
	_, err := b.Store.WriteBlob(t.Context(), p.UserID, p.ID, path, bytes.NewReader(jpeg))
	require.NoError(t, err)
	_, err = b.Owner.Exec(t.Context(), `
UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE persona_id = $2) WHERE persona_id = $1`,
		p.ID, create(t, b.Store, p.UserID).ID)
	require.NoError(t, err)
	_, err = read(t, b.Reopen(t), p.UserID, p.ID, path)
	require.ErrorContains(t, err, "was changed or cut off")
}

func TestDeleteBlobs(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	p, other := create(t, b.Store, uuid.NewString()), create(t, b.Store, uuid.NewString())
	for _, name := range []string{"prepared/1", "prepared/2", "samples/1"} {
		_, err := b.Store.WriteBlob(t.Context(), p.UserID, p.ID, "personas/"+p.ID+"/"+name, strings.NewReader("x"))
		require.NoError(t, err)
	}
	n, err := b.Store.DeleteBlobs(t.Context(), p.UserID, p.ID, "personas/"+p.ID+"/prepared/")
	require.NoError(t, err)
	require.Equal(t, 2, n)
	_, err = b.Store.DeleteBlobs(t.Context(), p.UserID, p.ID, "personas/"+other.ID+"/")
	require.ErrorIs(t, err, storage.ErrNotFound)

	// What a writer that was killed leaves beside the blobs goes too.
	orphan := filepath.Join(b.BucketDir, "personas", p.ID, "samples", "2.attrs")
	require.NoError(t, os.WriteFile(orphan, nil, 0o600))
	n, err = b.Store.DeleteBlobs(t.Context(), p.UserID, p.ID, "")
	require.NoError(t, err)
	require.Equal(t, 3, n)
	n, err = b.Store.DeleteBlobs(t.Context(), p.UserID, p.ID, "")
	require.NoError(t, err)
	require.Zero(t, n)
	require.NotContains(t, strings.Join(files(t, b.BucketDir), " "), p.ID, "not even an empty folder")
	require.Contains(t, strings.Join(files(t, b.BucketDir), " "), other.ID)
}

func BenchmarkWriteBlob(b *testing.B) {
	bed := storagetest.NewBed(b)
	u, err := bed.Store.BeginUpload(b.Context(), uuid.NewString())
	require.NoError(b, err)
	const size = 4 << 20
	id := uuid.NewString()
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		_, err := u.WritePhoto(b.Context(), id, io.LimitReader(zeros{}, size))
		require.NoError(b, err)
	}
}
