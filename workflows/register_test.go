package workflows_test

import (
	"flag"
	"os"
	"path/filepath"
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
	list := registered()
	require.Equal(t, list, slices.Compact(slices.Clone(list)), "names are unique across structs")
	golden(t, "registered.golden", strings.Join(list, "\n")+"\n")
}

func registered() []string {
	var n names
	workflows.Register(&n)
	activities.All{}.Register(&n)
	slices.Sort(n.list)
	return n.list
}

var update = flag.Bool("update", false, "write the golden files of testdata")

// golden compares a text with a file of testdata, or writes the file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "go test ./workflows -update writes %s anew", name)
}
