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
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
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

// A malformed input cannot become well-formed by a retry, so the run fails at once and says which field it is.
func TestMalformedInputsAreRefused(t *testing.T) {
	t.Parallel()
	good := version1
	for _, c := range []struct {
		name, workflow string
		in             any
		field          string
	}{
		{"no user", contract.TrainPersonaWorkflow, contract.TrainPersonaInput{PersonaID: good.PersonaID, Version: 1}, "UserID"},
		{"an address for a user", contract.TrainPersonaWorkflow, contract.TrainPersonaInput{UserID: "jane@example.org", PersonaID: good.PersonaID, Version: 1}, "UserID"},
		{"no persona", contract.TrainPersonaWorkflow, contract.TrainPersonaInput{UserID: good.UserID, Version: 1}, "PersonaID"},
		{"no version", contract.TrainPersonaWorkflow, contract.TrainPersonaInput{UserID: good.UserID, PersonaID: good.PersonaID}, "Version"},
		{"capitals", contract.ErasePersonaWorkflow, contract.ErasePersonaInput{ErasureID: strings.ToUpper(idOf("e"))}, "ErasureID"},
		{"nothing", contract.EraseUserWorkflow, contract.EraseUserInput{}, "ErasureID"},
		{"no job", contract.CleanJobWorkflow, contract.CleanJobInput{UserID: good.UserID, PersonaID: good.PersonaID}, "JobID"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ExecuteWorkflow(c.workflow, c.in)
			var app *temporal.ApplicationError
			require.ErrorAs(t, w.GetWorkflowError(), &app)
			require.Equal(t, []any{contract.InputInvalid, true}, []any{app.Type(), app.NonRetryable()})
			require.Contains(t, app.Message(), c.field)
			require.NotContains(t, app.Message(), "jane")
			require.Empty(t, w.calls)
		})
	}
}
