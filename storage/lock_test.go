package storage_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/audit"
	"github.com/inflio/persona/storage/storagetest"
)

// requireNoDeadlock closes the store and asks the server, because the store hides a deadlock by running a transaction again. A
// session reports what it counted before it is gone.
func requireNoDeadlock(t *testing.T, b *storagetest.Bed) {
	t.Helper()
	b.Store.Close()
	b.App.Close()
	require.Eventually(t, func() bool {
		return count(t, b.Owner, `
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'persona_app'`) == 0
	}, 10*time.Second, 5*time.Millisecond)
	require.Zero(t, count(t, b.Owner, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`))
}

// hold runs a statement in a transaction of the owner, which keeps its locks until release is called or the test ends.
func hold(t *testing.T, b *storagetest.Bed, sql string, args ...any) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), b.OwnerURL)
	require.NoError(t, err)
	release = sync.OnceFunc(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	t.Cleanup(release)
	_, err = conn.Exec(t.Context(), `BEGIN`)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
	return release
}

// locksWaited returns when n sessions of the app wait for a lock.
func locksWaited(t *testing.T, b *storagetest.Bed, n int) {
	t.Helper()
	require.Eventually(t, func() bool {
		return count(t, b.Owner, `
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND usename = 'persona_app' AND wait_event_type = 'Lock'`) == n
	}, 10*time.Second, 5*time.Millisecond)
}

// EraseRows of a persona is stopped in the middle; then ChildErasures of its user comes, and both go on.
func TestErasuresOfAUserAndOfAPersonaAtOnce(t *testing.T) {
	t.Parallel()
	for name, held := range map[string]string{
		"at the key":     `SELECT FROM data_keys WHERE persona_id = $1 FOR UPDATE`,
		"at the version": `SELECT FROM persona_versions WHERE persona_id = $1 FOR UPDATE`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := storagetest.NewBed(t)
			s, ctx, user := b.Store, t.Context(), uuid.NewString()
			p := create(t, s, user)
			kept := create(t, s, user)
			child, err := s.RequestErasure(ctx, user, p.ID)
			require.NoError(t, err)
			parent, err := s.RequestUserErasure(ctx, user)
			require.NoError(t, err)

			release := hold(t, b, held, p.ID)
			var group errgroup.Group
			group.Go(func() error { _, err := s.EraseRows(ctx, child.ID); return err })
			locksWaited(t, b, 1)
			var children []storage.Erasure
			group.Go(func() (err error) { children, err = s.ChildErasures(ctx, parent.ID); return err })
			locksWaited(t, b, 2)
			release()
			require.NoError(t, group.Wait())

			// The erased persona was gone when ChildErasures got its lock, so its erasure is not part of the user's.
			require.Len(t, children, 1)
			require.Equal(t, kept.ID, children[0].PersonaID)
			requireNoDeadlock(t, b)
		})
	}
}

// Everything that changes a persona, at once and again and again.
func TestEverythingAtOnceDoesNotDeadlock(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s, ctx := b.Store, t.Context()
	deliver := func(context.Context, storage.Outbox) error { return nil }
	for range 4 {
		user := uuid.NewString()
		p, other := create(t, s, user), create(t, s, user)
		open, photos := upload(t, s, user)
		job := createJob(t, s, p)
		child, err := s.RequestErasure(ctx, user, other.ID)
		require.NoError(t, err)
		_, err = b.Owner.Exec(ctx, `INSERT INTO outbox (kind, user_id, persona_id) VALUES ('expire-consent', $1, $2)`, user, p.ID)
		require.NoError(t, err)
		var group errgroup.Group
		for _, call := range []func() error{
			func() error { _, err := s.RequestErasure(ctx, user, p.ID); return err },
			func() error {
				parent, err := s.RequestUserErasure(ctx, user)
				if err != nil {
					return err
				}
				for range 3 {
					children, err := s.ChildErasures(ctx, parent.ID)
					if err != nil {
						return err
					}
					for _, child := range children {
						if _, err := s.EraseRows(ctx, child.ID); err != nil {
							return err
						}
					}
				}
				_, err = s.EraseRows(ctx, parent.ID)
				return err
			},
			func() error { _, err := s.EraseRows(ctx, child.ID); return err },
			func() error { return s.DestroyKey(ctx, child.ID) },
			func() error { return s.StepDone(ctx, child.ID, "step", 1) },
			func() error { return s.CompleteErasure(ctx, child.ID, nil) },
			func() error { _, _, err := open.Commit(ctx, newPersona(photos...)); return err },
			func() error { return open.Discard(ctx) },
			func() error { _, err := s.DeliverDue(ctx, 10, deliver); return err },
			func() error { _, err := s.DeliverDue(ctx, 10, deliver); return err },
			func() error { return s.SetProgress(ctx, user, p.ID, 1, storage.Progress{Stage: persona.StageTraining}) },
			func() error {
				return s.SetProgress(ctx, user, other.ID, 1, storage.Progress{Stage: persona.StageTraining})
			},
			func() error { return s.SaveChoices(ctx, user, other.ID, 1, nil, nil) },
			func() error { return s.Activate(ctx, user, p.ID, 1, model(p)) },
			func() error { return s.FailVersion(ctx, user, other.ID, 1, persona.VersionFailed, storage.Failure{}) },
			func() error { _, err := s.BeginSubmit(ctx, user, job.ID); return err },
			func() error { return s.QueueJobCleaning(ctx, user, job.ID) },
			func() error { return s.Audit(ctx, user, audit.Entry{Action: audit.DataRead, Subject: "once"}) },
		} {
			group.Go(func() error {
				err := call()
				if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrConflict) ||
					persona.CodeOf(err) == persona.CodeBeingErased {
					return nil // the others were first
				}
				return err
			})
		}
		require.NoError(t, group.Wait())
	}
	result, err := s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.Empty(t, result.Broken)
	requireNoDeadlock(t, b)
}
