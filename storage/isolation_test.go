package storage_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

// open are the tables that hold no person's data.
var open = map[string]bool{"goose_db_version": true, "training_durations": true}

func tables(t *testing.T, b *storagetest.Bed) []string {
	t.Helper()
	rows, err := b.Owner.Query(t.Context(), `
SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace ORDER BY relname`)
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return names
}

func TestEveryTableOfAPersonForcesRowSecurity(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	for _, table := range tables(t, b) {
		var forced, owned bool
		require.NoError(t, b.Owner.QueryRow(t.Context(), `
SELECT relrowsecurity AND relforcerowsecurity, EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'user_id')
FROM pg_class c WHERE oid = $1::regclass`, table).Scan(&forced, &owned))
		require.Equal(t, !open[table], forced, "row security of %s", table)
		require.Equal(t, !open[table], owned, "user_id of %s", table)
	}
}

// fill makes a persona with a row in every table.
func fill(t *testing.T, b *storagetest.Bed, user string) storage.Persona {
	t.Helper()
	u, photos := upload(t, b.Store, user)
	n := newPersona(photos...)
	n.IdempotencyKey, n.Fingerprint = "key", "print"
	p, _, err := u.Commit(t.Context(), n)
	require.NoError(t, err)
	job := createJob(t, b.Store, p)
	_, err = b.Store.EnsurePicture(t.Context(), user, job.ID, "k", 1, endpoint)
	require.NoError(t, err)
	addGeneration(t, b, p)
	eraseBought(t, b.Store, user)
	_, err = b.Store.RequestErasure(t.Context(), user, create(t, b.Store, user).ID)
	require.NoError(t, err)
	return p
}

// eraseBought erases a persona whose purchase is not settled, and returns the erasure and the job's id.
func eraseBought(t *testing.T, s *storage.Store, user string) (storage.Erasure, string) {
	t.Helper()
	p := create(t, s, user)
	job := createJob(t, s, p)
	_, err := s.BeginSubmit(t.Context(), user, job.ID)
	require.NoError(t, err)
	e, err := s.RequestErasure(t.Context(), user, p.ID)
	require.NoError(t, err)
	_, err = s.EraseRows(t.Context(), e.ID)
	require.NoError(t, err)
	return e, job.ID
}

// addGeneration makes a generated picture and a link to it.
func addGeneration(t *testing.T, b *storagetest.Bed, p storage.Persona) {
	t.Helper()
	_, err := b.Owner.Exec(t.Context(), `
WITH made AS (
    INSERT INTO generations (persona_id, user_id, version, prompt_path, blend_strength) VALUES ($1, $2, 1, 'personas/x', 0.5)
    RETURNING id)
INSERT INTO links (persona_id, user_id, generation_id, token_hash, expires_at)
SELECT $1, $2, id, sha256($3::text::bytea), now() FROM made`, p.ID, p.UserID, p.ID)
	require.NoError(t, err)
}

func TestAnotherUsersRowsAreInvisibleAndUnwritable(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	anna, boris := uuid.NewString(), uuid.NewString()
	fill(t, b, anna)
	create(t, b.Store, boris)

	for _, table := range tables(t, b) {
		if open[table] {
			continue
		}
		name := pgx.Identifier{table}.Sanitize()
		var row string
		require.NoError(t, b.Owner.QueryRow(t.Context(),
			fmt.Sprintf(`SELECT to_jsonb(x)::text FROM %s x WHERE user_id = $1 LIMIT 1`, name), anna).Scan(&row),
			"%s has a row to look for", table)

		for _, settings := range []map[string]string{nil, {"persona.user": ""}, {"persona.user": boris}} {
			run := func(sql string, args ...any) (rows int64, err error) {
				err = asApp(t, b.App, settings, func(tx pgx.Tx) error {
					tag, err := tx.Exec(t.Context(), sql, args...)
					rows = tag.RowsAffected()
					return err
				})
				return rows, err
			}
			rows, err := run(`SELECT FROM `+name+` WHERE user_id = $1`, anna)
			require.NoError(t, err)
			require.Zero(t, rows, "%s shows rows to %v", table, settings)

			for _, sql := range []string{`UPDATE ` + name + ` SET user_id = user_id WHERE user_id = $1`, `DELETE FROM ` + name + ` WHERE user_id = $1`} {
				rows, err := run(sql, anna)
				if err != nil {
					require.Equal(t, "42501", sqlState(err), "%s: %v", sql, err) // not granted at all
				}
				require.Zero(t, rows, sql)
			}

			insert := fmt.Sprintf(`INSERT INTO %[1]s OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_record(NULL::%[1]s, $1)`, name)
			_, err = run(insert, row)
			require.Equal(t, "42501", sqlState(err), "insert another user's row into %s: %v", table, err)
		}
	}
}

