package storage_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/audit"
	"github.com/inflio/persona/storage/storagetest"
	"github.com/inflio/persona/storage/vault"
)

func TestTheAuditLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	user := uuid.NewString()
	require.NoError(t, b.Store.Audit(t.Context(), user, audit.Entry{Action: audit.PhotoRead}))
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
		{"entry 2 of user U was changed or inserted", `UPDATE audit_log SET action = 'other' WHERE seq = 2 AND user_id = 'U'`},
		{"entry 2 of user U was changed or inserted", `UPDATE audit_log SET detail = '{"n": 2}' WHERE seq = 2 AND user_id = 'U'`},
		{
			"entry 5 of user U was changed or inserted",
			`UPDATE audit_log SET at = at + interval '1 microsecond' WHERE seq = 5 AND user_id = 'U'`,
		},
		{
			"entry 1 of user U was changed or inserted",
			`UPDATE audit_log SET persona_id = gen_random_uuid() WHERE seq = 1 AND user_id = 'U'`,
		},
		{"entries 3 to 3 of user U were removed", `DELETE FROM audit_log WHERE seq = 3 AND user_id = 'U'`},
		{"entries 1 to 2 of user U were removed", `DELETE FROM audit_log WHERE seq <= 2 AND user_id = 'U'`},
		{"entries 4 to 5 of user U were removed", `DELETE FROM audit_log WHERE seq >= 4 AND user_id = 'U'`},
		{"entries 1 to 5 of user U were removed", `DELETE FROM audit_log WHERE user_id = 'U'`},
		{
			"entries 6 to 6 of user U were inserted",
			`INSERT INTO audit_log SELECT user_id, 6, at, action, persona_id, detail, hash FROM audit_log WHERE seq = 5 AND user_id = 'U'`,
		},
		{
			"entry 4 of user U was changed or inserted",
			`DELETE FROM audit_log WHERE seq = 4 AND user_id = 'U';
INSERT INTO audit_log SELECT user_id, 4, at, 'put in', persona_id, detail, hash FROM audit_log WHERE seq = 3 AND user_id = 'U'`,
		},
		{"entry 3 of user U was changed or inserted", `UPDATE audit_log SET subject = 'other' WHERE seq = 3 AND user_id = 'U'`},
		{"the last entry, 5, of user U was changed", `UPDATE audit_heads SET hash = sha256('x') WHERE user_id = 'U'`},
		{"the chain of user U has no head", `DELETE FROM audit_heads WHERE user_id = 'U'`},
	} {
		user := uuid.NewString()
		for i := range 5 {
			entry := audit.Entry{Action: audit.PhotoRead, Subject: strconv.Itoa(i), Detail: map[string]any{"n": i, "ä": "ü"}}
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
	require.Equal(t, 13, result.Users, "14, and one has no entry left")
	require.NotContains(t, strings.Join(result.Broken, " "), whole, "a chain that holds is not named")
}

func TestEntriesWrittenAtOnceMakeOneChain(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	users := []string{uuid.NewString(), uuid.NewString()}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			_ = s.Audit(t.Context(), users[i%2], audit.Entry{Action: audit.PhotoRead, Detail: map[string]any{"i": i}})
		})
	}
	wg.Wait()
	result, err := s.VerifyAudit(t.Context())
	require.NoError(t, err)
	require.Equal(t, audit.Result{Users: 2, Entries: 40}, result)

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
	for path, action := range map[string]audit.Action{
		vault.PhotoPath(p.ID, "1"): audit.PhotoRead, vault.PreparedPath(p.ID, "1", 0): audit.PhotoRead,
		vault.SamplePath(p.ID, 1, "a"): audit.SampleRead, vault.ModelPath(p.ID, 1): audit.ModelRead,
		vault.MeasuresPath(p.ID, "1"): audit.DataRead,
	} {
		_, err := s.WriteBlob(t.Context(), p.UserID, p.ID, path, strings.NewReader("x"))
		require.NoError(t, err)
		_, err = read(t, s, p.UserID, p.ID, path)
		require.NoError(t, err)
		entries, err := s.AuditLog(t.Context(), p.UserID, 1, 0)
		require.NoError(t, err)
		require.Equal(t, action, entries[0].Action)
		require.Equal(t, p.ID, entries[0].PersonaID)
		require.Equal(t, map[string]any{"blob": strings.TrimPrefix(path, vault.Folder(p.ID))}, entries[0].Detail)
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

	for says, bad := range map[string]audit.Entry{
		`the action "" is not in the list`:           {},
		`the action "photo.seen" is not in the list`: {Action: "photo.seen"},
		"the persona id is not a UUID":               {Action: audit.PhotoRead, PersonaID: "no uuid"},
		"has 2011 bytes, more than 1024":             {Action: audit.PhotoRead, Detail: map[string]any{"long": strings.Repeat("x", 2000)}},
		"json: unsupported type":                     {Action: audit.PhotoRead, Detail: map[string]any{"f": func() {}}},
	} {
		require.ErrorContains(t, b.Store.Audit(t.Context(), p.UserID, bad), says)
	}
	require.Equal(t, before+1, count(t, b.Owner, `SELECT count(*) FROM audit_log`))
	require.Error(t, b.Store.Audit(t.Context(), "", audit.Entry{Action: audit.PhotoRead}))
}

// An activity that is run again, also at the same time on another worker, writes no second entry.
func TestAnEntryWithASubjectIsWrittenOnce(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	user, other := uuid.NewString(), uuid.NewString()
	entry := func(action audit.Action, subject string) audit.Entry {
		return audit.Entry{Action: action, Subject: subject}
	}
	var group errgroup.Group
	for range 5 {
		for _, e := range []audit.Entry{
			entry(audit.VersionFailed, "1"), entry(audit.VersionFailed, "2"), entry(audit.VersionCancelled, "1"), entry(audit.PhotoRead, ""),
		} {
			group.Go(func() error { return s.Audit(t.Context(), user, e) })
		}
	}
	require.NoError(t, group.Wait())
	require.NoError(t, s.Audit(t.Context(), other, entry(audit.VersionFailed, "1")))

	entries, err := s.AuditLog(t.Context(), user, 100, 0)
	require.NoError(t, err)
	written := map[string]int{}
	for _, e := range entries {
		written[string(e.Action)+" "+e.Subject]++
	}
	require.Equal(t, map[string]int{"version.failed 1": 1, "version.failed 2": 1, "version.cancelled 1": 1, "photo.read ": 5}, written)
	entries, err = s.AuditLog(t.Context(), other, 100, 0)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	result, err := s.VerifyAudit(t.Context())
	require.NoError(t, err)
	require.Equal(t, audit.Result{Users: 2, Entries: 9}, result)
}

// A user's transactions take the lock of the chain last, so no two of them wait for each other.
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
			return s.Audit(ctx, p.UserID, audit.Entry{Action: audit.SampleRead, PersonaID: p.ID})
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
