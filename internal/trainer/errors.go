package trainer

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"

	"github.com/inflio/persona/internal/persona"
)

// ErrStillRunning is in the chain of the error that TrainingResult and Generate give for a job that has not ended.
var ErrStillRunning = errors.New("the job has not ended")

// ErrUnknownRequest is in the chain of the error for a job that the service does not know, also after it was asked again.
var ErrUnknownRequest = errors.New("the service does not know the request")

var errTooLarge = errors.New("the answer is larger than allowed")

// CallError is a call that failed. Its text is for operators; the *persona.Error in its chain is for everybody else:
// Unavailable when it may work later, Refused when it will not, NotFound when the service does not know the thing.
type CallError struct {
	Op     string // what was tried
	Status int    // HTTP status, 0 when there was no answer
	Type   string // the service's type of error, or what broke the connection; "" when unknown
	public *persona.Error
	cause  error
}

// Error tells what was tried and how it ended.
func (e *CallError) Error() string {
	how := "no answer"
	if e.Status != 0 {
		how = fmt.Sprintf("HTTP %d", e.Status)
	}
	if e.Type != "" {
		how += " (" + e.Type + ")"
	}
	return "trainer: " + e.Op + ": " + how
}

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
		Message: "The training service does not answer right now. It is asked again by itself.",
	}
}

func refused(message string) *persona.Error {
	return &persona.Error{Kind: persona.Refused, Code: persona.CodeProviderRefused, Message: message}
}

const (
	accountSentence = "The training service does not accept our account at the moment. Our operators have to settle that; no photo is at fault."
	requestSentence = "The training service did not accept the request. Our operators have to look at it; no photo is at fault."
)

// check turns an answer that is not a success into a *CallError.
func check(op string, r reply) error {
	if r.status >= 200 && r.status < 300 {
		return nil
	}
	e := &CallError{Op: op, Status: r.status, Type: typeOf(r)}
	switch {
	case passing(r):
		e.public = unavailable()
	case r.status == http.StatusUnauthorized, r.status == http.StatusPaymentRequired, r.status == http.StatusForbidden:
		e.public = refused(accountSentence)
	case r.status == http.StatusNotFound:
		e.public = &persona.Error{
			Kind: persona.NotFound, Code: persona.CodeNotFound, Message: "The training service no longer knows this.",
		}
	default:
		e.public = refused(requestSentence)
	}
	return e
}

// lost classes a call without an answer. The error itself is dropped: it repeats the whole address.
func lost(op string, err error) *CallError {
	return &CallError{Op: op, Type: brokenBy(err), public: unavailable()}
}

// unreadable is a success whose content makes no sense.
func unreadable(op string, r reply) *CallError {
	return &CallError{Op: op, Status: r.status, Type: "unreadable_answer", public: unavailable()}
}

func brokenBy(err error) string {
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

// answer holds the forms in which the service words an error: the models' {"detail":[{type}]}, the queue's
// {"detail":"", "error_type"}, the platform's {"error":{type}} and the queue's bare {"status"}.
type answer struct {
	Status    string          `json:"status"`
	Detail    json.RawMessage `json:"detail"`
	ErrorType string          `json:"error_type"`
	Error     json.RawMessage `json:"error"`
}

type detail struct {
	Type string         `json:"type"`
	Ctx  map[string]any `json:"ctx"`
}

func (a answer) details() []detail {
	var list []detail
	if json.Unmarshal(a.Detail, &list) != nil {
		return nil
	}
	return list
}

// sentence is the detail as text, "" when it is a list. It is looked at and never shown.
func (a answer) sentence() string {
	var s string
	if json.Unmarshal(a.Detail, &s) != nil {
		return ""
	}
	return strings.ToLower(s)
}

func parse(r reply) answer {
	var a answer
	if json.Unmarshal(r.body, &a) != nil {
		return answer{} // a gateway's HTML page, say
	}
	return a
}

func typeOf(r reply) string {
	a := parse(r)
	if text := a.sentence(); r.status == http.StatusForbidden && (strings.Contains(text, "locked") || strings.Contains(text, "balance")) {
		return "account_locked"
	}
	if t := word(r.header.Get("X-Fal-Error-Type")); t != "" {
		return t
	}
	if t := word(a.ErrorType); t != "" {
		return t
	}
	if list := a.details(); len(list) > 0 {
		return word(list[0].Type)
	}
	var platform detail
	if json.Unmarshal(a.Error, &platform) == nil {
		return word(platform.Type)
	}
	return ""
}

var wordPattern = regexp.MustCompile(`^[a-z][a-z0-9_.]{0,63}$`)

// word lets only a plain identifier through, so that no foreign text reaches logs or people.
func word(s string) string {
	s = strings.ToLower(s)
	if !wordPattern.MatchString(s) {
		return ""
	}
	return s
}
