package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/inflio/persona/internal/api/upload"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

// Problem is the body of every error answer: RFC 9457 with a stable code.
type Problem struct { //nolint:errname // RFC 9457 calls it a problem, and OpenAPI shows the name
	Type     string                 `json:"type" doc:"Where the code is explained."`
	Title    string                 `json:"title" doc:"The kind of problem; the same for every problem of this code."`
	Status   int                    `json:"status"`
	Code     persona.Code           `json:"code" doc:"Stable name of the problem, for programs."`
	Detail   string                 `json:"detail" doc:"What happened, in a sentence for people."`
	Fields   []string               `json:"fields,omitempty" doc:"The fields of the request that it is about."`
	Photos   []persona.PhotoProblem `json:"photos,omitempty" doc:"What is wrong with each photo."`
	Problems []Further              `json:"problems,omitempty" doc:"What else is wrong with the same request."`

	header http.Header
}

// Further is another problem of the same request.
type Further struct {
	Code   persona.Code `json:"code"`
	Detail string       `json:"detail"`
	Fields []string     `json:"fields,omitempty"`
}

// Error returns the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status, as huma wants it.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns the headers that belong to the problem, as huma wants them.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType names the media type, as huma wants it.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// codeMethod is only used by the HTTP interface.
const codeMethod persona.Code = "method_not_allowed"

// After how many seconds a client is told to try again. A training takes a quarter of an hour, the others seconds.
const (
	retryAfter         = "5"
	retryAfterTraining = "60"
)

// init makes errors of huma itself, such as a query that does not validate, look like ours. Both are settings of the
// whole process.
func init() {
	huma.DefaultArrayNullable = false // an empty list of ours is [], never null
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return humaProblem(status, message, errs)
	}
}

func newProblem(code persona.Code, detail string) *Problem {
	d := describe(code)
	p := &Problem{Type: "/docs#" + string(code), Title: d.title, Status: d.status, Code: code, Detail: detail}
	switch {
	case d.status == http.StatusUnauthorized:
		p.header = http.Header{"Www-Authenticate": {`Bearer realm="persona"`}}
	case code == persona.CodeTooManyTrainings:
		p.header = http.Header{"Retry-After": {retryAfterTraining}}
	case d.status == http.StatusServiceUnavailable, d.status == http.StatusTooManyRequests:
		p.header = http.Header{"Retry-After": {retryAfter}}
	}
	return p
}

// problem returns what a client may see of an error. What is not meant for people is logged, and the client gets an
// internal error.
func (s *server) problem(ctx context.Context, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	var e *persona.Error
	var refused upload.RequestErrors
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &refused):
		return refusal(refused)
	case errors.As(err, &e):
		return s.personaProblem(ctx, e)
	case errors.Is(err, storage.ErrNotFound):
		return newProblem(persona.CodeNotFound, "It does not exist.")
	case errors.Is(err, storage.ErrConflict):
		return newProblem(persona.CodeUnavailable, "Another request is changing the same data. Try again in a few seconds.")
	case errors.As(err, &tooLarge):
		return newProblem(persona.CodeTooLarge, "The request is too large.")
	case errors.Is(err, context.Canceled) && bodyFailure(ctx) != nil:
		return s.problem(ctx, unreadable(bodyFailure(ctx)))
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return newProblem(persona.CodeUnavailable, "The request took too long. Try again in a few seconds.")
	}
	return s.internal(ctx, err)
}

// refusal returns one problem for everything that is wrong with an upload: the first error gives code and sentence, the
// others follow it.
func refusal(found upload.RequestErrors) *Problem {
	p := newProblem(found[0].Code, found[0].Message)
	for i, e := range found {
		p.Fields = append(p.Fields, e.Fields...)
		p.Photos = append(p.Photos, e.Photos...)
		if i > 0 {
			p.Problems = append(p.Problems, Further{Code: e.Code, Detail: e.Message, Fields: e.Fields})
		}
	}
	return p
}

func (s *server) personaProblem(ctx context.Context, e *persona.Error) *Problem {
	if e.Kind == persona.Internal {
		return s.internal(ctx, e)
	}
	p := newProblem(e.Code, e.Message)
	p.Fields, p.Photos = e.Fields, e.Photos
	if described(e.Code) {
		return p
	}
	p.Status, p.Title = kindStatus[e.Kind], http.StatusText(kindStatus[e.Kind])
	return p
}

// kindStatus is the status of a code that is not in the table of descriptions.
var kindStatus = map[persona.Kind]int{
	persona.Internal:    http.StatusInternalServerError,
	persona.Invalid:     http.StatusUnprocessableEntity,
	persona.NotFound:    http.StatusNotFound,
	persona.Conflict:    http.StatusConflict,
	persona.Refused:     http.StatusBadGateway,
	persona.Unavailable: http.StatusServiceUnavailable,
}

func (s *server) internal(ctx context.Context, err error) *Problem {
	c := callOf(ctx)
	s.Log.ErrorContext(ctx, "a request failed", "request_id", c.id, "error", err)
	return newProblem(persona.CodeInternal, "Something went wrong on our side. If it happens again, report the request id "+c.id+".")
}

// humaProblem returns the problem of an error that huma found. Values of the request are left out: they may be private.
func humaProblem(status int, message string, errs []error) *Problem {
	var fields, reasons []string
	for _, err := range errs {
		var detailer huma.ErrorDetailer
		if errors.As(err, &detailer) && detailer.ErrorDetail().Location != "" {
			_, field, _ := strings.Cut(detailer.ErrorDetail().Location, ".")
			fields = append(fields, field)
			reasons = append(reasons, field+": "+detailer.ErrorDetail().Message)
		}
	}
	code := codeOfStatus(status)
	p := newProblem(code, describe(code).title+".")
	p.Fields = fields
	switch {
	case len(reasons) > 0:
		p.Detail = "The request does not fit: " + strings.Join(reasons, "; ") + "."
	case code != persona.CodeInternal && message != "":
		p.Detail = strings.ToUpper(message[:1]) + message[1:] + "."
	}
	return p
}

// echoError answers what does not reach an operation: unknown addresses, wrong methods, and panics.
func (s *server) echoError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	var p *Problem
	if he, ok := errors.AsType[*echo.HTTPError](err); ok {
		code := codeOfStatus(he.Code)
		p = newProblem(code, describe(code).title+".")
		if code == persona.CodeNotFound {
			p.Detail = "There is nothing at this address."
		}
	} else {
		p = s.problem(c.Request().Context(), err)
	}
	writeProblem(c.Response(), p)
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	maps.Copy(w.Header(), p.header)
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(p) // the client has gone; there is nobody left to tell
}
