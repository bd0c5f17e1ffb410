package storage

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// SetEndings makes the endings of trigger words come from a list, so that a test can make them collide. The last one is repeated.
func (s *Store) SetEndings(endings ...string) {
	s.ending = func() string {
		next := endings[0]
		if len(endings) > 1 {
			endings = endings[1:]
		}
		return next
	}
}

// SetAcquireTimeout sets how long the store waits for a free connection.
func (s *Store) SetAcquireTimeout(d time.Duration) { s.acquireTimeout = d }

// Transact runs fn as every transaction of the store is run.
func (s *Store) Transact(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return s.transact(ctx, pgx.TxOptions{}, fn)
}

// Parts that are tested by themselves.
var (
	Before        = before
	Newest        = newest
	ScramVerifier = scramVerifier
	Translate     = translate
)

// MaxTries is how often a transaction is run at most.
const MaxTries = maxTries
