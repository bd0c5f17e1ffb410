package storage

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"gocloud.dev/blob"
	"gocloud.dev/secrets"

	"github.com/inflio/persona/internal/persona"
)

// Store is the one way to records and blobs. It is safe for concurrent use.
type Store struct {
	pool   *pgxpool.Pool
	bucket *blob.Bucket
	keys   *keyring
	ending func() string // random ending of a trigger word

	sweeping sync.Mutex
	swept    time.Time // when expired idempotency keys were last looked for
}

// defaultConns is the size of the pool unless the address says pool_max_conns. pgx would take the number of cores, which is too
// few: a relay holds a connection while it waits for Temporal.
const defaultConns = 10

// Open connects to the database as the app's role. It refuses, with one sentence, a role that could get around row-level
// security (a superuser, one with BYPASSRLS, the owner of a table, or a member of such a role) and a database that lacks
// migrations. Bucket and keeper stay the caller's to close, after Close.
func Open(ctx context.Context, databaseURL string, bucket *blob.Bucket, keeper *secrets.Keeper) (*Store, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, errDatabaseURL
	}
	if !strings.Contains(databaseURL, "pool_max_conns") {
		config.MaxConns = max(config.MaxConns, defaultConns)
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("storage: %w", translate(err))
	}
	if err := check(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return &Store{pool: pool, bucket: bucket, keys: newKeyring(keeper), ending: randomEnding}, nil
}

func randomEnding() string {
	random := make([]byte, 6)
	_, _ = rand.Read(random) // never fails
	return persona.TriggerEnding(random)
}

// Ping asks the database and the bucket whether they answer.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return translate(err)
	}
	ok, err := s.bucket.IsAccessible(ctx)
	if err == nil && !ok {
		err = fmt.Errorf("storage: the bucket does not exist or may not be read")
	}
	return translateBlob(err)
}

// Close waits for running transactions, closes the connections and forgets the cached keys.
func (s *Store) Close() {
	s.pool.Close()
	s.keys.forgetAll()
}
