package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/workflows"
)

// failure is one way in which an activity can fail.
type failure struct {
	name  string
	wire  string // the error type in the history
	final bool
}

// TestErrorMatrix states for every activity and every failure whether it is final, or until when it is retried.
func TestErrorMatrix(t *testing.T) {
	t.Parallel()
	failures := failuresOnTheWire(t)
	var b strings.Builder
	b.WriteString("What an error becomes in a history. go test ./workflows -update writes this file.\n\n")
	var columns []failure
	for _, f := range failures {
		fmt.Fprintf(&b, "%-42s %-16s %s\n", f.name, f.wire, map[bool]string{true: "final", false: "retried"}[f.final])
		if f.name = f.wire; f.final {
			f.name += "!"
		}
		if !slices.Contains(columns, f) {
			columns = append(columns, f)
		}
	}
	for _, timeout := range []string{"StartToClose", "Heartbeat"} { // an attempt that hangs, a worker that dies
		columns = append(columns, failure{name: timeout, wire: "TemporalTimeout:" + timeout})
	}
	b.WriteString("\nWhat follows for an activity under its policy: final, retried for so long, retried for ever, or counted by the workflow.\n\n")
	fmt.Fprintf(&b, "%-16s %-18s", "activity", "policy")
	for _, f := range columns {
		fmt.Fprintf(&b, " %s", f.name)
	}
	policies := policiesOfActivities(t)
	for _, name := range registered() {
		activity, ok := strings.CutPrefix(name, "activity ")
		if !ok {
			continue
		}
		require.NotEmpty(t, policies[activity], "%s is not called by any workflow", activity)
		for _, used := range policies[activity] {
			fmt.Fprintf(&b, "\n%-16s %-18s", activity, used)
			for _, f := range columns {
				fmt.Fprintf(&b, " %-*s", len(f.name), untilWhen(workflows.Policies()[used], f))
			}
		}
	}
	lines := strings.Split(b.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	golden(t, "error_matrix.golden", strings.Join(lines, "\n")+"\n")
}

func untilWhen(p workflows.Policy, f failure) string {
	switch {
	case f.final:
		return "final"
	case slices.Contains(p.Options.RetryPolicy.NonRetryableErrorTypes, f.wire):
		return "counted"
	case p.Endless != "":
		return "ever"
	default:
		return strings.TrimSuffix(p.Options.ScheduleToCloseTimeout.String(), "0m0s")
	}
}

// failuresOnTheWire passes errors of every source through the interceptor of the activities.
func failuresOnTheWire(t *testing.T) (all []failure) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quietLog)
	add := func(name string, activity func(context.Context) error) {
		t.Helper()
		env := suite.NewTestActivityEnvironment()
		env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{activities.Interceptor()}})
		env.RegisterActivity(activity)
		_, err := env.ExecuteActivity(activity)
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app, name)
		all = append(all, failure{name: name, wire: app.Type(), final: app.NonRetryable()})
	}
	fails := func(name string, err error) {
		t.Helper()
		require.Error(t, err, name)
		add(name, func(context.Context) error { return err })
	}
	fails("no such row", storage.ErrNotFound)
	fails("the row is in another state", storage.ErrConflict)
	for _, k := range []struct {
		name string
		kind persona.Kind
	}{
		{"a fault of ours", persona.Internal},
		{"bad input", persona.Invalid},
		{"no such thing", persona.NotFound},
		{"a conflict with the state", persona.Conflict},
		{"a refusal", persona.Refused},
		{"a dependency is away", persona.Unavailable},
	} {
		fails(k.name, &persona.Error{Kind: k.kind, Code: persona.CodeInternal, Message: "A sentence."})
	}
	fails("damaged weights", &persona.Error{Kind: persona.Unavailable, Code: persona.CodeModelDamaged, Message: "A sentence."})
	fails("damaged weights, often enough", &persona.Error{Kind: persona.Refused, Code: persona.CodeModelDamaged, Message: "A sentence."})
	for _, status := range []int{400, 401, 402, 403, 404, 422, 429, 500, 503} {
		provider := answering(t, status)
		_, err := provider.TrainingStatus(t.Context(), "6f1d1c3e-2b0a-4d57-9a55-3a0d7cb8a9f4")
		fails(fmt.Sprintf("the provider answers a call with %d", status), err)
		_, err = provider.SubmitTraining(t.Context(), trainer.TrainingRequest{DatasetURL: "https://example.org/x.zip", TriggerWord: "x", Steps: 1})
		fails(fmt.Sprintf("the provider answers a purchase with %d", status), err)
	}
	fails("a job failed", &trainer.JobError{Message: "A sentence."})
	fails("a job failed by the provider's fault", &trainer.JobError{Message: "A sentence.", Retryable: true})
	fails("a call took too long", context.DeadlineExceeded)
	fails("anything else", errors.New("anything"))
	add("the activity panics", func(context.Context) error { panic("anything") })
	return all
}

// answering is a provider that answers everything with this status, in its own form.
func answering(t *testing.T, status int) *trainer.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"detail":"A sentence of the provider."}`))
	}))
	t.Cleanup(server.Close)
	return trainer.New(trainer.Config{
		Key: "id:secret", QueueURL: server.URL, RESTURL: server.URL, APIURL: server.URL + "/v1", Backoff: time.Millisecond,
	})
}

// policiesOfActivities reads the sources for which policies each activity is called with: the two stand side by side, as
// arguments of a call or as fields of a table.
func policiesOfActivities(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := map[string][]string{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		copies := map[string]string{} // p := policy
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if to, ok := n.Lhs[0].(*ast.Ident); ok {
					if from, ok := n.Rhs[0].(*ast.Ident); ok {
						copies[to.Name] = from.Name
					}
				}
			case *ast.CallExpr:
				pair(found, copies, n.Args)
			case *ast.CompositeLit:
				pair(found, copies, n.Elts)
			}
			return true
		})
	}
	return found
}

func pair(found map[string][]string, copies map[string]string, list []ast.Expr) {
	used := ""
	for _, e := range list {
		if id, ok := e.(*ast.Ident); ok {
			name := id.Name
			if from, ok := copies[name]; ok {
				name = from
			}
			if _, ok := workflows.Policies()[name]; ok {
				used = name
			}
		}
	}
	for _, e := range list {
		if s, ok := e.(*ast.SelectorExpr); ok && used != "" && slices.Contains(registered(), "activity "+s.Sel.Name) {
			if !slices.Contains(found[s.Sel.Name], used) {
				found[s.Sel.Name] = append(found[s.Sel.Name], used)
			}
		}
	}
}
