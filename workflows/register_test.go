package workflows_test

import (
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

// names collects what would be registered on a worker.
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

// The names are on the wire: running workflows of older releases ask for them. A change here needs a reason.
func TestRegisteredNames(t *testing.T) {
	t.Parallel()
	var n names
	workflows.Register(&n)
	activities.All{}.Register(&n)
	slices.Sort(n.list)
	require.Equal(t, n.list, slices.Compact(slices.Clone(n.list)), "names are unique across structs")
	want, err := os.ReadFile("testdata/registered.golden")
	require.NoError(t, err)
	require.Equal(t, strings.Fields(strings.ReplaceAll(string(want), " ", "_")),
		strings.Fields(strings.ReplaceAll(strings.Join(n.list, "\n"), " ", "_")))
}
