package temporal

import (
	"context"
	"log/slog"
	"os"
	"sync/atomic"

	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/log/tag"
)

// logger passes warnings and errors of the Temporal server to slog. While the server starts and stops they become debug
// messages: its services then complain about each other.
type logger struct {
	to    *slog.Logger
	quiet *atomic.Bool // shared with the loggers that With returns
}

var _ log.WithLogger = (*logger)(nil)

func newLogger(to *slog.Logger) *logger {
	l := &logger{to: to, quiet: &atomic.Bool{}}
	l.setQuiet(true)
	return l
}

func (l *logger) setQuiet(quiet bool) { l.quiet.Store(quiet) }

// levelFatal is for what ends the process; it is never made quiet.
const levelFatal = slog.LevelError + 1

func (l *logger) write(level slog.Level, msg string, tags []tag.Tag) {
	if l.quiet.Load() && level < levelFatal {
		level = slog.LevelDebug
	}
	if ctx := context.Background(); l.to.Enabled(ctx, level) {
		l.to.LogAttrs(ctx, level, "temporal: "+msg, attributes(tags)...) //nolint:sloglint // the message is Temporal's
	}
}

func attributes(tags []tag.Tag) []slog.Attr {
	attrs := make([]slog.Attr, 0, len(tags))
	for _, t := range tags {
		attrs = append(attrs, slog.Any(t.Key(), t.Value()))
	}
	return attrs
}

// Debug discards the message.
func (l *logger) Debug(string, ...tag.Tag) {}

// Info discards the message.
func (l *logger) Info(string, ...tag.Tag) {}

// Warn logs a warning.
func (l *logger) Warn(msg string, tags ...tag.Tag) { l.write(slog.LevelWarn, msg, tags) }

// Error logs an error.
func (l *logger) Error(msg string, tags ...tag.Tag) { l.write(slog.LevelError, msg, tags) }

// DPanic logs an error, as Temporal's own logger does in production.
func (l *logger) DPanic(msg string, tags ...tag.Tag) { l.write(slog.LevelError, msg, tags) }

// Panic logs and panics: callers do not expect it to return.
func (l *logger) Panic(msg string, tags ...tag.Tag) {
	l.write(levelFatal, msg, tags)
	panic("temporal: " + msg)
}

// Fatal logs and ends the process: callers do not expect it to return.
func (l *logger) Fatal(msg string, tags ...tag.Tag) {
	l.write(levelFatal, msg, tags)
	os.Exit(1)
}

// With returns a logger that adds the tags to every message.
func (l *logger) With(tags ...tag.Tag) log.Logger {
	args := make([]any, 0, len(tags))
	for _, a := range attributes(tags) {
		args = append(args, a)
	}
	return &logger{to: l.to.With(args...), quiet: l.quiet}
}
