package activities_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

func TestErrorsGetTheirTypeAndLoseTheirSecrets(t *testing.T) {
	t.Parallel()
	const secret = "jane@example.org"
	running := temporal.NewApplicationError("not done", contract.TrainingRunning)
	for _, c := range []struct {
		name    string
		err     error
		kind    string
		message string
		final   bool
	}{
		{"a typed one stays", running, contract.TrainingRunning, "not done", false},
		{"a missing row", fmt.Errorf("read: %w", storage.ErrNotFound), contract.RecordGone, "the record is gone", true},
		{"another state", storage.ErrConflict, contract.Superseded, "the record is in another state", true},
		{"a provider's no to a job", &trainer.JobError{Message: "No."}, contract.ProviderRefused, "No.", true},
		{"a provider's no to our account", &persona.Error{Kind: persona.Refused, Message: "No."}, contract.ProviderRefused, "No.", false},
		{"an absent provider", &persona.Error{Kind: persona.Unavailable, Code: "unavailable", Message: "Later."}, contract.Unavailable, "Later.", false},
		{"a row's value", &pgconn.PgError{Code: "23505", Detail: secret}, "Fault", "database error, SQLSTATE 23505", false},
		{"an address", &url.Error{Op: "Get", URL: "https://x/" + secret, Err: &net.OpError{Op: "dial", Err: errors.New(secret)}}, "Fault", "network error at dial", false},
		{"another address", &url.Error{Op: "Get", URL: "https://x/" + secret, Err: errors.New(secret)}, "Fault", "network error", false},
		{"a slow call", fmt.Errorf("%s: %w", secret, context.DeadlineExceeded), "Fault", "a call took too long", false},
		{"anything else", errors.New(secret), "Fault", "fault of kind *errors.errorString", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{activities.Interceptor()}})
			fail := func(context.Context) error { return c.err }
			env.RegisterActivity(fail)
			_, err := env.ExecuteActivity(fail)
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, c.kind, app.Type())
			require.Equal(t, c.message, app.Message())
			require.Equal(t, c.final, app.NonRetryable())
			require.NotContains(t, err.Error(), secret)
		})
	}
}
