package storage

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inflio/persona/storage/audit"
)

// Every transaction takes its locks in this order, so that no two can wait for each other:
//
//  1. the advisory lock of the user (lockUser)
//  2. rows of personas, by id (lockVersion, lockPersonas)
//  3. rows of erasures: the user's own, then those of personas by the persona's id
//  4. rows of versions, then of jobs, then of everything else that belongs to a persona
//  5. rows of the outbox
//  6. the end of the user's audit chain, which finish takes
//
// A row that the transaction itself inserts does not count, as nobody else can lock it yet. A transaction may leave out any of
// these, but not go back.

// The settings that the policies read; see migrations/00001_acting.sql. They hold for one transaction.
const (
	settingUser    = "persona.user"
	settingToken   = "persona.job_token"
	settingErasure = "persona.erasure"
	settingDuty    = "persona.duty"

	dutyRelay    = "relay"
	dutyVerifier = "verifier"
)

// userTx is a transaction in which only the rows of one user are visible.
type userTx struct {
	pgx.Tx
	userID  string
	entries []audit.Entry
}

// audit adds an entry to those that finish writes.
func (tx *userTx) audit(action audit.Action, personaID string, detail map[string]any) {
	tx.entries = append(tx.entries, audit.Entry{Action: action, PersonaID: personaID, Detail: detail})
}

// asUser runs fn in a transaction that acts as userID. It commits when fn returns nil. Like transact it may run fn several times.
func (s *Store) asUser(ctx context.Context, userID string, fn func(tx *userTx) error) error {
	if userID == "" {
		return errors.New("storage: no acting user")
	}
	return s.acting(ctx, settingUser, userID, func(tx pgx.Tx) error {
		return finish(ctx, &userTx{Tx: tx, userID: userID}, fn)
	})
}

// finish runs fn and then writes its audit entries.
func finish(ctx context.Context, tx *userTx, fn func(tx *userTx) error) error {
	if err := fn(tx); err != nil {
		return err
	}
	return audit.Append(ctx, tx, tx.userID, tx.entries)
}

// acting runs fn in a transaction with one setting; see transact.
func (s *Store) acting(ctx context.Context, setting, value string, fn func(tx pgx.Tx) error) error {
	return s.transact(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		if err := set(ctx, tx, setting, value); err != nil {
			return err
		}
		return fn(tx)
	})
}

const (
	// maxTries bounds how often a transaction is run that the database has undone.
	maxTries = 5
	// retryPause is the longest pause before the second try. It grows with each further one.
	retryPause = 20 * time.Millisecond
)

// transact runs fn in a transaction, commits when fn returns nil, and translates the error. It is the one place where a
// transaction is run again: when the database has undone it because of a deadlock or a serialization failure, up to five times in
// all. So fn must be safe to run again: it must set, not add to, what it captures, and it must do nothing but talk to the database.
func (s *Store) transact(ctx context.Context, options pgx.TxOptions, fn func(tx pgx.Tx) error) error {
	for try := 1; ; try++ {
		err := s.transactOnce(ctx, options, fn)
		if !undone(err) || try == maxTries {
			return translate(err)
		}
		pause := time.NewTimer(rand.N(time.Duration(try) * retryPause))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return translate(err)
		}
	}
}

func (s *Store) transactOnce(ctx context.Context, options pgx.TxOptions, fn func(tx pgx.Tx) error) error {
	conn, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	return pgx.BeginTxFunc(ctx, conn, options, fn)
}

// undone reports whether the database has certainly undone a transaction that may succeed when it is run again.
func undone(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == serializationFailure || pg.Code == deadlockDetected)
}

// set changes a setting until the end of the transaction.
func set(ctx context.Context, tx pgx.Tx, setting, value string) error {
	_, err := tx.Exec(ctx, `SELECT set_config($1, $2, true)`, setting, value)
	return err
}

// exec runs a statement that must change a row; ErrNotFound when it changes none.
func (tx *userTx) exec(ctx context.Context, sql string, args ...any) error {
	tag, err := tx.Exec(ctx, sql, args...)
	if err == nil && tag.RowsAffected() == 0 {
		return ErrNotFound
	}
	return err
}

// one runs a query that returns one row and scans it.
func one[T any](ctx context.Context, tx pgx.Tx, scan pgx.RowToFunc[T], sql string, args ...any) (T, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		var none T
		return none, err
	}
	return pgx.CollectExactlyOneRow(rows, scan)
}

// many runs a query and scans every row.
func many[T any](ctx context.Context, tx pgx.Tx, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}
