package storage_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/audit"
	"github.com/inflio/persona/storage/storagetest"
	"github.com/inflio/persona/storage/vault"
)

// mentions lists the tables that contain a text in any column.
func mentions(t *testing.T, b *storagetest.Bed, text string) []string {
	t.Helper()
	var found []string
	for _, table := range tables(t, b) {
		if count(t, b.Owner, `SELECT count(*) FROM `+pgx.Identifier{table}.Sanitize()+` x WHERE to_jsonb(x)::text LIKE '%' || $1 || '%'`, text) > 0 {
			found = append(found, table)
		}
	}
	return found
}

func TestAPersonasErasure(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s, ctx := b.Store, t.Context()
	p := create(t, s, uuid.NewString())
	kept := create(t, s, p.UserID)
	createJob(t, s, p)
	addGeneration(t, b, p)
	path := vault.SamplePath(p.ID, 1, "a")
	_, err := s.WriteBlob(ctx, p.UserID, p.ID, path, strings.NewReader("x"))
	require.NoError(t, err)

	ids := make([]string, 5)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			if e, err := s.RequestErasure(ctx, p.UserID, p.ID); err == nil {
				ids[i] = e.ID
			}
		})
	}
	wg.Wait()
	require.NotEmpty(t, ids[0])
	for _, id := range ids {
		require.Equal(t, ids[0], id, "asked five times, one erasure")
	}
	got, err := s.Persona(ctx, p.UserID, p.ID)
	require.NoError(t, err)
	require.Equal(t, persona.StatusErasing, got.Status)
	var orders []storage.Outbox
	_, err = s.DeliverDue(ctx, 10, func(_ context.Context, o storage.Outbox) error {
		orders = append(orders, o)
		return nil
	})
	require.NoError(t, err)
	require.Len(t, orders, 2, "the other persona's training, and the erasure: what is erased is not trained")
	require.Equal(t, storage.OutboxErasePersona, orders[1].Kind)
	require.Equal(t, ids[0], orders[1].ErasureID)
	require.Empty(t, orders[1].PersonaID)

	e, err := s.ErasureForWorker(ctx, ids[0])
	require.NoError(t, err)
	require.Equal(t, p.ID, e.PersonaID)
	require.Equal(t, p.UserID, e.UserID)
	require.Equal(t, storage.ErasureRunning, e.Status)
	_, err = s.ErasureForWorker(ctx, uuid.NewString())
	require.ErrorIs(t, err, storage.ErrNotFound)

	left, err := s.Leftovers(ctx, e.ID)
	require.NoError(t, err)
	require.Equal(t, []string{
		"data_keys", "generations", "links", "persona_consents", "persona_images", "persona_training_jobs",
		"persona_versions", "personas", "blobs",
	}, left)

	blobs, err := s.DeleteBlobs(ctx, e.UserID, e.PersonaID, "")
	require.NoError(t, err)
	require.Equal(t, 3, blobs)
	require.NoError(t, s.StepDone(ctx, e.ID, "blobs", blobs))
	require.NoError(t, s.StepDone(ctx, e.ID, "blobs", 0))
	require.NoError(t, s.DestroyKey(ctx, e.ID))
	require.NoError(t, s.DestroyKey(ctx, e.ID))
	rows, err := s.EraseRows(ctx, e.ID)
	require.NoError(t, err)
	require.Equal(t, 8, rows, "persona, version, two photos, consent, job, generation, link")
	rows, err = s.EraseRows(ctx, e.ID)
	require.NoError(t, err)
	require.Zero(t, rows)
	require.NoError(t, s.StepDone(ctx, e.ID, "rows", 8))
	blobs, err = s.DeleteBlobs(ctx, e.UserID, e.PersonaID, "")
	require.NoError(t, err, "also after the rows are gone")
	require.Zero(t, blobs)
	left, err = s.Leftovers(ctx, e.ID)
	require.NoError(t, err)
	require.Empty(t, left)
	for range 2 {
		require.NoError(t, s.CompleteErasure(ctx, e.ID, json.RawMessage(`{"blobs": 3}`)))
	}

	e, err = s.Erasure(ctx, p.UserID, e.ID)
	require.NoError(t, err)
	require.Equal(t, storage.ErasureCompleted, e.Status)
	require.JSONEq(t, `{"blobs": 3}`, string(e.Certificate))
	require.NotNil(t, e.CompletedAt)
	require.Len(t, e.Steps, 2)
	require.Equal(t, 3, e.Steps[0].Count, "a step done again keeps its count")
	again, err := s.RequestErasure(ctx, p.UserID, p.ID)
	require.NoError(t, err)
	require.Equal(t, e, again)

	require.Equal(t, []string{"audit_log", "erasures"}, mentions(t, b, p.ID))
	require.NotContains(t, strings.Join(files(t, b.BucketDir), " "), p.ID)
	_, err = s.Persona(ctx, p.UserID, p.ID)
	require.ErrorIs(t, err, storage.ErrNotFound)
	_, err = s.Persona(ctx, kept.UserID, kept.ID)
	require.NoError(t, err, "the other one stays")
	result, err := s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.Empty(t, result.Broken)
	entries, err := s.AuditLog(ctx, p.UserID, 3, 0)
	require.NoError(t, err)
	require.Equal(t, audit.PersonaErased, entries[0].Action)
	require.Equal(t, audit.KeyDestroyed, entries[1].Action)
	require.Equal(t, audit.PersonaErasureRequested, entries[2].Action)
}

