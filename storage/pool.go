package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// The bounds of every connection of the app. A parameter of the same name in the database URL, for example
// "?lock_timeout=2s", replaces a bound.
const (
	// statementTimeout ends a statement. The longest that a request needs takes well under a second; an erasure deletes a few
	// hundred rows.
	statementTimeout = "30s"
	// lockTimeout ends the wait for a lock. Transactions hold locks for milliseconds, so a longer wait means that something is
	// stuck, and the caller should give its connection back and try again.
	lockTimeout = "10s"
	// idleInTransactionTimeout ends the session of a process that hangs or has lost its network while it holds locks. No
	// transaction here waits for anything but the database.
	idleInTransactionTimeout = "30s"
)

const (
	// connectTimeout bounds the making of one connection, unless the URL has connect_timeout.
	connectTimeout = 10 * time.Second
	// acquireTimeout bounds the wait for a free connection of the pool. It also holds for callers whose context has no deadline.
	acquireTimeout = 15 * time.Second
	// defaultConns is the size of the pool unless the URL has pool_max_conns. The default of pgx is the number of cores, which is
	// too few for a process that mostly waits for the database.
	defaultConns = 10
)

// errDatabaseURL does not contain the URL, which may hold a password.
var errDatabaseURL = errors.New("the database address is not a valid PostgreSQL URL")

func openPool(ctx context.Context, databaseURL string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, errDatabaseURL
	}
	if !strings.Contains(databaseURL, "pool_max_conns") {
		config.MaxConns = max(config.MaxConns, defaultConns)
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	given := config.ConnConfig.RuntimeParams
	for name, value := range map[string]string{
		"statement_timeout": statementTimeout, "lock_timeout": lockTimeout,
		"idle_in_transaction_session_timeout": idleInTransactionTimeout,
	} {
		// The URL may also have it as options=-c name=value, which the server would read before ours.
		if _, ok := given[name]; !ok && !strings.Contains(given["options"], name) {
			given[name] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("storage: %w", translate(err))
	}
	return pool, nil
}

// acquire takes a connection from the pool. When none is free within acquireTimeout the error is persona.Unavailable.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	waiting, cancel := context.WithTimeoutCause(ctx, s.acquireTimeout, errNoConnection)
	defer cancel()
	conn, err := s.pool.Acquire(waiting)
	if err != nil && ctx.Err() == nil && waiting.Err() != nil {
		return nil, unavailable("The database is busy.", context.Cause(waiting))
	}
	return conn, err
}

var errNoConnection = errors.New("storage: no connection was free in time")
