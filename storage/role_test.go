package storage_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/secrets/localsecrets"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

func tryOpen(ctx context.Context, databaseURL string) error {
	bucket := memblob.OpenBucket(nil)
	defer func() { _ = bucket.Close() }()
	s, err := storage.Open(ctx, databaseURL, bucket, localsecrets.NewKeeper([32]byte{}))
	if err == nil {
		s.Close()
	}
	return err
}

// withRole makes a role and returns the database's address for it.
func withRole(t *testing.T, b *storagetest.Bed, attributes string, grants ...string) string {
	t.Helper()
	role := "r" + strings.ReplaceAll(uuid.NewString(), "-", "")
	_, err := b.Owner.Exec(t.Context(), "CREATE ROLE "+role+" LOGIN PASSWORD 'secret' "+attributes)
	require.NoError(t, err)
	for _, grant := range grants {
		_, err := b.Owner.Exec(t.Context(), strings.ReplaceAll(grant, "ROLE", role))
		require.NoError(t, err)
	}
	u, err := url.Parse(b.OwnerURL)
	require.NoError(t, err)
	u.User = url.UserPassword(role, "secret")
	return u.String()
}

func TestOpenRefusesWhoCouldReadEverything(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	for name, test := range map[string]struct{ databaseURL, says string }{
		"superuser":        {b.OwnerURL, "is a superuser or has BYPASSRLS"},
		"bypassrls":        {withRole(t, b, "BYPASSRLS"), "is a superuser or has BYPASSRLS"},
		"could become one": {withRole(t, b, "NOINHERIT", "GRANT postgres TO ROLE"), "is a superuser or has BYPASSRLS"},
		"owner":            {withRole(t, b, "", "ALTER TABLE links OWNER TO ROLE"), "owns tables"},
		"stranger":         {withRole(t, b, ""), "may not read this database"},
	} {
		err := tryOpen(t.Context(), test.databaseURL)
		require.ErrorContains(t, err, test.says, name)
		require.ErrorContains(t, err, "connect as persona_app", name)
		require.NotContains(t, err.Error(), "secret")
		require.NotContains(t, err.Error(), "\n")
	}
	require.NoError(t, tryOpen(t.Context(), b.AppURL))
}

func TestOpenRefusesADatabaseThatLacksMigrations(t *testing.T) {
	t.Parallel()
	empty := storagetest.EmptyDatabase(t)
	err := tryOpen(t.Context(), storagetest.AppURL(t, empty))
	require.Regexp(t, `the database is at migration 0 and this program needs \d+: run persona migrate`, err.Error())

	b := storagetest.NewBed(t)
	_, err = b.Owner.Exec(t.Context(), `DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)`)
	require.NoError(t, err)
	require.Regexp(t, `is at migration \d+ and this program needs \d+`, tryOpen(t.Context(), b.AppURL).Error())
}

func TestOpenSaysNothingOfThePassword(t *testing.T) {
	t.Parallel()
	for _, databaseURL := range []string{
		"postgres://persona_app:hunter2@127.0.0.1:1/db?connect_timeout=1", "postgres://u:hunter2@[::bad/db", "%zzhunter2",
	} {
		err := tryOpen(t.Context(), databaseURL)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	}
	err := tryOpen(t.Context(), "postgres://persona_app@127.0.0.1:1/db")
	require.Equal(t, persona.CodeUnavailable, persona.CodeOf(err), "worth trying again: %v", err)
}

func TestMigrateTwiceAndAtOnce(t *testing.T) {
	t.Parallel()
	databaseURL := storagetest.EmptyDatabase(t)
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		wg.Go(func() { errs[i] = storage.Migrate(t.Context(), databaseURL, "") })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.NoError(t, storage.Migrate(t.Context(), databaseURL, ""))
	require.NoError(t, tryOpen(t.Context(), storagetest.AppURL(t, databaseURL)))
}

// In production the owner is not a superuser, so row-level security is forced on the owner too. An erasure still reaches every row
// that refers to a persona.
func TestAnOrdinaryOwner(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	ownerURL := withRole(t, b, "CREATEROLE")
	empty := storagetest.EmptyDatabase(t)
	u, err := url.Parse(ownerURL)
	require.NoError(t, err)
	into, err := url.Parse(empty)
	require.NoError(t, err)
	_, err = b.Owner.Exec(t.Context(), "ALTER DATABASE "+strings.TrimPrefix(into.Path, "/")+" OWNER TO "+u.User.Username())
	require.NoError(t, err)
	u.Path = into.Path
	require.NoError(t, storage.Migrate(t.Context(), u.String(), ""))
	require.ErrorContains(t, tryOpen(t.Context(), u.String()), "owns tables")

	s, err := storage.Open(t.Context(), storagetest.AppURL(t, empty), b.Bucket, b.Keeper)
	require.NoError(t, err)
	defer s.Close()
	p := create(t, s, uuid.NewString())
	owner, err := pgxpool.New(t.Context(), u.String())
	require.NoError(t, err)
	defer owner.Close()
	require.Zero(t, count(t, owner, `SELECT count(*) FROM personas`), "the owner sees no rows either")

	e, err := s.RequestErasure(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	rows, err := s.EraseRows(t.Context(), e.ID)
	require.NoError(t, err)
	require.Equal(t, 6, rows)
	left, err := s.Leftovers(t.Context(), e.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"blobs"}, left)
}

func TestTheAppsRoleOwnsNothing(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	var safe bool
	require.NoError(t, b.Owner.QueryRow(t.Context(), `
SELECT NOT (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication OR rolinherit)
       AND NOT EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) FROM pg_roles r WHERE rolname = $1`, storage.AppRole).Scan(&safe))
	require.True(t, safe)
	err := asApp(t, b.App, nil, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `CREATE TABLE mine (x int)`)
		return err
	})
	require.Equal(t, "42501", sqlState(err))
}

func TestPing(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	require.NoError(t, b.Store.Ping(t.Context()))
	b.Store.Close()
	require.Error(t, b.Store.Ping(t.Context()))
}
