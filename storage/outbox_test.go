package storage_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/storage"
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
