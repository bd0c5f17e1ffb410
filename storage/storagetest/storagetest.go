// Package storagetest gives each test a store of its own on a real PostgreSQL.
//
// One private server is started per test process, with one migrated template; a test gets a clone of it, a bucket in a temporary
// folder and a keeper with a random key. Packages that use it define TestMain with Main, so that the server's folder goes away;
// the server itself ends with the process in any case.
package storagetest

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"github.com/inflio/persona/storage"
)

// Bed is a store and everything under it.
type Bed struct {
	Store     *storage.Store
	Owner     *pgxpool.Pool // as the superuser, who sees every row
	App       *pgxpool.Pool // as storage.AppRole, without the store in between
	OwnerURL  string
	AppURL    string // as storage.AppRole
	Bucket    *blob.Bucket
	BucketDir string
	Keeper    *secrets.Keeper
}

// New returns an empty store that lasts as long as the test.
func New(tb testing.TB) *storage.Store {
	tb.Helper()
	return NewBed(tb).Store
}

// NewBed returns an empty store that lasts as long as the test, with access to what lies under it.
func NewBed(tb testing.TB) *Bed {
	tb.Helper()
	b := &Bed{OwnerURL: clone(tb, template), BucketDir: tb.TempDir()}
	b.AppURL = AppURL(tb, b.OwnerURL)

	var err error
	b.Bucket, err = fileblob.OpenBucket(b.BucketDir, &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = b.Bucket.Close() })
	key, err := localsecrets.NewRandomKey()
	require.NoError(tb, err)
	b.Keeper = localsecrets.NewKeeper(key)
	tb.Cleanup(func() { _ = b.Keeper.Close() })
	b.Owner, err = pgxpool.New(tb.Context(), b.OwnerURL)
	require.NoError(tb, err)
	tb.Cleanup(b.Owner.Close)
	b.App, err = pgxpool.New(tb.Context(), b.AppURL)
	require.NoError(tb, err)
	tb.Cleanup(b.App.Close)
	b.Store = b.Reopen(tb)
	return b
}

// Reopen opens another store on the same database, bucket and keeper, as a second process would.
func (b *Bed) Reopen(tb testing.TB) *storage.Store {
	tb.Helper()
	store, err := storage.Open(tb.Context(), b.AppURL, b.Bucket, b.Keeper)
	require.NoError(tb, err)
	tb.Cleanup(store.Close)
	return store
}

// EmptyDatabase returns the superuser's address of a new database that no migration has touched.
func EmptyDatabase(tb testing.TB) string {
	tb.Helper()
	return clone(tb, "template0")
}

// AppURL is the address of the same database for storage.AppRole.
func AppURL(tb testing.TB, ownerURL string) string {
	tb.Helper()
	u, err := url.Parse(ownerURL)
	require.NoError(tb, err)
	u.User = url.UserPassword(storage.AppRole, appPassword)
	return u.String()
}

// clone copies a database and drops the copy when the test has ended.
func clone(tb testing.TB, from string) string {
	tb.Helper()
	s, err := shared()
	require.NoError(tb, err, "start PostgreSQL for the tests")
	name := s.nextName()
	quoted := pgx.Identifier{name}.Sanitize()
	_, err = s.admin.Exec(tb.Context(), "CREATE DATABASE "+quoted+" TEMPLATE "+pgx.Identifier{from}.Sanitize())
	require.NoError(tb, err)
	tb.Cleanup(func() {
		// The test's own context has ended by now.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 10*time.Second)
		defer cancel()
		_, _ = s.admin.Exec(ctx, "DROP DATABASE "+quoted+" WITH (FORCE)")
	})
	return s.postgres.URL(name)
}
