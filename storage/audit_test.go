package storage_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

func TestTheAuditLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	user := uuid.NewString()
	require.NoError(t, b.Store.Audit(t.Context(), user, storage.AuditEntry{Action: "something.done"}))
	for _, sql := range []string{
		`UPDATE audit_log SET action = 'x'`, `UPDATE audit_log SET action = 'x' WHERE false`, `DELETE FROM audit_log`, `TRUNCATE audit_log`,
		`DELETE FROM audit_heads`, `TRUNCATE audit_heads`,
	} {
		_, err := b.Owner.Exec(t.Context(), sql)
		require.ErrorContains(t, err, "is append-only", "the owner: %s", sql)
		_, err = b.Owner.Exec(t.Context(), `SET session_replication_role = replica; `+sql)
		require.ErrorContains(t, err, "is append-only", "the owner, with triggers off: %s", sql)
		err = asApp(t, b.App, map[string]string{"persona.user": user}, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), sql)
			return err
		})
		require.Equal(t, "42501", sqlState(err), "the app: %s", sql)
	}
	err := asApp(t, b.App, map[string]string{"persona.duty": "verifier"}, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `
INSERT INTO audit_log (user_id, seq, at, action, detail, hash) VALUES ('x', 1, now(), 'x', '{}', sha256('x'))`)
		return err
	})
	require.Equal(t, "42501", sqlState(err), "the verifier only reads")
}

func TestVerifyAuditFindsEveryKindOfBreak(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	_, err := b.Owner.Exec(t.Context(), `
ALTER TABLE audit_log DISABLE TRIGGER append_only; ALTER TABLE audit_heads DISABLE TRIGGER heads_stay`)
	require.NoError(t, err)
	var whole string
	for _, test := range []struct{ says, sql string }{
		{"", ``},
		{"entry 2 of user U was changed or put in", `UPDATE audit_log SET action = 'other' WHERE seq = 2 AND user_id = 'U'`},
		{"entry 2 of user U was changed or put in", `UPDATE audit_log SET detail = '{"n": 2}' WHERE seq = 2 AND user_id = 'U'`},
		{
			"entry 5 of user U was changed or put in",
			`UPDATE audit_log SET at = at + interval '1 microsecond' WHERE seq = 5 AND user_id = 'U'`,
		},
		{
			"entry 1 of user U was changed or put in",
			`UPDATE audit_log SET persona_id = gen_random_uuid() WHERE seq = 1 AND user_id = 'U'`,
		},
		{"entries 3 to 3 of user U were removed", `DELETE FROM audit_log WHERE seq = 3 AND user_id = 'U'`},
		{"entries 1 to 2 of user U were removed", `DELETE FROM audit_log WHERE seq <= 2 AND user_id = 'U'`},
		{"entries 4 to 5 of user U were removed", `DELETE FROM audit_log WHERE seq >= 4 AND user_id = 'U'`},
		{"entries 1 to 5 of user U were removed", `DELETE FROM audit_log WHERE user_id = 'U'`},
		{
			"entries 6 to 6 of user U were put in",
			`INSERT INTO audit_log SELECT user_id, 6, at, action, persona_id, detail, hash FROM audit_log WHERE seq = 5 AND user_id = 'U'`,
		},
		{
			"entry 4 of user U was changed or put in",
			`DELETE FROM audit_log WHERE seq = 4 AND user_id = 'U';
INSERT INTO audit_log SELECT user_id, 4, at, 'put in', persona_id, detail, hash FROM audit_log WHERE seq = 3 AND user_id = 'U'`,
		},
		{"the last entry, 5, of user U was changed", `UPDATE audit_heads SET hash = sha256('x') WHERE user_id = 'U'`},
		{"the chain of user U has no head", `DELETE FROM audit_heads WHERE user_id = 'U'`},
	} {
		user := uuid.NewString()
		for i := range 5 {
			entry := storage.AuditEntry{Action: "thing.done", Detail: map[string]any{"n": i, "ä": "ü"}}
			require.NoError(t, b.Store.Audit(t.Context(), user, entry))
		}
		_, err := b.Owner.Exec(t.Context(), strings.ReplaceAll(test.sql, "'U'", "'"+user+"'"))
		require.NoError(t, err)
		result, err := b.Store.VerifyAudit(t.Context())
		require.NoError(t, err)
		if test.says == "" {
			whole = user
			continue
		}
		require.Contains(t, result.Broken, strings.ReplaceAll(test.says, "user U", "user "+user))
	}
	result, err := b.Store.VerifyAudit(t.Context())
	require.NoError(t, err)
	require.Equal(t, 12, result.Users, "13, and one has no entry left")
	require.NotContains(t, strings.Join(result.Broken, " "), whole, "a chain that holds is not named")
}

