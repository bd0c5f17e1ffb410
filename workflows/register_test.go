package workflows_test

import (
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/workflows"
)

// names is a registry that collects the names of workflows and activities.
type names struct{ list []string }

func (n *names) RegisterWorkflow(any) {}
func (n *names) RegisterWorkflowWithOptions(_ any, o workflow.RegisterOptions) {
	n.list = append(n.list, "workflow "+o.Name)
}
func (n *names) RegisterDynamicWorkflow(any, workflow.DynamicRegisterOptions) {}

func (n *names) RegisterActivity(set any) {
	for method := range reflect.TypeOf(set).Methods() {
		n.list = append(n.list, "activity "+method.Name)
	}
}
func (n *names) RegisterActivityWithOptions(any, activity.RegisterOptions)    {}
func (n *names) RegisterDynamicActivity(any, activity.DynamicRegisterOptions) {}

// update writes the golden file: go test ./workflows -run RegisteredNames -update
var update = flag.Bool("update", false, "write testdata/registered.golden")

const golden = "testdata/registered.golden"

// The names are stored in histories: open runs of older releases ask for them. Removing or renaming one breaks those
// runs.
func TestRegisteredNames(t *testing.T) {
	t.Parallel()
	var n names
	workflows.Register(&n)
	activities.All{}.Register(&n)
	slices.Sort(n.list)
	require.Equal(t, n.list, slices.Compact(slices.Clone(n.list)), "names are unique across structs")
	have := strings.Join(n.list, "\n") + "\n"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(have), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), have, "go test ./workflows -run RegisteredNames -update writes it")
}
