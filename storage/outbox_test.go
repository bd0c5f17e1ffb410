package storage_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/audit"
	"github.com/inflio/persona/storage/storagetest"
)

func TestARowStaysUntilItIsDelivered(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s := b.Store
	first, second := create(t, s, uuid.NewString()), create(t, s, uuid.NewString())
	down := errors.New("down")
	failing := func(_ context.Context, o storage.Outbox) error {
		if o.PersonaID == first.ID {
			return down
		}
		return nil
	}
	n, err := s.DeliverDue(t.Context(), 10, failing)
	require.ErrorIs(t, err, down)
	require.Equal(t, 1, n, "one failure does not hold up the others")
	require.Equal(t, 1, count(t, b.Owner, `SELECT count(*) FROM outbox WHERE persona_id = $1 AND attempts = 1 AND next_at > now()`, first.ID))
	require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM outbox WHERE persona_id = $1`, second.ID))

	n, err = s.DeliverDue(t.Context(), 10, failing)
	require.NoError(t, err)
	require.Zero(t, n, "it is put off")

	// Longer each time, but never for long.
	for range 12 {
		_, err = b.Owner.Exec(t.Context(), `UPDATE outbox SET next_at = now()`)
		require.NoError(t, err)
		_, err = s.DeliverDue(t.Context(), 10, failing)
		require.ErrorIs(t, err, down)
	}
	require.Equal(t, 300, count(t, b.Owner, `SELECT round(extract(epoch FROM next_at - now()) / 10)::int * 10 FROM outbox`))
	_, err = b.Owner.Exec(t.Context(), `UPDATE outbox SET next_at = now()`)
	require.NoError(t, err)
	n, err = s.DeliverDue(t.Context(), 10, func(context.Context, storage.Outbox) error { return nil })
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM outbox`))
}

func TestRelaysAtOnceShareTheWork(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	_, err := b.Owner.Exec(t.Context(), `
INSERT INTO outbox (kind, user_id, persona_id, version) SELECT 'train-persona', 'u', gen_random_uuid(), 1 FROM generate_series(1, 30)`)
	require.NoError(t, err)
	var mu sync.Mutex
	times := make(map[int64]int)
	var total atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			n, err := b.Store.DeliverDue(t.Context(), 100, func(_ context.Context, o storage.Outbox) error {
				mu.Lock()
				defer mu.Unlock()
				times[o.ID]++
				return nil
			})
			if err == nil {
				total.Add(int64(n))
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 30, total.Load())
	require.Len(t, times, 30)
}

func TestDeliverAtMost(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	for range 3 {
		create(t, s, uuid.NewString())
	}
	for _, want := range []int{2, 1, 0} {
		n, err := s.DeliverDue(t.Context(), 2, func(context.Context, storage.Outbox) error { return nil })
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
}

func TestAJobsCleaningIsOrderedOnce(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s := b.Store
	p := create(t, s, uuid.NewString())
	job := createJob(t, s, p)
	_, err := s.DeliverDue(t.Context(), 10, func(context.Context, storage.Outbox) error { return nil })
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() { _ = s.QueueJobCleaning(t.Context(), p.UserID, job.ID) })
	}
	wg.Wait()
	require.Equal(t, 1, count(t, b.Owner, `SELECT count(*) FROM outbox`))

	// Ordered during its delivery, it is delivered once more, because the delivery may have read the job already.
	var orders []storage.Outbox
	deliver := func(ctx context.Context, o storage.Outbox) error {
		orders = append(orders, o)
		if len(orders) == 1 {
			return s.QueueJobCleaning(ctx, p.UserID, job.ID)
		}
		return nil
	}
	n, err := s.DeliverDue(t.Context(), 1, deliver)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = s.DeliverDue(t.Context(), 10, deliver)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	for _, o := range orders {
		require.Equal(t, storage.OutboxCleanJob, o.Kind)
		require.Equal(t, job.ID, o.JobID)
		require.Equal(t, p.ID, o.PersonaID)
		require.Equal(t, p.UserID, o.UserID)
	}

	// It goes with its job.
	require.NoError(t, s.QueueJobCleaning(t.Context(), p.UserID, job.ID))
	e, err := s.RequestErasure(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	_, err = s.EraseRows(t.Context(), e.ID)
	require.NoError(t, err)
	require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM outbox WHERE kind = 'clean-job'`))
	require.ErrorIs(t, s.QueueJobCleaning(t.Context(), p.UserID, job.ID), storage.ErrNotFound)
}

func TestAConsentWithATimeLimitEndsInErasure(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s := b.Store
	commit := func(days int) storage.Persona {
		u, photos := upload(t, s, uuid.NewString())
		n := newPersona(photos...)
		n.Consent.Restrictions.TimeLimitDays = days
		p, _, err := u.Commit(t.Context(), n)
		require.NoError(t, err)
		return p
	}
	forever, limited, asked, gone := commit(0), commit(30), commit(30), commit(30)
	require.Equal(t, 3, count(t, b.Owner, `
SELECT count(*) FROM outbox WHERE kind = 'expire-consent' AND next_at BETWEEN now() + interval '29 days' AND now() + interval '31 days'`))
	before, err := s.RequestErasure(t.Context(), asked.UserID, asked.ID)
	require.NoError(t, err)
	e, err := s.RequestErasure(t.Context(), gone.UserID, gone.ID)
	require.NoError(t, err)
	_, err = s.EraseRows(t.Context(), e.ID)
	require.NoError(t, err)
	require.NoError(t, s.CompleteErasure(t.Context(), e.ID, nil))
	require.Equal(t, 2, count(t, b.Owner, `SELECT count(*) FROM outbox WHERE kind = 'expire-consent'`), "rows of the erased go")
	_, err = b.Owner.Exec(t.Context(), `
INSERT INTO outbox (kind, user_id, persona_id) VALUES ('expire-consent', $1, $2)`, gone.UserID, gone.ID) // as if it were left
	require.NoError(t, err)

	var erasing []string
	deliver := func(_ context.Context, o storage.Outbox) error {
		require.NotEqual(t, storage.OutboxExpireConsent, o.Kind)
		if o.Kind == storage.OutboxErasePersona {
			erasing = append(erasing, o.ErasureID)
		}
		return nil
	}
	_, err = s.DeliverDue(t.Context(), 100, deliver)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{before.ID, e.ID}, erasing)
	found, err := s.Persona(t.Context(), limited.UserID, limited.ID)
	require.NoError(t, err)
	require.Equal(t, persona.StatusPending, found.Status, "not yet")

	erasing = nil
	_, err = b.Owner.Exec(t.Context(), `UPDATE outbox SET next_at = now() - interval '1 second'`)
	require.NoError(t, err)
	_, err = s.DeliverDue(t.Context(), 100, deliver)
	require.NoError(t, err)
	require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM outbox`))
	found, err = s.Persona(t.Context(), limited.UserID, limited.ID)
	require.NoError(t, err)
	require.Equal(t, persona.StatusErasing, found.Status)
	made, err := s.RequestErasure(t.Context(), limited.UserID, limited.ID)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{before.ID, made.ID}, erasing)
	for user, want := range map[string]audit.Action{limited.UserID: audit.ConsentExpired, asked.UserID: audit.PersonaErasureRequested} {
		entries, err := s.AuditLog(t.Context(), user, 1, 0)
		require.NoError(t, err)
		require.Equal(t, want, entries[0].Action)
	}
	found, err = s.Persona(t.Context(), forever.UserID, forever.ID)
	require.NoError(t, err)
	require.Equal(t, persona.StatusPending, found.Status)
	result, err := s.VerifyAudit(t.Context())
	require.NoError(t, err)
	require.Empty(t, result.Broken)
}

