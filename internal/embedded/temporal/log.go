package temporal

import (
	"context"
	"log/slog"
	"os"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// logger hands what matters of Temporal's own log to slog: warnings and errors while the server runs. Going up and
// down it complains about parts of itself that are not there yet or any more.
type logger struct {
	to    *slog.Logger
	quiet *atomic.Bool
}

var _ log.WithLogger = (*logger)(nil)

func newLogger(to *slog.Logger) *logger {
	l := &logger{to: to, quiet: &atomic.Bool{}}
	l.hush()
	return l
}

func (l *logger) hush() { l.quiet.Store(true) }
func (l *logger) talk() { l.quiet.Store(false) }

func (l *logger) write(level slog.Level, msg string, tags []tag.Tag) {
	if l.quiet.Load() && level < slog.LevelError+1 {
		level = slog.LevelDebug
	}
	if ctx := context.Background(); l.to.Enabled(ctx, level) {
		l.to.LogAttrs(ctx, level, "temporal: "+msg, attributes(tags)...) //nolint:sloglint // it varies only between Temporal's own
	}
}

func attributes(tags []tag.Tag) []slog.Attr {
	attrs := make([]slog.Attr, 0, len(tags))
	for _, t := range tags {
		attrs = append(attrs, slog.Any(t.Key(), t.Value()))
	}
	return attrs
}

// Debug is not wanted.
func (l *logger) Debug(string, ...tag.Tag) {}

// Info is not wanted.
func (l *logger) Info(string, ...tag.Tag) {}

// Warn hands on a warning.
func (l *logger) Warn(msg string, tags ...tag.Tag) { l.write(slog.LevelWarn, msg, tags) }

// Error hands on an error.
func (l *logger) Error(msg string, tags ...tag.Tag) { l.write(slog.LevelError, msg, tags) }

// DPanic is an error in production.
func (l *logger) DPanic(msg string, tags ...tag.Tag) { l.write(slog.LevelError, msg, tags) }

// Panic logs and panics, as the caller relies on.
func (l *logger) Panic(msg string, tags ...tag.Tag) {
	l.write(slog.LevelError+1, msg, tags)
	panic("temporal: " + msg)
}

// Fatal logs and ends the process, as the caller relies on.
func (l *logger) Fatal(msg string, tags ...tag.Tag) {
	l.write(slog.LevelError+1, msg, tags)
	os.Exit(1)
}

// With returns a logger that adds the tags to all it writes.
func (l *logger) With(tags ...tag.Tag) log.Logger {
	args := make([]any, 0, len(tags))
	for _, a := range attributes(tags) {
		args = append(args, a)
	}
	return &logger{to: l.to.With(args...), quiet: l.quiet}
}
