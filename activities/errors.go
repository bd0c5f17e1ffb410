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

// rule says what an error becomes in a history.
type rule struct {
	kind  string // one of contract's error types
	final bool   // another attempt cannot succeed; otherwise the activity is retried until its policy ends
}

// byKind has the rule of every kind of *persona.Error.
var byKind = map[persona.Kind]rule{
	persona.Internal:    {kind: contract.Fault},
	persona.Invalid:     {kind: contract.Impossible, final: true},
	persona.NotFound:    {kind: contract.Impossible, final: true},
	persona.Conflict:    {kind: contract.Impossible, final: true},
	persona.Refused:     {kind: contract.ProviderRefused},
	persona.Unavailable: {kind: contract.Unavailable},
}

// byCode has the rules of codes that mean more than their kind. They apply first, whoever gave the error its kind.
var byCode = map[persona.Code]func(persona.Kind) rule{
	persona.CodeModelDamaged: func(k persona.Kind) rule {
		return rule{kind: contract.ModelDamaged, final: k == persona.Refused}
	},
}

// byProvider has the rule for an error of the provider, by what the provider said; ok is false for any other error.
//
// Only a refusal of the very thing that was asked for is final: a job that failed, a purchase with an input that is not
// accepted. A refusal of our key or account is for operators to settle, and a 404 may come from a gateway: what was
// bought is neither given up nor left with the provider because of one of them.
func byProvider(err error) (r rule, delay time.Duration, ok bool) {
	var job *trainer.JobError
	var submit *trainer.SubmitError
	var call *trainer.CallError
	status := 0
	switch {
	case errors.As(err, &job):
		return rule{kind: contract.ProviderFailed, final: !job.Retryable}, 0, true
	case errors.As(err, &submit):
		status, delay = submit.Status, submit.RetryAfter
	case errors.As(err, &call):
		status = call.Status
	default:
		return rule{}, 0, false
	}
	switch status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden:
		return rule{kind: contract.ProviderDenied}, delay, true
	case http.StatusNotFound, http.StatusGone:
		return rule{kind: contract.ProviderLost}, delay, true
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return rule{kind: contract.ProviderRefused, final: submit != nil}, delay, true
	}
	return rule{}, delay, false
}

// onWire returns what an error becomes in a history: a typed error whose text may be read by anybody. An error that no
// rule knows is a Fault, which is retried.
func onWire(err error) error {
	var app *temporal.ApplicationError
	var told *persona.Error
	switch {
	case err == nil, errors.As(err, &app), temporal.IsCanceledError(err):
		return err
	case errors.Is(err, context.Canceled):
		return context.Canceled // without the text around it, which may name what was cancelled
	case errors.Is(err, storage.ErrNotFound):
		return temporal.NewNonRetryableApplicationError("the record is gone", contract.RecordGone, nil)
	case errors.Is(err, storage.ErrConflict):
		return temporal.NewNonRetryableApplicationError("the record is in another state", contract.Superseded, nil)
	case !errors.As(err, &told):
		return temporal.NewApplicationError(classOf(err), contract.Fault)
	}
	r, delay := ruleOf(err, told)
	options := temporal.ApplicationErrorOptions{NonRetryable: r.final, NextRetryDelay: delay}
	if r.final {
		options.Details = []any{told.Code}
	}
	return temporal.NewApplicationErrorWithOptions(told.Message, r.kind, options)
}

func ruleOf(err error, told *persona.Error) (rule, time.Duration) {
	if special, ok := byCode[told.Code]; ok {
		return special(told.Kind), 0
	}
	r, delay, ok := byProvider(err)
	if !ok {
		r = byKind[told.Kind]
	}
	return r, delay
}

// classOf describes an error without quoting it: messages of drivers hold values of rows and addresses.
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
		return fmt.Sprintf("error of type %T", root)
	}
}

// notYet returns the retryable error of something that has not happened yet. It is benign, so that it raises no alarm,
// and the next attempt follows after delay.
func notYet(message, kind string, delay time.Duration) error {
	return temporal.NewApplicationErrorWithOptions(message, kind, temporal.ApplicationErrorOptions{
		NextRetryDelay: delay, Category: temporal.ApplicationErrorCategoryBenign,
	})
}