func TestEntriesWrittenAtOnceMakeOneChain(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	users := []string{uuid.NewString(), uuid.NewString()}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			_ = s.Audit(t.Context(), users[i%2], storage.AuditEntry{Action: "thing.done", Detail: map[string]any{"i": i}})
		})
	}
	wg.Wait()
	result, err := s.VerifyAudit(t.Context())
	require.NoError(t, err)
	require.Equal(t, storage.AuditResult{Users: 2, Entries: 40}, result)

	newest, err := s.AuditLog(t.Context(), users[0], 5, 0)
	require.NoError(t, err)
	require.Len(t, newest, 5)
	require.EqualValues(t, 20, newest[0].Seq)
	older, err := s.AuditLog(t.Context(), users[0], 100, newest[4].Seq)
	require.NoError(t, err)
	require.Len(t, older, 15)
	require.EqualValues(t, 15, older[0].Seq)
}

func TestEveryReadIsInTheLog(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	p := create(t, s, uuid.NewString())
	for name, action := range map[string]string{
		"photos/1": "photo.read", "prepared/1/0": "photo.read", "samples/1": "sample.read", "model/1": "model.read",
		"measures/1": "data.read",
	} {
		path := "personas/" + p.ID + "/" + name
		_, err := s.WriteBlob(t.Context(), p.UserID, p.ID, path, strings.NewReader("x"))
		require.NoError(t, err)
		_, err = read(t, s, p.UserID, p.ID, path)
		require.NoError(t, err)
		entries, err := s.AuditLog(t.Context(), p.UserID, 1, 0)
		require.NoError(t, err)
		require.Equal(t, action, entries[0].Action)
		require.Equal(t, p.ID, entries[0].PersonaID)
		require.Equal(t, map[string]any{"blob": name}, entries[0].Detail)
	}
}

func TestAnEntryIsWrittenWithWhatItTellsOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	p := create(t, b.Store, uuid.NewString())
	before := count(t, b.Owner, `SELECT count(*) FROM audit_log`)
	err := b.Store.FailVersion(t.Context(), p.UserID, p.ID, 1, "failed", storage.Failure{Code: "training_failed"})
	require.NoError(t, err)
	require.Equal(t, before+1, count(t, b.Owner, `SELECT count(*) FROM audit_log`))
	require.ErrorIs(t, b.Store.Activate(t.Context(), p.UserID, p.ID, 1, model(p)), storage.ErrConflict)
	require.Equal(t, before+1, count(t, b.Owner, `SELECT count(*) FROM audit_log`))

	for _, bad := range []storage.AuditEntry{
		{},
		{Action: "x", PersonaID: "no uuid"},
		{Action: "x", Detail: map[string]any{"long": strings.Repeat("x", 2000)}},
		{Action: "x", Detail: map[string]any{"f": func() {}}},
	} {
		require.Error(t, b.Store.Audit(t.Context(), p.UserID, bad))
	}
	require.Error(t, b.Store.Audit(t.Context(), "", storage.AuditEntry{Action: "x"}))
}

// A user's transactions take the end of the chain last, so they never wait for each other in a circle.
func TestWorkAtOnceDoesNotDeadlock(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	p := create(t, s, uuid.NewString())
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	try := func(fn func(ctx context.Context) error) { wg.Go(func() { errs <- fn(t.Context()) }) }
	for i := range 10 {
		try(func(ctx context.Context) error { return s.Activate(ctx, p.UserID, p.ID, 1, model(p)) })
		try(func(ctx context.Context) error {
			return s.Audit(ctx, p.UserID, storage.AuditEntry{Action: fmt.Sprintf("thing.%d", i), PersonaID: p.ID})
		})
		try(func(ctx context.Context) error {
			return s.SetProgress(ctx, p.UserID, p.ID, 1, storage.Progress{Stage: "training", Percent: i})
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	result, err := s.VerifyAudit(t.Context())
	require.NoError(t, err)
	require.Empty(t, result.Broken)
}
