package storage

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"gocloud.dev/blob"
	"gocloud.dev/secrets"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage/vault"
)

// Store gives access to records and blobs. It is safe for concurrent use.
type Store struct {
	pool   *pgxpool.Pool
	vault  *vault.Vault
	ending func() string // random ending of a trigger word

	acquireTimeout time.Duration

	sweeping sync.Mutex
	swept    time.Time // when expired idempotency keys were last deleted
}

// Open connects to the database as the app's role. It refuses, with one sentence, a role that could bypass row-level security (a
// superuser, one with BYPASSRLS, the owner of a table, or a member of such a role) and a database that lacks migrations.
//
// Every connection has bounds for statements, locks and idle transactions, which parameters of the URL replace: for example
// "?statement_timeout=60s&lock_timeout=5s&idle_in_transaction_session_timeout=60s". Bucket and keeper stay the caller's to close,
// after Close. They may be nil for a Store of which only records and the audit log are used.
func Open(ctx context.Context, databaseURL string, bucket *blob.Bucket, keeper *secrets.Keeper) (*Store, error) {
	pool, err := openPool(ctx, databaseURL)
	if err != nil {
		return nil, err
	}
	s := &Store{pool: pool, vault: vault.New(bucket, keeper), ending: randomEnding, acquireTimeout: acquireTimeout}
	if err := s.check(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func randomEnding() string {
	random := make([]byte, 6)
	_, _ = rand.Read(random) // never fails
	return persona.TriggerEnding(random)
}

// Ping returns nil when the database answers and the bucket can be written; otherwise an error of kind persona.Unavailable or of
// the context. The bucket is written at most once in ten seconds, see vault.Check.
func (s *Store) Ping(ctx context.Context) error {
	conn, err := s.acquire(ctx)
	if err != nil {
		return translate(err)
	}
	err = conn.Ping(ctx)
	conn.Release()
	if err != nil {
		return translate(err)
	}
	return s.vault.Check(ctx)
}

// Close waits for running transactions, closes the connections and removes the cached keys from memory.
func (s *Store) Close() {
	s.pool.Close()
	s.vault.Close()
}
