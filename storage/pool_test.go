package storage_test

import (
	"context"
	"maps"
	"net/url"
	"strconv"
	"strings"
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

// openWith opens a store with parameters added to the database's address.
func openWith(t *testing.T, b *storagetest.Bed, parameters url.Values) *storage.Store {
	t.Helper()
	u, err := url.Parse(b.AppURL)
	require.NoError(t, err)
	query := u.Query()
	maps.Copy(query, parameters)
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	s, err := storage.Open(t.Context(), u.String(), b.Bucket, b.Keeper)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func TestEveryConnectionHasBounds(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	for name, test := range map[string]struct {
		parameters url.Values
		want       string
	}{
		"by itself":      {nil, "30s 10s 30s"},
		"parameter":      {url.Values{"lock_timeout": {"2s"}, "statement_timeout": {"0"}}, "0 2s 30s"},
		"options":        {url.Values{"options": {"-c idle_in_transaction_session_timeout=7s"}}, "30s 10s 7s"},
		"another option": {url.Values{"options": {"-c work_mem=8MB"}}, "30s 10s 30s"},
	} {
		s := openWith(t, b, test.parameters)
		var got string
		require.NoError(t, s.Transact(t.Context(), func(tx pgx.Tx) error {
			return tx.QueryRow(t.Context(), `
SELECT current_setting('statement_timeout') || ' ' || current_setting('lock_timeout') || ' '
       || current_setting('idle_in_transaction_session_timeout')`).Scan(&got)
		}))
		require.Equal(t, test.want, got, name)
	}
}

func requireUnavailable(t *testing.T, err error, about string) {
	t.Helper()
	var e *persona.Error
	require.ErrorAs(t, err, &e, "%s: %v", about, err)
	require.Equal(t, persona.Unavailable, e.Kind, about)
	require.Equal(t, persona.CodeUnavailable, e.Code, about)
}

// When a bound is reached, the caller may try again.
func TestABoundThatIsReachedIsUnavailable(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	p := create(t, b.Store, uuid.NewString())

	requireUnavailable(t, b.Store.Transact(t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `SET LOCAL statement_timeout = '50ms'; SELECT pg_sleep(60)`)
		return err
	}), "statement_timeout")

	s := openWith(t, b, url.Values{"lock_timeout": {"50ms"}})
	release := hold(t, b, `SELECT FROM personas WHERE id = $1 FOR UPDATE`, p.ID)
	_, err := s.RequestErasure(t.Context(), p.UserID, p.ID)
	requireUnavailable(t, err, "lock_timeout")
	release()

	requireUnavailable(t, b.Store.Transact(t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `SET LOCAL idle_in_transaction_session_timeout = '50ms'`)
		require.NoError(t, err)
		gone := func() bool {
			return count(t, b.Owner, `
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction' AND usename = 'persona_app'`) == 0
		}
		require.Eventually(t, gone, 10*time.Second, 5*time.Millisecond)
		_, err = tx.Exec(t.Context(), `SELECT 1`)
		return err
	}), "idle_in_transaction_session_timeout")
}

// Errors that say that the server cannot work at the moment are persona.Unavailable; the others are mistakes in this program.
func TestAServerThatCannotWorkIsUnavailable(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	for _, code := range []string{"08006", "25P03", "25P04", "40001", "40P01", "53000", "53100", "53200", "53300", "53400", "55P03", "57014", "57P03", "58000", "58030"} {
		err := s.Transact(t.Context(), func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `DO $$ BEGIN RAISE 'secret' USING ERRCODE = '`+code+`'; END $$`)
			return err
		})
		requireUnavailable(t, err, code)
		require.ErrorContains(t, err, code)
		require.NotContains(t, err.Error(), "secret", "the text of the server may hold values")
	}
	for _, code := range []string{"22001", "42P01", "P0001", "23514"} {
		err := s.Transact(t.Context(), func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `DO $$ BEGIN RAISE 'secret' USING ERRCODE = '`+code+`'; END $$`)
			return err
		})
		require.ErrorIs(t, err, storage.ErrRefused, code)
	}
}