func TestARowCannotHangOnAnotherUsersPersona(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	anna := create(t, b.Store, uuid.NewString())
	boris := uuid.NewString()
	for _, sql := range []string{
		`INSERT INTO persona_images (persona_id, user_id, position, url) VALUES ($1, $2, 9, '')`,
		`INSERT INTO persona_versions (persona_id, user_id, number, tier, config) VALUES ($1, $2, 9, 'basic', '{}')`,
		`INSERT INTO persona_training_jobs (persona_id, user_id, version, endpoint, config) VALUES ($1, $2, 1, 'x', '{}')`,
		`INSERT INTO persona_consents SELECT gen_random_uuid(), $1, $2, true, true, true, true, true, true, true, 0, now(), '', ''`,
		`INSERT INTO generations (persona_id, user_id, version, prompt_path, blend_strength) VALUES ($1, $2, 1, '', 0)`,
		`INSERT INTO idempotency_keys (persona_id, user_id, key_hash, fingerprint) VALUES ($1, $2, sha256('x'), '')`,
		`INSERT INTO links (persona_id, user_id, generation_id, token_hash, expires_at) VALUES ($1, $2, gen_random_uuid(), sha256('x'), now())`,
	} {
		err := asApp(t, b.App, map[string]string{"persona.user": boris}, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), sql, anna.ID, boris)
			return err
		})
		require.Equal(t, "23503", sqlState(err), "%s: %v", sql, err)
	}
}

