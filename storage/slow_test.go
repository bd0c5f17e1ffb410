package storage_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

// gate makes chosen operations of a bucket wait until it opens.
type gate struct {
	op      storagetest.Operation
	reached chan struct{} // receives once for each operation that waits
	open    chan struct{} // closed to let all go on
	err     error         // of the operations that waited
}

func newGate(op storagetest.Operation) *gate {
	return &gate{op: op, reached: make(chan struct{}, 100), open: make(chan struct{})}
}

func (g *gate) pass(ctx context.Context, op storagetest.Operation, _ string) error {
	if op != g.op {
		return nil
	}
	select {
	case <-g.open:
		return nil
	default:
	}
	g.reached <- struct{}{}
	select {
	case <-g.open:
		return g.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// No connection is held while the bucket is slow, so other calls go on.
func TestASlowBucketHoldsNoConnection(t *testing.T) {
	t.Parallel()
	none := func(context.Context, storage.Outbox) error { return errors.New("nothing is passed on") }
	due := func(t *testing.T, b *storagetest.Bed) {
		t.Helper()
		_, err := b.Owner.Exec(t.Context(), `UPDATE outbox SET next_at = now() WHERE kind = 'discard-upload'`)
		require.NoError(t, err)
	}
	for name, start := range map[string]func(t *testing.T, b *storagetest.Bed, s *storage.Store, user string) func() error{
		"Discard": func(t *testing.T, _ *storagetest.Bed, s *storage.Store, user string) func() error {
			u, _ := upload(t, s, user)
			return func() error { return u.Discard(t.Context()) }
		},
		"DeliverDue": func(t *testing.T, b *storagetest.Bed, s *storage.Store, user string) func() error {
			upload(t, s, user)
			due(t, b)
			return func() error { _, err := s.DeliverDue(t.Context(), 10, none); return err }
		},
		"EraseRows of a user": func(t *testing.T, _ *storagetest.Bed, s *storage.Store, user string) func() error {
			upload(t, s, user)
			e, err := s.RequestUserErasure(t.Context(), user)
			require.NoError(t, err)
			return func() error { _, err := s.EraseRows(t.Context(), e.ID); return err }
		},
		"DeleteBlobs": func(t *testing.T, _ *storagetest.Bed, s *storage.Store, user string) func() error {
			p := create(t, s, user)
			return func() error { _, err := s.DeleteBlobs(t.Context(), user, p.ID, ""); return err }
		},
		"Commit": func(t *testing.T, _ *storagetest.Bed, s *storage.Store, user string) func() error {
			u, photos := upload(t, s, user)
			return func() error { _, _, err := u.Commit(t.Context(), newPersona(photos[0])); return err } // the other one is removed
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := storagetest.NewBed(t)
			slow := newGate(storagetest.DeleteBlob)
			b.Bucket = storagetest.Intercept(b.Bucket, slow.pass)
			s := openWith(t, b, url.Values{"pool_max_conns": {"1"}})
			user := uuid.NewString()
			run := start(t, b, s, user)
			var running errgroup.Group
			running.Go(run)
			<-slow.reached

			s.SetAcquireTimeout(10 * time.Second)
			_, _, err := s.Personas(t.Context(), uuid.NewString(), 1, 0)
			require.NoError(t, err, "the only connection is free")
			require.Zero(t, count(t, b.Owner, `
SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE a.datname = current_database() AND a.usename = 'persona_app' AND a.state LIKE 'idle in transaction%'`))
			close(slow.open)
			require.NoError(t, running.Wait())
			if !strings.HasPrefix(name, "Commit") && name != "DeleteBlobs" {
				require.Empty(t, files(t, b.BucketDir))
				require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM outbox WHERE kind = 'discard-upload'`))
			}
		})
	}
}

// While the photos of an upload are removed, it cannot become a persona. Two removals at once do not disturb each other.
func TestAnUploadThatIsBeingDiscardedCannotBeCommitted(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	u, photos := upload(t, b.Store, uuid.NewString())
	_, err := b.Owner.Exec(t.Context(), `UPDATE outbox SET next_at = now()`)
	require.NoError(t, err)
	slow := newGate(storagetest.DeleteBlob)
	b.Bucket = storagetest.Intercept(b.Bucket, slow.pass)
	relay := b.Reopen(t)
	var relaying errgroup.Group
	relaying.Go(func() error {
		_, err := relay.DeliverDue(t.Context(), 1, nil)
		return err
	})
	<-slow.reached

	_, _, err = u.Commit(t.Context(), newPersona(photos...))
	require.ErrorIs(t, err, storage.ErrConflict)
	_, err = u.WritePhoto(t.Context(), uuid.NewString(), strings.NewReader("late"))
	require.ErrorIs(t, err, storage.ErrConflict)
	require.NoError(t, u.Discard(t.Context()))
	require.Empty(t, files(t, b.BucketDir))
	close(slow.open)
	require.NoError(t, relaying.Wait())
	require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM personas`))
	require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM outbox`))
}

// The bucket fails, or the process dies, after an upload was closed: it stays closed, and the relay removes its photos.
func TestADiscardThatFailsIsFinishedByTheRelay(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	broken := newGate(storagetest.DeleteBlob)
	broken.err = syscall.EIO
	whole := b.Bucket
	b.Bucket = storagetest.Intercept(b.Bucket, broken.pass)
	s := b.Reopen(t)
	u, photos := upload(t, s, uuid.NewString())
	var discarding errgroup.Group
	discarding.Go(func() error { return u.Discard(t.Context()) })
	<-broken.reached
	close(broken.open)
	requireUnavailable(t, discarding.Wait(), "Discard")
	_, _, err := u.Commit(t.Context(), newPersona(photos...))
	require.ErrorIs(t, err, storage.ErrConflict)
	require.Equal(t, 1, count(t, b.Owner, `
SELECT count(*) FROM outbox WHERE kind = 'discard-upload' AND next_at BETWEEN now() AND now() + interval '1 minute'`),
		"it becomes due soon, not in an hour")

	_, err = b.Owner.Exec(t.Context(), `UPDATE outbox SET next_at = now()`)
	require.NoError(t, err)
	b.Bucket = whole
	n, err := b.Reopen(t).DeliverDue(t.Context(), 10, nil)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Empty(t, files(t, b.BucketDir))
	require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM outbox`))
}

// The row of a relay that dies during a delivery becomes due again. A relay that was only slow does not delete a row that another
// one has claimed since.
func TestAClaimExpires(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	p := create(t, b.Store, uuid.NewString())
	deliveries := 0
	none := func(context.Context, storage.Outbox) error { deliveries++; return nil }
	n, err := b.Store.DeliverDue(t.Context(), 1, func(ctx context.Context, o storage.Outbox) error {
		deadline, ok := ctx.Deadline()
		require.True(t, ok, "a delivery has a deadline")
		var claimed time.Time
		require.NoError(t, b.Owner.QueryRow(ctx, `SELECT next_at FROM outbox WHERE id = $1`, o.ID).Scan(&claimed))
		require.True(t, deadline.Before(claimed), "which comes before the claim ends")
		found, err := b.Store.DeliverDue(ctx, 10, none)
		require.NoError(t, err)
		require.Zero(t, found, "nobody else delivers a claimed row")

		_, err = b.Owner.Exec(ctx, `UPDATE outbox SET next_at = now()`) // the claim has expired
		require.NoError(t, err)
		found, err = b.Store.DeliverDue(ctx, 10, func(ctx context.Context, _ storage.Outbox) error {
			deliveries++
			return errors.New("not now")
		})
		require.ErrorContains(t, err, "not now")
		require.Zero(t, found)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, 1, deliveries)
	require.Equal(t, 1, count(t, b.Owner, `SELECT count(*) FROM outbox WHERE persona_id = $1 AND attempts = 2`, p.ID),
		"the first delivery ended after its claim, so the row is left to the second")
}

// A full disk is persona.Unavailable, not an internal error.
func TestAFullDiskIsUnavailable(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	full := false
	b.Bucket = storagetest.Intercept(b.Bucket, func(_ context.Context, op storagetest.Operation, key string) error {
		if full && op == storagetest.WriteBlob {
			return fmt.Errorf("write /blobs/%s: %w", key, syscall.ENOSPC)
		}
		return nil
	})
	s := b.Reopen(t)
	require.NoError(t, b.Reopen(t).Ping(t.Context()))
	p := create(t, s, uuid.NewString())
	u, _ := upload(t, s, p.UserID)
	before := files(t, b.BucketDir)

	full = true
	_, err := u.WritePhoto(t.Context(), uuid.NewString(), strings.NewReader("photo"))
	requireUnavailable(t, err, "WritePhoto")
	_, err = s.WritePhotoBlob(t.Context(), p.UserID, p.ID, uuid.NewString(), strings.NewReader(strings.Repeat("photo", 100_000)))
	requireUnavailable(t, err, "WritePhotoBlob")
	requireUnavailable(t, s.Ping(t.Context()), "Ping")
	require.Equal(t, before, files(t, b.BucketDir))
}
