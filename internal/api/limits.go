package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/inflio/persona/internal/api/upload"
	"github.com/inflio/persona/internal/persona"
)

// Times of connections and requests.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10

	// requestTimeout bounds a request without an upload, from its header to its answer. Its database work takes
	// milliseconds; a supervisor or a person gives up after half a minute.
	requestTimeout = 30 * time.Second
	// cancelTimeout is added to Options.CancelWait for what surrounds the wait.
	cancelTimeout = 10 * time.Second
	// uploadTimeout bounds a request with photos. Storage discards an upload after an hour.
	uploadTimeout = time.Hour
	// answerTimeout bounds the writing of an answer: a photo of 10 MB at 34 KB/s.
	answerTimeout = 5 * time.Minute
	// drainTimeout bounds the wait for the rest of a body that is not needed.
	drainTimeout = 5 * time.Second
)

// Sizes of bodies, in bytes.
const (
	smallBody   = 64 << 10 // any request without an upload
	webhookBody = 8 << 20  // providers put results into webhooks, and send a refused one again and again
)

// cancelRoute is the address of the cancel operation as Echo writes it.
const cancelRoute = "/api/personas/:id/cancel"

// Pace is how fast a body must arrive. Only time in which the server waits for the client counts.
type Pace struct {
	// Rate is the slowest rate that is kept up, in bytes per second.
	Rate int64
	// Slack is how far a client may fall behind Rate, and the longest wait for the next byte.
	Slack time.Duration
}

// DefaultPace is for uploads. 8 KB/s is half of what a phone gets without 3G; at less, a photo of 10 MB takes twenty
// minutes. A minute of silence lets a phone change from one network to another. A client that sends a byte every ten
// seconds is cut off after a minute.
func DefaultPace() Pace { return Pace{Rate: 8 << 10, Slack: time.Minute} }

// limit is what one request may take.
type limit struct {
	bytes int64
	time  time.Duration // from the header to the end of the answer
	pace  Pace
}

// limitOf returns the limit of a request by its route.
func (s *server) limitOf(c echo.Context) limit {
	// A small body comes in one piece: it has no time to stand still.
	small := limit{bytes: smallBody, time: requestTimeout, pace: Pace{Rate: s.Pace.Rate, Slack: min(s.Pace.Slack, requestTimeout/2)}}
	switch route := c.Path(); {
	case route == scorePath, route == trainPath && isForm(c.Request()):
		return limit{bytes: upload.MaxBytes(s.Judge.Policy), time: uploadTimeout, pace: s.Pace}
	case route == trainPath:
		small.bytes = upload.MaxJSONBytes
	case route == webhookRoute:
		small.bytes = webhookBody
	case route == cancelRoute:
		small.time = s.CancelWait + cancelTimeout
	case strings.Contains(route, "/photos/"), strings.Contains(route, "/samples/"):
		small.time = answerTimeout
	}
	return small
}

// isForm reports whether a request is a multipart form. What it holds is read from another place: here only the size
// and the time it may take depend on it.
func isForm(r *http.Request) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Header.Get(echo.HeaderContentType))), "multipart/form-data")
}

// limitRequest bounds the size of a request, the time that it takes, and the time that its body takes to arrive.
func (s *server) limitRequest(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if conn := connOf(c.Request().Context()); conn != nil {
			if conn.final.Load() {
				c.Response().Header().Set("Connection", "close")
			}
			if conn.ambiguous.Load() {
				return malformed("The request has both Content-Length and Transfer-Encoding. Send one of them.",
					echo.HeaderContentLength, "Transfer-Encoding")
			}
		}
		l := s.limitOf(c)
		if c.Request().ContentLength > l.bytes {
			c.Response().Header().Set("Connection", "close")
			return &http.MaxBytesError{Limit: l.bytes}
		}
		end := time.Now().Add(l.time)
		ctx, cancel := context.WithDeadline(c.Request().Context(), end)
		defer cancel()
		r, control := c.Request().WithContext(ctx), http.NewResponseController(c.Response())
		c.SetRequest(r)
		callOf(ctx).request = r

		_ = control.SetWriteDeadline(time.Time{}) // the connection may have the deadline of its previous answer
		c.Response().Before(func() { _ = control.SetWriteDeadline(time.Now().Add(answerTimeout)) })
		if r.Body == nil || r.Body == http.NoBody {
			return next(c)
		}
		body := &pacedBody{
			ReadCloser: http.MaxBytesReader(c.Response(), r.Body, l.bytes), control: control,
			pace: l.pace, slack: l.pace.Slack, end: end,
		}
		r.Body = body
		defer func() {
			if !body.ended {
				_ = control.SetReadDeadline(time.Now().Add(drainTimeout))
			}
		}()
		return next(c)
	}
}

// pacedBody gives each read a deadline, so that the body keeps its pace and ends in time. Time between reads does not
// count: it is spent by the server. When the body ends there must be no deadline: the server goes on reading, to notice
// that a client has gone, and would take a deadline for one that has.
type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	pace    Pace
	slack   time.Duration // how much later the next byte may come
	end     time.Time
	ended   bool
	failure error // of a read; the server cancels the request's context with it
}

// bodyFailure returns the error with which the body of a request could not be read, or nil.
func bodyFailure(ctx context.Context) error {
	if r := callOf(ctx).request; r != nil {
		if body, ok := r.Body.(*pacedBody); ok {
			return body.failure
		}
	}
	return nil
}

func (b *pacedBody) Read(p []byte) (int, error) {
	started := time.Now()
	deadline := started.Add(b.slack)
	if b.end.Before(deadline) {
		deadline = b.end
	}
	_ = b.control.SetReadDeadline(deadline)
	n, err := b.ReadCloser.Read(p)
	earned := time.Duration(float64(n) / float64(b.pace.Rate) * float64(time.Second))
	b.slack = min(b.slack-time.Since(started)+earned, b.pace.Slack)
	if err != nil {
		if b.ended = errors.Is(err, io.EOF); !b.ended {
			b.failure = err
		}
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// unreadable returns the error of a body that could not be read; see upload.Unreadable.
func unreadable(err error) error { return upload.Unreadable(err) }

func malformed(message string, fields ...string) *persona.Error {
	return upload.Malformed(message, fields...)
}