// A duty makes only the tables visible that it needs.
func TestDutiesAreNarrow(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	fill(t, b, uuid.NewString())
	for duty, opened := range map[string][]string{
		"relay": {"outbox"}, "verifier": {"audit_heads", "audit_log"}, "anything": nil, "": nil,
	} {
		require.NoError(t, asApp(t, b.App, map[string]string{"persona.duty": duty}, func(tx pgx.Tx) error {
			var seen []string
			for _, table := range tables(t, b) {
				var some bool
				if err := tx.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM `+table+`)`).Scan(&some); err != nil {
					return err
				}
				if some && !open[table] {
					seen = append(seen, table)
				}
			}
			require.Equal(t, opened, seen, "as %q", duty)
			return nil
		}))
	}
}

// For another user, every method that takes a persona's id behaves as if the persona did not exist.
func TestAnotherUsersPersonaDoesNotExist(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	ctx := t.Context()
	anna, boris := create(t, s, uuid.NewString()), uuid.NewString()
	job := createJob(t, s, anna)
	photos, err := s.Photos(ctx, anna.UserID, anna.ID)
	require.NoError(t, err)
	erasing := create(t, s, anna.UserID)
	erasure, err := s.RequestErasure(ctx, anna.UserID, erasing.ID)
	require.NoError(t, err)

	type ids struct{ persona, photo, job, erasure string }
	for _, id := range []ids{
		{anna.ID, photos[0].ID, job.ID, erasure.ID},
		{uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString()},
		{"no uuid", "no uuid", "no uuid", "no uuid"},
	} {
		path := "personas/" + id.persona + "/photos/" + id.photo
		for name, call := range map[string]func() error{
			"Persona":       func() error { _, err := s.Persona(ctx, boris, id.persona); return err },
			"Version":       func() error { _, err := s.Version(ctx, boris, id.persona, 1); return err },
			"Versions":      func() error { _, err := s.Versions(ctx, boris, id.persona); return err },
			"Consent":       func() error { _, _, err := s.Consent(ctx, boris, id.persona); return err },
			"Photo":         func() error { _, err := s.Photo(ctx, boris, id.persona, id.photo); return err },
			"SavePhoto":     func() error { return s.SavePhoto(ctx, boris, id.persona, storage.Photo{ID: id.photo}) },
			"SaveChoices":   func() error { return s.SaveChoices(ctx, boris, id.persona, 1, nil, nil) },
			"SetProgress":   func() error { return s.SetProgress(ctx, boris, id.persona, 1, storage.Progress{Stage: "training"}) },
			"FailVersion":   func() error { return s.FailVersion(ctx, boris, id.persona, 1, "failed", storage.Failure{}) },
			"SaveSamples":   func() error { return s.SaveSamples(ctx, boris, id.persona, 1, nil, nil, nil, nil) },
			"Activate":      func() error { return s.Activate(ctx, boris, id.persona, 1, storage.Model{}) },
			"EnsureJob":     func() error { _, err := s.EnsureJob(ctx, boris, id.persona, 1, "", anna.Latest.Config); return err },
			"Job":           func() error { _, err := s.Job(ctx, boris, id.job); return err },
			"SetDataset":    func() error { _, err := s.SetDataset(ctx, boris, id.job, "x"); return err },
			"PlaceDataset":  func() error { return s.PlaceDataset(ctx, boris, id.job, "x") },
			"QueueClean":    func() error { return s.QueueJobCleaning(ctx, boris, id.job) },
			"EnsurePicture": func() error { _, err := s.EnsurePicture(ctx, boris, id.job, "k", 1, "e"); return err },
			"MarkCleaned":   func() error { return s.MarkCleaned(ctx, boris, id.job) },
			"BeginSubmit":   func() error { _, err := s.BeginSubmit(ctx, boris, id.job); return err },
			"MoveJob": func() error {
				_, err := s.MoveJob(ctx, boris, id.job, "queued", "sender", storage.JobChange{})
				return err
			},
			"WriteBlob":    func() error { _, err := s.WriteBlob(ctx, boris, id.persona, path, nil); return err },
			"WritePhoto":   func() error { _, err := s.WritePhotoBlob(ctx, boris, id.persona, id.photo, nil); return err },
			"OpenBlob":     func() error { _, err := s.OpenBlob(ctx, boris, id.persona, path); return err },
			"DeleteBlobs":  func() error { _, err := s.DeleteBlobs(ctx, boris, id.persona, ""); return err },
			"RequestErase": func() error { _, err := s.RequestErasure(ctx, boris, id.persona); return err },
			"Erasure":      func() error { _, err := s.Erasure(ctx, boris, id.erasure); return err },
		} {
			require.ErrorIs(t, call(), storage.ErrNotFound, "%s of %v", name, id)
		}
		if photos, err := s.Photos(ctx, boris, id.persona); err == nil {
			require.Empty(t, photos)
		}
		if jobs, err := s.JobsOf(ctx, boris, id.persona); err == nil {
			require.Empty(t, jobs)
		}
	}
	page, total, err := s.Personas(ctx, boris, 10, 0)
	require.NoError(t, err)
	require.Zero(t, total)
	require.Empty(t, page)
	entries, err := s.AuditLog(ctx, boris, 100, 0)
	require.NoError(t, err)
	require.Empty(t, entries, "a look at what is not there says nothing")
}