// A repeated request starts the work of an erasure that has stopped.
func TestARepeatedRequestOrdersTheWorkAgain(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s, ctx := b.Store, t.Context()
	p := create(t, s, uuid.NewString())
	_, err := s.DeliverDue(ctx, 10, func(context.Context, storage.Outbox) error { return nil })
	require.NoError(t, err)
	other := uuid.NewString()
	for name, c := range map[string]struct {
		kind    string
		request func() (storage.Erasure, error)
	}{
		"persona": {storage.OutboxErasePersona, func() (storage.Erasure, error) { return s.RequestErasure(ctx, p.UserID, p.ID) }},
		"user":    {storage.OutboxEraseUser, func() (storage.Erasure, error) { return s.RequestUserErasure(ctx, other) }},
	} {
		var first storage.Erasure
		for range 2 { // the second time the row was delivered
			for range 2 { // the second time the row is still there
				e, err := c.request()
				require.NoError(t, err)
				if first.ID == "" {
					first = e
				}
				require.Equal(t, first, e)
			}
			var orders []storage.Outbox
			_, err := s.DeliverDue(ctx, 10, func(_ context.Context, o storage.Outbox) error {
				orders = append(orders, o)
				return nil
			})
			require.NoError(t, err)
			require.Len(t, orders, 1, name)
			require.Equal(t, c.kind, orders[0].Kind)
			require.Equal(t, first.ID, orders[0].ErasureID)
		}
		require.NoError(t, s.CompleteErasure(ctx, first.ID, json.RawMessage(`{}`)))
	}
	_, err = s.RequestErasure(ctx, p.UserID, p.ID)
	require.NoError(t, err)
	require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM outbox`), "what is completed needs no work")
	entries, err := s.AuditLog(ctx, p.UserID, 2, 0)
	require.NoError(t, err)
	require.Equal(t, audit.PersonaErasureRequested, entries[1].Action)
	require.Equal(t, audit.PersonaErased, entries[0].Action, "asking again is no new event")
}

func TestTheWorkerOpensOneErasureOnly(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	p := create(t, b.Store, uuid.NewString())
	e, err := b.Store.RequestErasure(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	_, err = b.Store.RequestErasure(t.Context(), p.UserID, create(t, b.Store, p.UserID).ID)
	require.NoError(t, err)
	require.NoError(t, asApp(t, b.App, map[string]string{"persona.erasure": e.ID}, func(tx pgx.Tx) error {
		for _, table := range tables(t, b) {
			if open[table] {
				continue
			}
			want := 0
			if table == "erasures" {
				want = 1
			}
			var n int
			require.NoError(t, tx.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n))
			require.Equal(t, want, n, table)
		}
		tag, err := tx.Exec(t.Context(), `UPDATE erasures SET status = 'completed', completed_at = now()`)
		require.NoError(t, err)
		require.Zero(t, tag.RowsAffected())
		return nil
	}))
}

// A new table is found by its column.
func TestLeftoversSearchTablesOfTheFuture(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	p := create(t, b.Store, uuid.NewString())
	e, err := b.Store.RequestErasure(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	_, err = b.Owner.Exec(t.Context(), `CREATE TABLE voices (persona_id uuid, sound text)`)
	require.NoError(t, err)
	_, err = b.Owner.Exec(t.Context(), `INSERT INTO voices VALUES ($1, 'hm')`, p.ID)
	require.NoError(t, err)
	_, err = b.Store.Leftovers(t.Context(), e.ID)
	require.ErrorContains(t, err, "42501", "it cannot look into the new table and says so")
	_, err = b.Owner.Exec(t.Context(), `GRANT SELECT, DELETE ON voices TO persona_app`)
	require.NoError(t, err)
	left, err := b.Store.Leftovers(t.Context(), e.ID)
	require.NoError(t, err)
	require.Contains(t, left, "voices")
	_, err = b.Store.EraseRows(t.Context(), e.ID)
	require.NoError(t, err)
	left, err = b.Store.Leftovers(t.Context(), e.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"blobs"}, left)
}

func TestAUsersErasure(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s, ctx, user := b.Store, t.Context(), uuid.NewString()
	first, second, stranger := create(t, s, user), create(t, s, user), create(t, s, uuid.NewString())
	late, photos := upload(t, s, user)
	asked, err := s.RequestErasure(ctx, user, first.ID)
	require.NoError(t, err)

	e, err := s.RequestUserErasure(ctx, user)
	require.NoError(t, err)
	again, err := s.RequestUserErasure(ctx, user)
	require.NoError(t, err)
	require.Equal(t, e, again)
	require.Empty(t, e.PersonaID)
	_, err = s.BeginUpload(ctx, user)
	requireErasing(t, err)
	_, _, err = late.Commit(ctx, newPersona(photos...))
	requireErasing(t, err)

	_, err = s.EraseRows(ctx, e.ID)
	require.ErrorIs(t, err, storage.ErrConflict, "each persona goes first")
	var children []storage.Erasure
	for range 2 {
		children, err = s.ChildErasures(ctx, e.ID)
		require.NoError(t, err)
		require.Len(t, children, 2)
	}
	require.Equal(t, asked.ID, children[0].ID, "the one that was asked for before is part of it")
	require.Equal(t, second.ID, children[1].PersonaID)
	of, err := s.ChildErasures(ctx, asked.ID)
	require.NoError(t, err)
	require.Empty(t, of)
	for _, child := range children {
		_, err := s.DeleteBlobs(ctx, user, child.PersonaID, "")
		require.NoError(t, err)
		require.NoError(t, s.DestroyKey(ctx, child.ID))
		_, err = s.EraseRows(ctx, child.ID)
		require.NoError(t, err)
		require.NoError(t, s.CompleteErasure(ctx, child.ID, json.RawMessage(`{}`)))
	}
	children, err = s.ChildErasures(ctx, e.ID)
	require.NoError(t, err)
	require.Len(t, children, 2, "also when they are completed")

	left, err := s.Leftovers(ctx, e.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"outbox"}, left)
	_, err = s.EraseRows(ctx, e.ID)
	require.NoError(t, err)
	require.NoError(t, s.DestroyKey(ctx, e.ID))
	left, err = s.Leftovers(ctx, e.ID)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, s.CompleteErasure(ctx, e.ID, json.RawMessage(`{}`)))

	require.Equal(t, []string{"audit_heads", "audit_log", "erasures"}, mentions(t, b, user))
	for _, id := range []string{first.ID, second.ID, late.PersonaID()} {
		require.NotContains(t, strings.Join(files(t, b.BucketDir), " "), id, "an unfinished upload goes too")
	}
	_, err = s.Persona(ctx, stranger.UserID, stranger.ID)
	require.NoError(t, err)
	create(t, s, user) // who was erased may begin anew
}
