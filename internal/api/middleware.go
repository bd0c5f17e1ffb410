package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/inflio/persona/internal/persona"
)

// unknownRoute stands for every address that is not ours, so that scanners cannot fill logs and metrics.
const unknownRoute = "unknown"

// observe writes one line and counts one request. It knows the route and ids only: never the address as it was sent,
// which may hold a webhook's token or a query.
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
		s.metrics.seen(c.Request().Method, route, status, took)
		s.logRequest(c, route, status, took)
		return nil
	}
}

func (s *server) logRequest(c echo.Context, route string, status int, took time.Duration) {
	cl := callOf(c.Request().Context())
	level := slog.LevelInfo
	if route == "/healthz" || route == "/readyz" || route == "/metrics" {
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

// recoverPanic answers a panic like any other fault of ours. The value is logged only when the runtime made it: our
// own could hold a person's data.
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

// secure sets the headers that keep browsers from guessing, framing, caching and telling others.
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
