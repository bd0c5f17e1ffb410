package api_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/internal/api"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

var errGone = serviceerror.NewNotFound("workflow not found")

// answering makes the update of one version give an answer.
func answering(t *testing.T, answer contract.CancelAnswer) *mocks.WorkflowUpdateHandle {
	t.Helper()
	handle := mocks.NewWorkflowUpdateHandle(t)
	handle.On("Get", mock.Anything, mock.Anything).Run(func(args mock.Arguments) {
		*args.Get(1).(*contract.CancelAnswer) = answer
	}).Return(nil)
	return handle
}

// cancelOf matches the update that cancels version 1.
var cancelOf = mock.MatchedBy(func(o client.UpdateWorkflowOptions) bool {
	return o.UpdateName == contract.CancelUpdate && o.UpdateID == "cancel-version-1"
})

func TestCancel(t *testing.T) {
	t.Parallel()
	cancel := scenario{
		user: ada, method: http.MethodPost, path: "/api/personas/{persona}/cancel", setup: func(w *world) { w.trained(ada) },
	}
	fail := func(w *world) {
		_ = w.store.FailVersion(t.Context(), userID(ada), w.vars["persona"], 1, persona.VersionFailed,
			storage.Failure{Code: persona.CodeProviderFailed, Message: "It failed."})
	}
	for name, c := range map[string]struct {
		say     func(*mocks.Client, *world)
		setup   func(*world)
		status  int
		want    string
		changes bool
	}{
		"cancelled": {
			say: func(c *mocks.Client, w *world) {
				c.On("UpdateWorkflow", mock.Anything, cancelOf).Return(answering(w.t, contract.CancelAnswer{Cancelled: true}), nil).Once()
			},
			status: 200, want: `{"cancelled":true,"may_be_billed":false}`,
		},
		"cancelled, but bought": {
			say: func(c *mocks.Client, w *world) {
				c.On("UpdateWorkflow", mock.Anything, cancelOf).
					Return(answering(w.t, contract.CancelAnswer{Cancelled: true, MayBeBilled: true}), nil).Once()
			},
			status: 200, want: `{"cancelled":true,"may_be_billed":true}`,
		},
		"too late": {
			say: func(c *mocks.Client, w *world) {
				c.On("UpdateWorkflow", mock.Anything, cancelOf).Return(answering(w.t, contract.CancelAnswer{}), nil).Once()
			},
			status: 200, want: `{"cancelled":false,"may_be_billed":false}`,
		},
		"not started yet": {
			say: func(c *mocks.Client, w *world) {
				c.On("UpdateWorkflow", mock.Anything, cancelOf).Return(nil, errGone).Twice()
				c.On("UpdateWorkflow", mock.Anything, cancelOf).Return(answering(w.t, contract.CancelAnswer{Cancelled: true}), nil).Once()
			},
			status: 200, want: `"cancelled":true`,
		},
		"ended in the meantime": {
			say: func(c *mocks.Client, w *world) {
				c.On("UpdateWorkflow", mock.Anything, cancelOf).Run(func(mock.Arguments) { fail(w) }).Return(nil, errGone).Once()
			},
			status: 409, want: `"code":"not_training"`, changes: true,
		},
		"refused by the training": {
			say: func(c *mocks.Client, _ *world) {
				c.On("UpdateWorkflow", mock.Anything, cancelOf).
					Return(nil, temporal.NewNonRetryableApplicationError("internal words", "Superseded", nil)).Once()
			},
			status: 409, want: `"code":"not_training"`,
		},
		"Temporal does not answer": {
			say: func(c *mocks.Client, _ *world) {
				c.On("UpdateWorkflow", mock.Anything, cancelOf).Return(nil, serviceerror.NewUnavailable("internal words")).Once()
			},
			status: 503, want: `"code":"unavailable"`,
		},
		"nothing to cancel": {setup: fail, status: 409, want: `"code":"not_training"`},
		"being erased": {
			setup: func(w *world) {
				_, err := w.store.RequestErasure(w.t.Context(), userID(ada), w.vars["persona"])
				if err != nil {
					w.t.Fatal(err)
				}
			},
			status: 409, want: `"code":"being_erased"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mocked := mocks.NewClient(t)
			w := newWorld(t, func(o *api.Options) { o.Temporal, o.CancelWait = mocked, 5*time.Second })
			if c.say != nil {
				c.say(mocked, w)
			}
			s := cancel
			s.status, s.want, s.wantNot, s.changes = c.status, []string{c.want}, []string{"internal words"}, c.changes
			s.setup = func(w *world) {
				w.trained(ada)
				if c.setup != nil {
					c.setup(w)
				}
			}
			s.run(t, w)
		})
	}
}

func TestCancelGivesUpOnATrainingThatNeverStarts(t *testing.T) {
	t.Parallel()
	mocked := mocks.NewClient(t)
	mocked.On("UpdateWorkflow", mock.Anything, cancelOf).Return(nil, errGone)
	w := newWorld(t, func(o *api.Options) { o.Temporal, o.CancelWait = mocked, time.Nanosecond })
	scenario{
		user: ada, method: http.MethodPost, path: "/api/personas/{persona}/cancel", setup: func(w *world) { w.trained(ada) },
		status: 503, want: []string{`"code":"unavailable"`}, answers: map[string]string{"Retry-After": "5"},
	}.run(t, w)
}

var errBroken = errors.New("dial tcp 10.0.0.7:5432: connection refused")
