package storage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gocloud.dev/gcerrors"

	"github.com/inflio/persona/internal/persona"
)

var (
	// ErrNotFound says that there is no such row or blob, or that it is another user's: the two cannot be told apart.
	ErrNotFound = errors.New("storage: not found")
	// ErrConflict says that the present state does not allow it, or that another was first.
	ErrConflict = errors.New("storage: conflict")
	// ErrRefused says that the database would not do it: a fault of ours. Its text names code, table and constraint, no value.
	ErrRefused = errors.New("storage: the database refused")
)

// errErasing is what anything gets that would add to a persona, or to a user, whose erasure has begun.
func errErasing() error {
	return &persona.Error{
		Kind: persona.Conflict, Code: persona.CodeBeingErased,
		Message: "This is being erased and cannot be changed any more.",
	}
}

// SQLSTATE codes that have a meaning for callers.
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
)

// translate turns what pgx returns into the errors of this package. A PostgreSQL error is reduced to its code and the names of
// table and constraint, because its text quotes the values of the row.
func translate(err error) error {
	var ours *persona.Error
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows):
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
	class := pg.Code[:min(2, len(pg.Code))]
	switch {
	case pg.Code == uniqueViolation:
		return fmt.Errorf("%w (%s)", ErrConflict, where)
	case pg.Code == foreignKeyViolation:
		// What the row hangs on is gone, or is another user's.
		return fmt.Errorf("%w (%s)", ErrNotFound, where)
	case class == "08", class == "53", strings.HasPrefix(pg.Code, "57P"):
		return unavailable("The database does not answer.", errors.New(where))
	default:
		return fmt.Errorf("%w (%s)", ErrRefused, where)
	}
}

// translateBlob does the same for the bucket. Its errors quote paths, which are made of ids.
func translateBlob(err error) error {
	switch {
	case err == nil:
		return nil
	case gcerrors.Code(err) == gcerrors.NotFound:
		return ErrNotFound
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	default:
		return unavailable("The file store does not answer.", err)
	}
}

func unavailable(message string, cause error) error {
	return fmt.Errorf("%w (%w)", &persona.Error{
		Kind: persona.Unavailable, Code: persona.CodeUnavailable, Message: message,
	}, cause)
}