// A caller without a deadline does not wait for ever for a connection.
func TestTheWaitForAConnectionEnds(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s := openWith(t, b, url.Values{"pool_max_conns": {"1"}})
	p := create(t, s, uuid.NewString())
	s.SetAcquireTimeout(50 * time.Millisecond)
	err := s.Transact(t.Context(), func(pgx.Tx) error {
		_, err := s.Persona(context.WithoutCancel(t.Context()), p.UserID, p.ID)
		requireUnavailable(t, err, "without a deadline")
		require.ErrorContains(t, err, "no connection was free in time")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = s.Persona(ctx, p.UserID, p.ID)
		require.ErrorIs(t, err, context.Canceled)
		requireUnavailable(t, s.Ping(t.Context()), "Ping")
		return nil
	})
	require.NoError(t, err)
	_, err = s.Persona(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
}

// failing makes an event, such as "INSERT ON erasures", fail n times with a code. The sequence is not rolled back with the transaction.
func failing(t *testing.T, b *storagetest.Bed, event, code string, n int) {
	t.Helper()
	for _, sql := range []string{
		`CREATE SEQUENCE tries`, `GRANT USAGE ON tries TO persona_app`,
		`CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('tries') <= ` + strconv.Itoa(n) + ` THEN
        RAISE 'not now' USING ERRCODE = '` + code + `';
    END IF;
    RETURN NULL;
END $$`,
		`CREATE TRIGGER undo AFTER ` + event + ` FOR EACH ROW EXECUTE FUNCTION undo()`,
	} {
		_, err := b.Owner.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
}

// A transaction that the database has undone is run again as a whole. The result is the same, and each audit entry is written once.
func TestAnUndoneTransactionIsRunAgain(t *testing.T) {
	t.Parallel()
	for code, events := range map[string][]string{
		"40001": {"INSERT ON audit_log", "DELETE ON data_keys"},
		"40P01": {"INSERT ON data_keys", "INSERT ON erasures", "DELETE ON personas"},
	} {
		for _, event := range events {
			t.Run(code+" "+event, func(t *testing.T) {
				t.Parallel()
				b := storagetest.NewBed(t)
				failing(t, b, event, code, 3)
				p := create(t, b.Store, uuid.NewString())
				e, err := b.Store.RequestErasure(t.Context(), p.UserID, p.ID)
				require.NoError(t, err)
				rows, err := b.Store.EraseRows(t.Context(), e.ID)
				require.NoError(t, err)
				require.Equal(t, 6, rows, "persona, version, two photos, consent, key")
				require.Greater(t, count(t, b.Owner, `SELECT last_value FROM tries`), 3, "it was undone three times")
				entries, err := b.Store.AuditLog(t.Context(), p.UserID, 10, 0)
				require.NoError(t, err)
				require.Len(t, entries, 3)
				require.Equal(t, audit.PersonaErasureRequested, entries[0].Action)
				require.Equal(t, audit.PersonaCreated, entries[1].Action)
				require.Equal(t, audit.ConsentSigned, entries[2].Action)
				result, err := b.Store.VerifyAudit(t.Context())
				require.NoError(t, err)
				require.Empty(t, result.Broken)
			})
		}
	}
}

func TestTransactionsAreNotRunAgainForEver(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	undone := func(code string) (tries int) {
		err := s.Transact(t.Context(), func(tx pgx.Tx) error {
			tries++
			_, err := tx.Exec(t.Context(), `DO $$ BEGIN RAISE 'not now' USING ERRCODE = '`+code+`'; END $$`)
			return err
		})
		require.Error(t, err)
		return tries
	}
	require.Equal(t, storage.MaxTries, undone("40001"))
	require.Equal(t, storage.MaxTries, undone("40P01"))
	require.Equal(t, 1, undone("40003"), "it may have been committed")
	require.Equal(t, 1, undone("53100"))

	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err := s.Transact(ctx, func(tx pgx.Tx) error {
		tries++
		_, err := tx.Exec(ctx, `DO $$ BEGIN RAISE 'not now' USING ERRCODE = '40001'; END $$`)
		cancel()
		return err
	})
	require.Error(t, err)
	require.Equal(t, 1, tries, "nobody waits for it any more")
}

// The verifier must fit what pgx, which the app logs in with, computes from the password.
func TestLoginWithAnyPassword(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	for _, password := range []string{"plain", "pässwörd", "ﬁne ² ½", "кот 🐈", "two  spaces ", "\u00a0x", strings.Repeat("long", 100), "bidi א1"} {
		verifier, err := storage.ScramVerifier(password)
		require.NoError(t, err)
		require.NotContains(t, verifier, password)
		role := "r" + strings.ReplaceAll(uuid.NewString(), "-", "")
		_, err = b.Owner.Exec(t.Context(), "CREATE ROLE "+role+" LOGIN PASSWORD '"+verifier+"'")
		require.NoError(t, err)
		u, err := url.Parse(b.OwnerURL)
		require.NoError(t, err)
		u.User = url.UserPassword(role, password)
		conn, err := pgx.Connect(t.Context(), u.String())
		require.NoError(t, err, password)
		require.NoError(t, conn.Close(t.Context()))
		u.User = url.UserPassword(role, password+"x")
		_, err = pgx.Connect(t.Context(), u.String())
		require.Error(t, err)
	}
}

// Many calls at once need more connections than the pool has.
func TestManyCallersShareFewConnections(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s := openWith(t, b, url.Values{"pool_max_conns": {"2"}})
	p := create(t, s, uuid.NewString())
	var group errgroup.Group
	for range 30 {
		group.Go(func() error {
			_, err := s.Persona(t.Context(), p.UserID, p.ID)
			return err
		})
	}
	require.NoError(t, group.Wait())
}
