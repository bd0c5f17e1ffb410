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

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

// Problem is the one form of every error answer: RFC 9457 with a stable code.
type Problem struct { //nolint:errname // RFC 9457 calls it a problem, and OpenAPI shows the name
	Type     string                 `json:"type" doc:"Where the code is explained."`
	Title    string                 `json:"title" doc:"What kind of problem it is; the same for every problem of this code."`
	Status   int                    `json:"status"`
	Code     persona.Code           `json:"code" doc:"Stable name of the problem, for programs."`
	Detail   string                 `json:"detail" doc:"What happened, in a sentence for the person who meets it."`
	Fields   []string               `json:"fields,omitempty" doc:"The fields of the request it is about."`
	Photos   []persona.PhotoProblem `json:"photos,omitempty" doc:"What is wrong with each photo."`
	Problems []Further              `json:"problems,omitempty" doc:"Whatever else is wrong with the same request."`

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

// Codes that only the HTTP interface knows.
const (
	codeMethod  persona.Code = "method_not_allowed"
	codeTimeout persona.Code = "timeout"
)

// retryAfter is the number of seconds after which a client is told to try again.
const retryAfter = "5"

// init makes huma's own errors (a query that does not validate, a media type it cannot write) look like ours. Both are
// settings of the whole process.
func init() {
	huma.DefaultArrayNullable = false // an empty list of ours is [], never null
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return humaProblem(status, message, errs)
	}
}

func newProblem(code persona.Code, detail string) *Problem {
	d := describe(code)
	p := &Problem{Type: "/docs#" + string(code), Title: d.title, Status: d.status, Code: code, Detail: detail}
	switch d.status {
	case http.StatusUnauthorized:
		p.header = http.Header{"Www-Authenticate": {`Bearer realm="persona"`}}
	case http.StatusServiceUnavailable:
		p.header = http.Header{"Retry-After": {retryAfter}}
	}
	return p
}

// problem turns any error into what a client may see of it. Whatever is not meant for people is logged and stays
// inside.
func (s *server) problem(ctx context.Context, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	var e *persona.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &e):
		return s.personaProblem(ctx, e)
	case errors.Is(err, storage.ErrNotFound):
		return newProblem(persona.CodeNotFound, "There is no such thing.")
	case errors.Is(err, storage.ErrConflict):
		return newProblem(persona.CodeUnavailable, "Somebody else is changing the same thing. Try again in a few seconds.")
	case errors.As(err, &tooLarge):
		return newProblem(persona.CodeTooLarge, "The request is larger than it may be.")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return newProblem(persona.CodeUnavailable, "It took too long. Try again in a few seconds.")
	}
	return s.internal(ctx, err)
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

// kindStatus is used for codes without an entry of their own.
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
	return newProblem(persona.CodeInternal, "Something went wrong on our side. If it stays so, tell us the request id "+c.id+".")
}

// humaProblem words the errors that huma finds by itself. Values of the request are left out: they may be private.
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

// echoError answers what never reaches an operation: unknown addresses, wrong methods, and panics.
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
