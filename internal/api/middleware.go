package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/inflio/persona/internal/persona"
)

// call is what is known of a request beyond what huma gives to a handler.
type call struct {
	id      string
	userID  string // "" until the token has been checked
	ip      string
	request *http.Request
	writer  http.ResponseWriter
}

type callKey struct{}

// callOf returns the call of ctx, an empty one outside of a request.
func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{}
}

// userOf returns the id of the user whose token came with the request.
func userOf(ctx context.Context) string { return callOf(ctx).userID }

// goodRequestID matches the request ids that are accepted from a client or a proxy.
var goodRequestID = regexp.MustCompile(`^[A-Za-z0-9._-]{8,64}$`)

// begin gives the request its id and its call.
func (s *server) begin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !goodRequestID.MatchString(id) {
			id = uuid.NewString()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		cl := &call{id: id, ip: c.RealIP(), writer: c.Response()}
		r := c.Request().WithContext(context.WithValue(c.Request().Context(), callKey{}, cl))
		cl.request = r
		c.SetRequest(r)
		return next(c)
	}
}

// unknownRoute stands for every address that is not ours, so that scanners cannot fill logs and metrics.
const unknownRoute = "unknown"

// observe writes one line of log and counts one request. It uses the route and ids only, never the address as it was
// sent: that may hold the token of a webhook or a query.
func (s *server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		started := time.Now()
		s.metrics.inFlight.Inc()
		defer s.metrics.inFlight.Dec()
		err := next(c)
		if err != nil {
			c.Error(err)
		}
		route := c.Path()
		if route == "" || strings.HasSuffix(route, "*") {
			route = unknownRoute
		}
		status, took := c.Response().Status, time.Since(started)
		s.metrics.request(c.Request().Method, route, status, took)
		s.logRequest(c, route, status, took)
		return nil
	}
}

func (s *server) logRequest(c echo.Context, route string, status int, took time.Duration) {
	cl := callOf(c.Request().Context())
	level := slog.LevelInfo
	if route == "/healthz" || route == "/readyz" {
		level = slog.LevelDebug
	}
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("request_id", cl.id), slog.String("method", c.Request().Method), slog.String("route", route),
		slog.Int("status", status), slog.Int64("bytes", c.Response().Size), slog.Duration("took", took),
	}
	if cl.userID != "" {
		attrs = append(attrs, slog.String("user_id", cl.userID))
	}
	if id := c.Param("id"); persona.IsID(id) && strings.HasPrefix(route, "/api/personas/") {
		attrs = append(attrs, slog.String("persona_id", id))
	}
	s.Log.LogAttrs(c.Request().Context(), level, "request", attrs...)
}

// recoverPanic answers a panic like any other internal error. The value is logged only if the runtime made it: others
// could hold a person's data.
func (s *server) recoverPanic(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if e, ok := v.(error); ok && errors.Is(e, http.ErrAbortHandler) {
				panic(v)
			}
			what := fmt.Sprintf("%T", v)
			if e, ok := v.(runtime.Error); ok {
				what = e.Error()
			}
			s.Log.ErrorContext(c.Request().Context(), "a handler panicked",
				"request_id", callOf(c.Request().Context()).id, "panic", what, "stack", string(debug.Stack()))
			err = errors.New("panic")
		}()
		return next(c)
	}
}

// secure sets the headers that keep browsers from guessing types, framing, caching and sending referrers.
func (s *server) secure(next echo.HandlerFunc) echo.HandlerFunc {
	https := strings.HasPrefix(s.PublicURL, "https://")
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-site")
		h.Set("Cache-Control", "no-store")
		if https {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		return next(c)
	}
}
