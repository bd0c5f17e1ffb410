package activities_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// onWire returns what an activity that fails with err, or panics, leaves in a history.
func onWire(t *testing.T, activity func(context.Context) error) *temporal.ApplicationError {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{activities.Interceptor()}})
	env.RegisterActivity(activity)
	_, err := env.ExecuteActivity(activity)
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	return app
}

func failing(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

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
		{"a job that failed", &trainer.JobError{Message: "No."}, contract.ProviderFailed, "No.", true},
		{"a job that may succeed", &trainer.JobError{Message: "No.", Retryable: true}, contract.ProviderFailed, "No.", false},
		{"an absent provider", &persona.Error{Kind: persona.Unavailable, Code: "unavailable", Message: "Later."}, contract.Unavailable, "Later.", false},
		{"a row's value", &pgconn.PgError{Code: "23505", Detail: secret}, contract.Fault, "database error, SQLSTATE 23505", false},
		{"an address", &url.Error{Op: "Get", URL: "https://x/" + secret, Err: &net.OpError{Op: "dial", Err: errors.New(secret)}}, contract.Fault, "network error at dial", false},
		{"another address", &url.Error{Op: "Get", URL: "https://x/" + secret, Err: errors.New(secret)}, contract.Fault, "network error", false},
		{"a slow call", fmt.Errorf("%s: %w", secret, context.DeadlineExceeded), contract.Fault, "a call took too long", false},
		{"anything else", errors.New(secret), contract.Fault, "error of type *errors.errorString", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			app := onWire(t, failing(c.err))
			require.Equal(t, c.kind, app.Type())
			require.Equal(t, c.message, app.Message())
			require.Equal(t, c.final, app.NonRetryable())
			require.NotContains(t, app.Error(), secret)
		})
	}
}

// kinds are all kinds of *persona.Error, with what an error of the kind becomes unless its code or the provider says
// something else.
var kinds = map[persona.Kind]struct {
	name  string
	wire  string
	final bool
}{
	persona.Internal:    {"internal", contract.Fault, false},
	persona.Invalid:     {"invalid", contract.Impossible, true},
	persona.NotFound:    {"not found", contract.Impossible, true},
	persona.Conflict:    {"conflict", contract.Impossible, true},
	persona.Refused:     {"refused", contract.ProviderRefused, false},
	persona.Unavailable: {"unavailable", contract.Unavailable, false},
}

func TestEveryKindAndCodeHasItsRule(t *testing.T) {
	t.Parallel()
	names, codes := constants(t)
	require.Len(t, kinds, names, "a kind is missing here")
	require.Contains(t, codes, persona.CodeModelDamaged)
	for kind, want := range kinds {
		for _, code := range codes {
			t.Run(want.name+" "+string(code), func(t *testing.T) {
				t.Parallel()
				app := onWire(t, failing(fmt.Errorf("somewhere: %w", &persona.Error{Kind: kind, Code: code, Message: "A sentence."})))
				wire, final := want.wire, want.final
				if code == persona.CodeModelDamaged {
					wire, final = contract.ModelDamaged, kind == persona.Refused
				}
				require.Equal(t, []any{wire, final, "A sentence."}, []any{app.Type(), app.NonRetryable(), app.Message()})
				if final {
					var told persona.Code
					require.NoError(t, app.Details(&told))
					require.Equal(t, code, told)
				}
			})
		}
	}
}

// constants returns how many kinds package persona declares, and every code.
func constants(t *testing.T) (kinds int, codes []persona.Code) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "internal", "persona", "error.go"), nil, 0)
	require.NoError(t, err)
	for _, d := range file.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		of := ""
		for _, s := range group.Specs {
			spec := s.(*ast.ValueSpec)
			if kind, ok := spec.Type.(*ast.Ident); ok {
				of = kind.Name
			}
			switch of {
			case "Kind":
				kinds++
			case "Code":
				text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				require.NoError(t, err)
				codes = append(codes, persona.Code(text))
			}
		}
	}
	return kinds, codes
}

