package storage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage/vault"
)

var (
	// ErrNotFound means that there is no such row or blob, or that it belongs to another user. The two cannot be told apart.
	ErrNotFound = errors.New("storage: not found")
	// ErrConflict means that the present state does not allow the change, or that another caller made it first.
	ErrConflict = errors.New("storage: conflict")
	// ErrRefused means that the database rejected a statement, which is a mistake in this program. Its text has the SQLSTATE, the
	// table and the constraint, but no value.
	ErrRefused = errors.New("storage: the database refused")
)

// errErasing is the error of everything that would add to a persona, or to a user, whose erasure has begun.
func errErasing() error {
	return &persona.Error{
		Kind: persona.Conflict, Code: persona.CodeBeingErased,
		Message: "This is being erased and cannot be changed any more.",
	}
}

// The SQLSTATE codes that are treated specially.
const (
	uniqueViolation       = "23505"
	foreignKeyViolation   = "23503"
	serializationFailure  = "40001"
	deadlockDetected      = "40P01"
	insufficientPrivilege = "42501"
	idleInTransaction     = "25P03" // idle_in_transaction_session_timeout
	transactionTimeout    = "25P04"
	lockNotAvailable      = "55P03" // lock_timeout
	queryCanceled         = "57014" // statement_timeout
)

// The SQLSTATE classes of a server that cannot do its work at the moment.
const (
	classConnection = "08"
	classResources  = "53" // disk full, out of memory, too many connections
	classShutdown   = "57P"
	classSystem     = "58" // an I/O error of the server
)

// translate turns an error of pgx or of the vault into one of this package. A PostgreSQL error is reduced to its code and the
// names of table and constraint, because its text contains values of the row.
func translate(err error) error {
	var ours *persona.Error
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows), errors.Is(err, vault.ErrNotFound):
		return ErrNotFound
	case errors.As(err, &ours):
		return err
	case errors.As(err, &connect):
		return unavailable("The database cannot be reached.", err)
	case errors.As(err, &pg):
		return translateCode(pg)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &network), pgconn.SafeToRetry(err):
		return unavailable("The database does not answer.", err)
	default:
		return err
	}
}

func translateCode(pg *pgconn.PgError) error {
	where := fmt.Sprintf("SQLSTATE %s, table %q, constraint %q", pg.Code, pg.TableName, pg.ConstraintName)
	switch pg.Code {
	case uniqueViolation:
		return fmt.Errorf("%w (%s)", ErrConflict, where)
	case foreignKeyViolation:
		// The row that is referred to is gone, or belongs to another user.
		return fmt.Errorf("%w (%s)", ErrNotFound, where)
	case serializationFailure, deadlockDetected, lockNotAvailable, queryCanceled, idleInTransaction, transactionTimeout:
		return unavailable("The database is busy.", errors.New(where))
	}
	for _, class := range []string{classConnection, classResources, classShutdown, classSystem} {
		if strings.HasPrefix(pg.Code, class) {
			return unavailable("The database cannot be used at the moment.", errors.New(where))
		}
	}
	return fmt.Errorf("%w (%s)", ErrRefused, where)
}

func unavailable(message string, cause error) error {
	return fmt.Errorf("%w (%w)", &persona.Error{
		Kind: persona.Unavailable, Code: persona.CodeUnavailable, Message: message,
	}, cause)
}
