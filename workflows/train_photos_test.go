package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
)

// A photo on which workers die, hang or panic is refused; it neither ends nor blocks the training.
func TestTrainPersonaRefusesAPhotoThatCannotBeExamined(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		err  error
		want int // attempts; the test environment retries timeouts that the policy does not, ten times each
	}{
		{"the judge panics", temporal.NewApplicationError("the activity panicked", contract.Panicked), 5},
		{"the worker hangs", temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil), 50},
		{"the worker dies", temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_HEARTBEAT, nil), 50},
		{"it fails in an unforeseen way for days", permanent(contract.Fault), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tried := 0 // by one workflow coroutine at a time
			w.prepare = func(in activities.PhotoInput) (activities.PhotoVerdict, error) {
				if in.Index != 2 {
					return activities.PhotoVerdict{Index: in.Index, Accepted: true}, nil
				}
				tried++
				return activities.PhotoVerdict{}, c.err
			}
			_, err := w.train(t)
			require.NoError(t, err)
			require.Equal(t, []persona.PhotoCode{persona.PhotoCannotBeJudged}, w.refused)
			require.Equal(t, c.want, tried)
		})
	}
	t.Run("an address that never ends", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.collect = func(activities.PhotoInput) (activities.PhotoVerdict, error) {
			return activities.PhotoVerdict{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil)
		}
		_, err := w.train(t)
		require.NoError(t, err)
		require.Equal(t, []persona.PhotoCode{persona.PhotoUnreachable}, w.refused)
	})
	t.Run("an outage is not the photo's fault", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.prepare = func(activities.PhotoInput) (activities.PhotoVerdict, error) {
			return activities.PhotoVerdict{}, permanent(contract.Unavailable) // as after three days
		}
		_, err := w.train(t)
		require.Equal(t, contract.Unavailable, typeOf(t, err))
		require.Empty(t, w.refused)
		require.Equal(t, persona.CodeTrainingFailed, w.ended.Code)
	})
}

func typeOf(t *testing.T, err error) string {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	return app.Type()
}
