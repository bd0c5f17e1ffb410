package activities

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/sdk/temporal"
	"gocloud.dev/gcerrors"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// onWire is the table of what an error becomes in a history. Anything it does not know is a fault of ours or of the
// network, and is retried.
func onWire(err error) error {
	var app *temporal.ApplicationError
	var told *persona.Error
	switch {
	case err == nil, errors.As(err, &app), temporal.IsCanceledError(err):
		return err
	case errors.Is(err, context.Canceled):
		return context.Canceled // alone: what was cancelled may be named around it
	case errors.Is(err, storage.ErrNotFound):
		return temporal.NewNonRetryableApplicationError("the record is gone", contract.RecordGone, nil)
	case errors.Is(err, storage.ErrConflict):
		return temporal.NewNonRetryableApplicationError("the record is in another state", contract.Superseded, nil)
	case errors.As(err, &told) && told.Kind == persona.Refused && isFinal(err):
		return temporal.NewNonRetryableApplicationError(told.Message, contract.ProviderRefused, nil, told.Code)
	case errors.As(err, &told) && told.Kind == persona.Refused:
		return temporal.NewApplicationError(told.Message, contract.ProviderRefused)
	case errors.As(err, &told) && told.Code == persona.CodeModelDamaged:
		return temporal.NewApplicationErrorWithOptions(told.Message, contract.ModelDamaged,
			temporal.ApplicationErrorOptions{NonRetryable: told.Kind == persona.Refused})
	case errors.As(err, &told) && (told.Kind == persona.Internal || told.Kind == persona.Unavailable):
		return temporal.NewApplicationError(told.Message, contract.Unavailable)
	case errors.As(err, &told):
		return temporal.NewNonRetryableApplicationError(told.Message, contract.Impossible, nil, told.Code)
	default:
		return temporal.NewApplicationError(classOf(err), contract.Fault)
	}
}

// isFinal reports whether a provider's no is about the very thing that was asked for. A no to our key or account
// (it is locked, out of balance, was replaced) is for operators to mend: what was bought must neither be given up nor
// left with the provider because of it.
func isFinal(err error) bool {
	var job *trainer.JobError
	var submit *trainer.SubmitError
	switch {
	case errors.As(err, &job):
		return true
	case errors.As(err, &submit):
		return submit.Status == http.StatusBadRequest || submit.Status == http.StatusUnprocessableEntity
	default:
		return false
	}
}

// classOf describes a fault without quoting it: messages of drivers hold values of rows and addresses.
func classOf(err error) string {
	var pg *pgconn.PgError
	var op *net.OpError
	var link *url.Error
	switch {
	case errors.Is(err, storage.ErrRefused):
		return err.Error()
	case errors.As(err, &pg):
		return "database error, SQLSTATE " + pg.Code
	case errors.Is(err, context.DeadlineExceeded):
		return "a call took too long"
	case errors.As(err, &op):
		return "network error at " + op.Op
	case errors.As(err, &link):
		return "network error"
	case gcerrors.Code(err) != gcerrors.Unknown && gcerrors.Code(err) != gcerrors.OK:
		return "blob store error: " + gcerrors.Code(err).String()
	default:
		root := err
		for inner := errors.Unwrap(root); inner != nil; inner = errors.Unwrap(root) {
			root = inner
		}
		return fmt.Sprintf("fault of kind %T", root)
	}
}

// notYet is the retryable, benign error of what is simply not done: nobody needs to be alarmed, and the next look is
// after delay.
func notYet(message, kind string, delay time.Duration) error {
	return temporal.NewApplicationErrorWithOptions(message, kind, temporal.ApplicationErrorOptions{
		NextRetryDelay: delay, Category: temporal.ApplicationErrorCategoryBenign,
	})
}

// sentence returns what a person may read of err.
func sentence(err error) string {
	if told, ok := errors.AsType[*persona.Error](err); ok {
		return told.Message
	}
	return ""
}