// What the provider refuses is final only where it is about the very thing that was asked for. Its 404 and what it says
// about our key or account is retried, so that nothing bought is given up for it.
func TestProviderErrorsHaveTheirRule(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status       int
		call, submit string
		final        bool // of a submit
	}{
		{http.StatusBadRequest, contract.ProviderRefused, contract.ProviderRefused, true},
		{http.StatusUnauthorized, contract.ProviderDenied, contract.ProviderDenied, false},
		{http.StatusPaymentRequired, contract.ProviderDenied, contract.ProviderDenied, false},
		{http.StatusForbidden, contract.ProviderDenied, contract.ProviderDenied, false},
		{http.StatusNotFound, contract.ProviderLost, contract.ProviderLost, false},
		{http.StatusUnprocessableEntity, contract.ProviderRefused, contract.ProviderRefused, true},
		{http.StatusTooManyRequests, contract.Unavailable, contract.Unavailable, false},
		{http.StatusInternalServerError, contract.Unavailable, contract.Unavailable, false},
		{http.StatusServiceUnavailable, contract.Unavailable, contract.Unavailable, false},
	} {
		t.Run(strconv.Itoa(c.status), func(t *testing.T) {
			t.Parallel()
			provider := answering(t, c.status)
			_, err := provider.TrainingStatus(t.Context(), "6f1d1c3e-2b0a-4d57-9a55-3a0d7cb8a9f4")
			require.Error(t, err)
			app := onWire(t, failing(err))
			require.Equal(t, []any{c.call, false}, []any{app.Type(), app.NonRetryable()})

			_, err = provider.SubmitTraining(t.Context(), trainer.TrainingRequest{DatasetURL: "https://example.org/x.zip", TriggerWord: "x", Steps: 1})
			require.Error(t, err)
			app = onWire(t, failing(err))
			require.Equal(t, []any{c.submit, c.final}, []any{app.Type(), app.NonRetryable()})
			if c.status == http.StatusTooManyRequests {
				require.Equal(t, 7*time.Second, app.NextRetryDelay(), "the provider names the delay")
			}
		})
	}
}

// answering is a provider that answers everything with this status, in its own form.
func answering(t *testing.T, status int) *trainer.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if status == http.StatusTooManyRequests && r.Method == http.MethodPost { // the client waits that long for other calls
			w.Header().Set("Retry-After", "7")
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"detail":"A sentence of the provider."}`))
	}))
	t.Cleanup(server.Close)
	return trainer.New(trainer.Config{
		Key: "id:secret", QueueURL: server.URL, RESTURL: server.URL, APIURL: server.URL + "/v1", Backoff: time.Millisecond,
	})
}

func TestAPanicIsATypedErrorWithoutItsValue(t *testing.T) {
	t.Parallel()
	app := onWire(t, func(context.Context) error { panic("jane@example.org") })
	require.Equal(t, []any{contract.Panicked, "the activity panicked", false}, []any{app.Type(), app.Message(), app.NonRetryable()})
	require.NotContains(t, app.Error(), "jane")
}

// A stopping worker ends its activities at once, and another worker makes the next attempt. What was detached from the
// context, as a purchase is, goes on.
func TestAStoppingWorkerEndsWhatCanBeRepeated(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{activities.Interceptor()}})
	stopping := make(chan struct{})
	env.SetWorkerStopChannel(stopping)
	waiting := func(ctx context.Context) error {
		detached := context.WithoutCancel(ctx)
		close(stopping)
		<-ctx.Done()
		require.NoError(t, detached.Err())
		return fmt.Errorf("ask the provider: %w", ctx.Err())
	}
	env.RegisterActivity(waiting)
	_, err := env.ExecuteActivity(waiting)
	requireType(t, err, contract.WorkerStopped, false)
}

// The SDK interrupts an activity whose heartbeat is late. That is an outage and not a cancellation.
func TestAnInterruptedActivityIsRetried(t *testing.T) {
	t.Parallel()
	late, interrupt := context.WithCancelCause(t.Context())
	interrupt(errors.New("heartbeat: deadline exceeded"))
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{
		Interceptors: []interceptor.WorkerInterceptor{activities.Interceptor()}, BackgroundActivityContext: late,
	})
	waiting := func(ctx context.Context) error {
		<-ctx.Done()
		return fmt.Errorf("ask the provider: %w", ctx.Err())
	}
	env.RegisterActivity(waiting)
	_, err := env.ExecuteActivity(waiting)
	requireType(t, err, contract.Unavailable, false)
}
