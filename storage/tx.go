package storage

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// The settings that policies look at, see migrations/00001_acting.sql. They hold for one transaction.
const (
	settingUser    = "persona.user"
	settingToken   = "persona.job_token"
	settingErasure = "persona.erasure"
	settingDuty    = "persona.duty"

	dutyRelay    = "relay"
	dutyVerifier = "verifier"
)

// userTx is a transaction in which only one user's rows are open.
type userTx struct {
	pgx.Tx
	userID  string
	entries []AuditEntry
}

// audit notes an entry that is written as the last thing of the transaction: the end of a user's chain is locked until commit,
// and taking that lock always last keeps two transactions of one user from waiting for each other.
func (tx *userTx) audit(action, personaID string, detail map[string]any) {
	tx.entries = append(tx.entries, AuditEntry{Action: action, PersonaID: personaID, Detail: detail})
}

// asUser runs fn in a transaction that acts as userID. It commits when fn returns nil. Errors come out translated.
func (s *Store) asUser(ctx context.Context, userID string, fn func(tx *userTx) error) error {
	if userID == "" {
		return errors.New("storage: no acting user")
	}
	return s.acting(ctx, settingUser, userID, func(tx pgx.Tx) error {
		return finish(ctx, &userTx{Tx: tx, userID: userID}, fn)
	})
}

// finish runs fn and then writes what it noted for the audit log.
func finish(ctx context.Context, tx *userTx, fn func(tx *userTx) error) error {
	if err := fn(tx); err != nil {
		return err
	}
	return appendAudit(ctx, tx)
}

// acting runs fn in a transaction with one setting.
func (s *Store) acting(ctx context.Context, setting, value string, fn func(tx pgx.Tx) error) error {
	return translate(pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := set(ctx, tx, setting, value); err != nil {
			return err
		}
		return fn(tx)
	}))
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
