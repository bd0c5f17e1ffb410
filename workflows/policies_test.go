package workflows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/workflows"
)

// endless are the policies that may retry for ever; each says why in policies.go.
var endless = []string{"awaitNews", "erasing", "erasingAtProvider", "finalRecord"}

func TestEveryPolicyEnds(t *testing.T) {
	t.Parallel()
	var open []string
	for name, p := range workflows.Policies() {
		o := p.Options
		require.Positive(t, o.StartToCloseTimeout, name)
		require.NotNil(t, o.RetryPolicy, name)
		if o.ScheduleToCloseTimeout == 0 {
			require.NotEmpty(t, p.Endless, "%s needs a ScheduleToCloseTimeout, or a reason to have none", name)
			open = append(open, name)
			continue
		}
		require.Empty(t, p.Endless, "%s ends, so it needs no reason not to", name)
		require.Greater(t, o.ScheduleToCloseTimeout, o.StartToCloseTimeout, name)
	}
	slices.Sort(open)
	require.Equal(t, endless, open)
}

func TestEveryPolicyBacksOff(t *testing.T) {
	t.Parallel()
	for name, p := range workflows.Policies() {
		r := p.Options.RetryPolicy
		require.Greater(t, r.BackoffCoefficient, 1.0, name)
		require.LessOrEqual(t, r.MaximumInterval, time.Minute, "%s: the next attempt after an outage comes soon", name)
	}
}

// An activity whose worker was killed is noticed by its heartbeat, unless it is short.
func TestEveryLongActivityHasAHeartbeat(t *testing.T) {
	t.Parallel()
	for name, p := range workflows.Policies() {
		if p.Options.StartToCloseTimeout > 15*time.Second {
			require.Positive(t, p.Options.HeartbeatTimeout, name)
		}
	}
}

func TestEveryPolicyNamesItsQueueAndPriority(t *testing.T) {
	t.Parallel()
	queues := map[string]bool{}
	for name, p := range workflows.Policies() {
		require.Contains(t, []string{contract.MainQueue, contract.ProviderQueue, contract.FetchQueue, contract.PhotoQueue}, p.Options.TaskQueue, name)
		queues[p.Options.TaskQueue] = true
		require.Equal(t, strings.HasPrefix(name, "erasing"), p.Priority == contract.PriorityErasure, name)
		require.GreaterOrEqual(t, p.Priority, contract.PriorityErasure, name)
		require.LessOrEqual(t, p.Priority, contract.PriorityBackground, name)
	}
	require.Len(t, queues, 4, "no queue is without work")
}

// A policy that does not come from define escapes the tests above, and activity options that do not come from a policy
// escape all of them.
func TestEveryPolicyIsDefined(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var named []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "define" {
					named = append(named, strings.Trim(n.Args[0].(*ast.BasicLit).Value, `"`))
					return false // its literals are in their place
				}
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && name != "call.go" {
					require.NotContains(t, []string{"ExecuteActivity", "ExecuteLocalActivity", "ExecuteChildWorkflow", "WithActivityOptions"}, f.Sel.Name,
						"%s: use call, do, start or child", name)
				}
			case *ast.CompositeLit:
				if kind, ok := n.Type.(*ast.Ident); ok {
					require.NotEqual(t, "policy", kind.Name, "%s: use define", name)
				}
			}
			return true
		})
	}
	slices.Sort(named)
	require.Equal(t, slices.Sorted(maps.Keys(workflows.Policies())), named)
}
