// Package storagetest gives each test a store of its own on a real PostgreSQL.
//
// One private server is started per test process. pgtestdb makes a migrated template on it and gives each test a clone, which it
// drops when the test has passed. A test also gets a bucket in a temporary folder and a keeper with a random key. Packages that use
// it call Main in TestMain, which removes the server's folder; the server itself ends with the process in any case.
package storagetest

import (
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/peterldowns/pgtestdb"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"github.com/inflio/persona/storage"
)

// Bed is a store with its database, bucket and keeper.
type Bed struct {
	Store     *storage.Store
	Owner     *pgxpool.Pool // as the superuser, who sees every row
	App       *pgxpool.Pool // as storage.AppRole, for statements that the store does not have
	OwnerURL  string        // as the superuser
	AppURL    string        // as storage.AppRole
	Bucket    *blob.Bucket
	BucketDir string
	Keeper    *secrets.Keeper
}

// New returns an empty store that lasts as long as the test.
func New(tb testing.TB) *storage.Store {
	tb.Helper()
	return NewBed(tb).Store
}

// NewBed returns an empty store that lasts as long as the test, with its database, bucket and keeper.
func NewBed(tb testing.TB) *Bed {
	tb.Helper()
	b := &Bed{OwnerURL: database(tb, migrator{}), BucketDir: tb.TempDir()}
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
	return database(tb, pgtestdb.NoopMigrator{})
}

// AppURL is the address of the same database for storage.AppRole.
func AppURL(tb testing.TB, ownerURL string) string {
	tb.Helper()
	u, err := url.Parse(ownerURL)
	require.NoError(tb, err)
	u.User = url.UserPassword(storage.AppRole, appPassword)
	return u.String()
}

// database makes a database and returns its address for the superuser.
func database(tb testing.TB, migrator pgtestdb.Migrator) string {
	tb.Helper()
	s, err := shared()
	require.NoError(tb, err, "start PostgreSQL for the tests")
	return pgtestdb.Custom(tb, s.config, migrator).URL()
}
