package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/audit"
	"github.com/inflio/persona/storage/storagetest"
	"github.com/inflio/persona/storage/vault"
)

func TestCommitMakesEverythingAtOnce(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s, user := b.Store, uuid.NewString()
	u, photos := upload(t, s, user)
	remote := storage.NewPhoto{ID: uuid.NewString(), Index: 2, URL: "https://example.com/a.jpg"}
	n := newPersona(append(photos, remote)...)
	n.Name, n.Signature.UserAgent = "Зоя", "any\xffbytes\x00 "+strings.Repeat("x", 1000)
	n.Consent.Restrictions = persona.Restrictions{NoCommercialUse: true, TimeLimitDays: 30}
	p, replayed, err := u.Commit(t.Context(), n)
	require.NoError(t, err)
	require.False(t, replayed)
	require.NoError(t, u.Discard(t.Context()), "deferred Discards do nothing now")

	require.Equal(t, u.PersonaID(), p.ID)
	require.Equal(t, user, p.UserID)
	require.Equal(t, "Зоя", p.Name)
	require.Regexp(t, "^persona[a-z]{6}$", p.TriggerWord)
	require.Equal(t, persona.StatusPending, p.Status)
	require.Equal(t, 1, p.Version)
	require.False(t, p.Active)
	require.Equal(t, persona.VersionTraining, p.Latest.Status)
	require.Equal(t, persona.StageCollecting, p.Latest.Stage)
	require.Equal(t, persona.DefaultTrainingConfig(), p.Latest.Config)

	again, err := s.Persona(t.Context(), user, p.ID)
	require.NoError(t, err)
	require.Equal(t, p, again)
	stored, err := s.Photos(t.Context(), user, p.ID)
	require.NoError(t, err)
	require.Len(t, stored, 3)
	require.Equal(t, vault.PhotoPath(p.ID, photos[0].ID), stored[0].StoragePath)
	require.EqualValues(t, len(jpeg), stored[0].Bytes, "the storage counted itself")
	require.Len(t, stored[0].SHA256, 32)
	require.True(t, stored[0].Primary)
	require.Equal(t, remote.URL, stored[2].URL)
	require.Empty(t, stored[2].StoragePath)

	c, signed, err := s.Consent(t.Context(), user, p.ID)
	require.NoError(t, err)
	require.Equal(t, n.Consent, c)
	require.Equal(t, "192.0.2.7", signed.IPAddress)
	require.Regexp(t, "^any\uFFFDbytes x+$", signed.UserAgent)
	require.WithinDuration(t, n.Signature.SignedAt, signed.SignedAt, time.Millisecond)

	var orders []storage.Outbox
	delivered, err := s.DeliverDue(t.Context(), 10, func(_ context.Context, o storage.Outbox) error {
		orders = append(orders, o)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 1, delivered)
	require.Equal(t, storage.OutboxTrainPersona, orders[0].Kind)
	require.Equal(t, user, orders[0].UserID)
	require.Equal(t, p.ID, orders[0].PersonaID)
	require.Equal(t, 1, orders[0].Version)

	entries, err := s.AuditLog(t.Context(), user, 10, 0)
	require.NoError(t, err)
	require.Equal(t, audit.PersonaCreated, entries[0].Action)
	require.Equal(t, audit.ConsentSigned, entries[1].Action)
}

func TestTwoPersonasOfOneName(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	user := uuid.NewString()
	s.SetEndings("aaaaaa", "aaaaaa", "aaaaaa", "bbbbbb")
	first, second := create(t, s, user), create(t, s, user)
	require.Equal(t, "adalovelaceaaaaaa", first.TriggerWord)
	require.Equal(t, "adalovelacebbbbbb", second.TriggerWord, "tried again until it was free")

	s.SetEndings("aaaaaa", "bbbbbb", "cccccc")
	require.Equal(t, "adalovelacecccccc", create(t, s, uuid.NewString()).TriggerWord, "other users' words count too")

	page, total, err := s.Personas(t.Context(), user, 1, 0)
	require.NoError(t, err)
	require.Equal(t, 2, total)
	require.Equal(t, second.ID, page[0].ID, "the newest first")
	page, _, err = s.Personas(t.Context(), user, 1, 1)
	require.NoError(t, err)
	require.Equal(t, first.ID, page[0].ID)
}

func TestSameIdempotencyKeyAtOnceMakesOnePersona(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	user := uuid.NewString()
	const clients = 6
	ids, replays := make([]string, clients), make([]bool, clients)
	var wg sync.WaitGroup
	for i := range clients {
		u, photos := upload(t, b.Store, user)
		n := newPersona(photos...)
		n.IdempotencyKey, n.Fingerprint = "the key", "the request"
		wg.Go(func() {
			p, replayed, err := u.Commit(t.Context(), n)
			if err == nil {
				ids[i], replays[i] = p.ID, replayed
			}
		})
	}
	wg.Wait()
	made := 0
	for i := range clients {
		require.Equal(t, ids[0], ids[i])
		require.NotEmpty(t, ids[i])
		if !replays[i] {
			made++
		}
	}
	require.Equal(t, 1, made)
	require.Equal(t, 1, count(t, b.Owner, `SELECT count(*) FROM personas`))
	require.Equal(t, 1, count(t, b.Owner, `SELECT count(*) FROM outbox`), "the other uploads are discarded")
	require.Len(t, files(t, b.BucketDir), 4, "one persona's folder, photos, and two of them")
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	user := uuid.NewString()
	commit := func(user, key, fingerprint string) (storage.Persona, bool, error) {
		u, photos := upload(t, b.Store, user)
		n := newPersona(photos...)
		n.IdempotencyKey, n.Fingerprint = key, fingerprint
		p, replayed, err := u.Commit(t.Context(), n)
		if err != nil {
			require.NoError(t, u.Discard(t.Context()))
		}
		return p, replayed, err
	}
	first, replayed, err := commit(user, "key", "print")
	require.NoError(t, err)
	require.False(t, replayed)

	before := files(t, b.BucketDir)
	_, _, err = commit(user, "key", "another print")
	require.Equal(t, persona.CodeKeyReused, persona.CodeOf(err))
	require.Equal(t, before, files(t, b.BucketDir), "nothing changed")

	other, replayed, err := commit(uuid.NewString(), "key", "print")
	require.NoError(t, err)
	require.False(t, replayed, "keys are each user's own")
	require.NotEqual(t, first.ID, other.ID)

	_, err = b.Owner.Exec(t.Context(), `UPDATE idempotency_keys SET created_at = now() - interval '23 hours 59 minutes'`)
	require.NoError(t, err)
	_, replayed, err = commit(user, "key", "print")
	require.NoError(t, err)
	require.True(t, replayed)

	_, err = b.Owner.Exec(t.Context(), `UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 minute'`)
	require.NoError(t, err)
	second, replayed, err := commit(user, "key", "another print")
	require.NoError(t, err)
	require.False(t, replayed, "a day later the key is new")
	require.NotEqual(t, first.ID, second.ID)
	require.Equal(t, 1, count(t, b.Owner, `SELECT count(*) FROM idempotency_keys WHERE user_id = $1`, user))
}

func TestAnUploadThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	u, err := b.Store.BeginUpload(t.Context(), uuid.NewString())
	require.NoError(t, err)
	id := uuid.NewString()

	broken := errors.New("the line broke")
	_, err = u.WritePhoto(t.Context(), id, io.MultiReader(bytes.NewReader(make([]byte, 100_000)), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
	require.NotContains(t, strings.Join(files(t, b.BucketDir), " "), id)

	ctx, cancel := context.WithCancel(t.Context())
	_, err = u.WritePhoto(ctx, id, io.MultiReader(bytes.NewReader(make([]byte, 100_000)), readFunc(func([]byte) (int, error) {
		cancel()
		return 0, io.EOF
	})))
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, strings.Join(files(t, b.BucketDir), " "), id)

	_, _, err = u.Commit(t.Context(), newPersona(storage.NewPhoto{ID: id}))
	require.ErrorContains(t, err, "was not written")
	n := newPersona()
	n.Consent.Items.LikenessUsage = false
	_, _, err = u.Commit(t.Context(), n)
	require.Equal(t, persona.CodeConsentMissing, persona.CodeOf(err))

	require.NoError(t, u.Discard(t.Context()))
	require.Empty(t, files(t, b.BucketDir))
	require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM outbox`))
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestPhotosThatAreNotCommittedGo(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	u, photos := upload(t, b.Store, uuid.NewString())
	_, _, err := u.Commit(t.Context(), newPersona(photos[1]))
	require.NoError(t, err)
	require.NotContains(t, strings.Join(files(t, b.BucketDir), " "), photos[0].ID)
}

func TestAnUploadWhoseProcessDiedIsDiscarded(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	u, photos := upload(t, b.Store, uuid.NewString())
	require.NotEmpty(t, files(t, b.BucketDir))
	deliver := func(context.Context, storage.Outbox) error { return errors.New("never handed on") }

	_, err := b.Store.DeliverDue(t.Context(), 10, deliver)
	require.NoError(t, err)
	require.NotEmpty(t, files(t, b.BucketDir), "it is not due for an hour")

	_, err = b.Owner.Exec(t.Context(), `UPDATE outbox SET next_at = next_at - interval '1 hour'`)
	require.NoError(t, err)
	n, err := b.Store.DeliverDue(t.Context(), 10, deliver)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Empty(t, files(t, b.BucketDir))

	_, err = u.WritePhoto(t.Context(), uuid.NewString(), readFunc(func([]byte) (int, error) {
		return 0, errors.New("nothing more is read")
	}))
	require.ErrorIs(t, err, storage.ErrConflict, "it came too late")
	_, _, err = u.Commit(t.Context(), newPersona(photos...))
	require.ErrorIs(t, err, storage.ErrConflict, "it came too late")
	require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM personas`))
	require.NoError(t, u.Discard(t.Context()))
	require.Empty(t, files(t, b.BucketDir))
}

// The relay discards an upload while a photo is being written: the photo must not stay.
func TestAPhotoThatComesTooLateGoes(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	u, _ := upload(t, b.Store, uuid.NewString())
	discard := func() (int, error) {
		_, err := b.Owner.Exec(t.Context(), `UPDATE outbox SET next_at = now()`)
		require.NoError(t, err)
		return b.Store.DeliverDue(t.Context(), 10, func(context.Context, storage.Outbox) error { return nil })
	}
	_, err := u.WritePhoto(t.Context(), uuid.NewString(), io.MultiReader(bytes.NewReader(jpeg), readFunc(func([]byte) (int, error) {
		n, err := discard()
		require.NoError(t, err)
		require.Equal(t, 1, n)
		return 0, io.EOF
	})))
	require.ErrorIs(t, err, storage.ErrConflict)
	require.Empty(t, files(t, b.BucketDir))
}