// An expiry that fails is delivered again later, and its transaction leaves nothing.
func TestAnExpiryThatFailsComesAgain(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	p := create(t, b.Store, uuid.NewString())
	for _, sql := range []string{
		`CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$`,
		`CREATE TRIGGER broken BEFORE INSERT ON erasures FOR EACH ROW EXECUTE FUNCTION broken()`,
		`DELETE FROM outbox`,
		`INSERT INTO outbox (kind, user_id, persona_id) SELECT 'expire-consent', user_id, id FROM personas`,
	} {
		_, err := b.Owner.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	n, err := b.Store.DeliverDue(t.Context(), 10, func(context.Context, storage.Outbox) error { return nil })
	require.ErrorIs(t, err, storage.ErrRefused)
	require.ErrorContains(t, err, "expire-consent")
	require.Zero(t, n)
	require.Equal(t, 1, count(t, b.Owner, `SELECT count(*) FROM outbox WHERE attempts = 1 AND next_at > now()`))
	found, err := b.Store.Persona(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	require.Equal(t, persona.StatusPending, found.Status)
}

func TestExpiredIdempotencyKeysGo(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	deliver := func(context.Context, storage.Outbox) error { return nil }
	keys := func() int { return count(t, b.Owner, `SELECT count(*) FROM idempotency_keys`) }
	age := func() {
		_, err := b.Owner.Exec(t.Context(), `UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE fingerprint = 'old'`)
		require.NoError(t, err)
	}
	commit := func(fingerprint string) {
		u, photos := upload(t, b.Store, uuid.NewString())
		n := newPersona(photos...)
		n.IdempotencyKey, n.Fingerprint = "key", fingerprint
		_, _, err := u.Commit(t.Context(), n)
		require.NoError(t, err)
	}
	for _, fingerprint := range []string{"old", "old", "new"} {
		commit(fingerprint)
	}
	age()
	_, err := b.Store.DeliverDue(t.Context(), 10, deliver)
	require.NoError(t, err)
	require.Equal(t, 1, keys())

	commit("old")
	age()
	require.NoError(t, asApp(t, b.App, map[string]string{"persona.duty": "relay"}, func(tx pgx.Tx) error {
		var seen string
		require.NoError(t, tx.QueryRow(t.Context(), `SELECT string_agg(fingerprint, ' ') FROM idempotency_keys`).Scan(&seen))
		require.Equal(t, "old", seen, "the relay sees what has expired and no more")
		return nil
	}))
	_, err = b.Store.DeliverDue(t.Context(), 10, deliver)
	require.NoError(t, err)
	require.Equal(t, 2, keys(), "not at every call")
	_, err = b.Reopen(t).DeliverDue(t.Context(), 10, deliver)
	require.NoError(t, err)
	require.Equal(t, 1, keys())
}
