package app

import (
	"context"
	"errors"
	"log/slog"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// calm is the log of the Temporal SDK, which warns of a heartbeat that was cut short and reports an activity that ended
// because somebody cancelled it as an error. Neither is a problem: both are lowered to debug.
type calm struct{ slog.Handler }

// Handle passes the record on, lowered where its error is a cancellation.
func (h calm) Handle(ctx context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok && isCancellation(err) {
			r.Level = min(r.Level, slog.LevelDebug)
			return false
		}
		return true
	})
	if !h.Enabled(ctx, r.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the handler around what it wraps.
func (h calm) WithAttrs(attrs []slog.Attr) slog.Handler { return calm{h.Handler.WithAttrs(attrs)} }

// WithGroup keeps the handler around what it wraps.
func (h calm) WithGroup(name string) slog.Handler { return calm{h.Handler.WithGroup(name)} }

// isCancellation knows a cancellation in each of the forms that it comes in: Go's, Temporal's, and that of a call.
func isCancellation(err error) bool {
	var call *serviceerror.Canceled
	return errors.Is(err, context.Canceled) || temporal.IsCanceledError(err) || errors.As(err, &call) ||
		status.Code(err) == codes.Canceled
}
