package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/inflio/persona/internal/app"
)

func TestCancellationsAreNoProblems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		quiet bool
	}{
		"Go's":                {fmt.Errorf("waiting: %w", context.Canceled), true},
		"Temporal's":          {temporal.NewCanceledError(), true},
		"the server's":        {serviceerror.NewCanceled("context canceled"), true},
		"that of a call":      {status.Error(codes.Canceled, "context canceled"), true},
		"a deadline":          {context.DeadlineExceeded, false},
		"anything else":       {errors.New("broken"), false},
		"an activity's error": {temporal.NewApplicationError("broken", "Broken"), false},
		"no error":            {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
				var out bytes.Buffer
				logger := log.NewStructuredLogger(slog.New(app.Calm(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))))
				log.With(logger, "ActivityID", "7").Error("Activity error.", "Attempt", 1, "Error", c.err)
				switch {
				case !c.quiet:
					require.Contains(t, out.String(), "level=ERROR")
				case level == slog.LevelDebug:
					require.Contains(t, out.String(), "level=DEBUG")
					require.Contains(t, out.String(), "ActivityID=7")
				default:
					require.Empty(t, out.String())
				}
			}
		})
	}
}
