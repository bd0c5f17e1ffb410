package trainer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"

	"github.com/inflio/persona/internal/persona"
)

// ErrStillRunning is in the chain of the error for the result of a job that has not ended.
var ErrStillRunning = errors.New("the job has not ended")

// ErrUnknownRequest is in the chain of the error for a job that the provider does not know. The provider said so
// several times, in its own form.
var ErrUnknownRequest = errors.New("the provider does not know the request")

// ErrGone is in the chain of the error for a file or a result that the provider no longer has. The provider said so
// several times. It says nothing about the content: the thing was not damaged, it is missing.
var ErrGone = errors.New("the provider no longer has it")

// ErrNotPermitted is in the chain of the error for a call that was answered with 401, 402 or 403. Keys have separate
// permissions for submit, read, cancel and administration, so it says nothing about other calls.
var ErrNotPermitted = errors.New("the provider does not permit the call with this key")

var errTooLarge = errors.New("the answer is larger than allowed")

// What a call does, as errors name it.
const (
	opStatus       = "read the status"
	opResult       = "fetch the result"
	opCancel       = "cancel"
	opErasePayload = "erase a payload"
	opHideFile     = "hide a file"
	opDownload     = "download a file"
	opInitiate     = "begin an upload"
	opUpload       = "upload a file"
	opCompletePart = "end an upload"
	opListRequests = "list the requests of an endpoint"
	opSearch       = "search the requests of all endpoints"
	opBilling      = "read billing events"
)

// CallError is a call that failed. Its text is for operators and names the call. The *persona.Error in its chain is
// for everybody else. Its Kind is
//   - Unavailable when the call may work later, also after an operator has changed the key (see Permission);
//   - Refused when the same call gives the same answer;
//   - NotFound when the provider does not know the thing (see ErrUnknownRequest and ErrGone);
//   - Invalid when what was asked for is no request id.
type CallError struct {
	Op     string // what was tried
	Status int    // HTTP status, 0 when there was no answer
	Type   string // the provider's type of error, or what broke the connection; "" when unknown
	public *persona.Error
	cause  error
}

// Error returns the call, the HTTP status and the type.
func (e *CallError) Error() string {
	how := "no answer"
	if e.Status != 0 {
		how = fmt.Sprintf("HTTP %d", e.Status)
	}
	if e.Type != "" {
		how += " (" + e.Type + ")"
	}
	if e.Permission() {
		how += ": the key is not permitted to make this call, or the account is locked"
	}
	return "trainer: " + e.Op + ": " + how
}

// Permission reports whether the provider refused the key or the account for this call: HTTP 401, 402 or 403.
func (e *CallError) Permission() bool { return errors.Is(e.cause, ErrNotPermitted) }

// Unwrap returns the error for people and, where there is one, the sentinel.
func (e *CallError) Unwrap() []error {
	if e.cause == nil {
		return []error{e.public}
	}
	return []error{e.public, e.cause}
}

func unavailable() *persona.Error {
	return &persona.Error{
		Kind: persona.Unavailable, Code: persona.CodeUnavailable,
		Message: "The training service does not answer right now. We will ask again automatically.",
	}
}

// deniedCall is retryable, because it works as soon as an operator has changed the key or paid the bill.
func deniedCall(op string) *persona.Error {
	return &persona.Error{
		Kind: persona.Unavailable, Code: persona.CodeUnavailable,
		Message: "The training service did not permit a call with our key: " + op +
			". Our operators have to check the permissions of the key and the balance of the account; no photo is at fault.",
	}
}

func refused(message string) *persona.Error {
	return &persona.Error{Kind: persona.Refused, Code: persona.CodeProviderRefused, Message: message}
}

func missing() *persona.Error {
	return &persona.Error{
		Kind: persona.NotFound, Code: persona.CodeNotFound, Message: "The training service no longer knows this.",
	}
}

const requestSentence = "The training service did not accept the request. Our operators have to look at it; no photo is at fault."

// isPermission reports whether a status is about the key or the account and not about the request.
func isPermission(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusPaymentRequired || status == http.StatusForbidden
}

// check turns an answer that is not a success into a *CallError. A final verdict needs the form of the service: a page
// of a gateway, a redirect and a 404 say nothing about the request.
func check(op string, r reply) error {
	if r.status >= 200 && r.status < 300 {
		return nil
	}
	e := &CallError{Op: op, Status: r.status, Type: typeOf(r), public: unavailable()}
	switch {
	case isPermission(r.status):
		e.public, e.cause = deniedCall(op), ErrNotPermitted
	case isTransient(r), isMissing(r.status), !parse(r).fromService():
	default:
		e.public = refused(requestSentence)
	}
	return e
}

// notFound is the error for a thing that the service itself says it does not have.
func notFound(op string, r reply, cause error) *CallError {
	return &CallError{Op: op, Status: r.status, Type: typeOf(r), public: missing(), cause: cause}
}

// badRequestID is the error for a text that cannot be a request id; nothing was sent.
func badRequestID(op string) *CallError {
	return &CallError{Op: op, Type: "bad_request_id", public: &persona.Error{
		Kind: persona.Invalid, Code: persona.CodeMalformed, Message: "This is not a request id of the training service.",
	}}
}

// lost classifies a call without an answer. The error itself is dropped, because it contains the whole address.
func lost(op string, err error) *CallError {
	return &CallError{Op: op, Type: connectionError(err), public: unavailable()}
}

// unreadable is the error for a success whose content cannot be understood.
func unreadable(op string, r reply) *CallError {
	return &CallError{Op: op, Status: r.status, Type: "unreadable_answer", public: unavailable()}
}

// connectionError names what broke a connection.
func connectionError(err error) string {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return "name_not_found"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection_refused"
	case errors.As(err, &cert), errors.As(err, &record), errors.As(err, &alert),
		errors.Is(err, http.ErrSchemeMismatch):
		return "tls_failed"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "connection_lost"
}
