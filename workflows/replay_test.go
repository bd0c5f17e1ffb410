package workflows_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/workflows"
)

// histories returns the file of every history: testdata/histories/<Workflow>/<scenario>.json, which go test ./cmd/dev
// -record=NAME writes, and testdata/histories/<Workflow>/kept/<name>.json, from before a change, which nothing writes. A
// change of a workflow that does not replay them would break the runs that are open when it is deployed: it needs a
// change id in versions.go.
func histories(t *testing.T) []string {
	t.Helper()
	root := filepath.Join("testdata", "histories")
	var files []string
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		require.Regexp(t, `^\w+/(kept/)?\w+\.json$`, filepath.ToSlash(name))
		files = append(files, path)
		return nil
	}))
	require.NotEmpty(t, files)
	return files
}

// workflowOf returns the workflow that a history is of.
func workflowOf(file string) string {
	dir := filepath.Dir(file)
	if filepath.Base(dir) == "kept" {
		dir = filepath.Dir(dir)
	}
	return filepath.Base(dir)
}

func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	var found []string
	for _, file := range histories(t) {
		found = append(found, workflowOf(file))
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			workflows.Register(replayer)
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(quietLog, file))
		})
	}
	var n names
	workflows.Register(&n)
	for _, registered := range n.list {
		require.Contains(t, found, strings.TrimPrefix(registered, "workflow "), "a workflow without a recorded history")
	}
}

// A history that was written down before its run closed lacks the part that shows how a run ends.
func TestRecordedHistoriesAreWhole(t *testing.T) {
	t.Parallel()
	closing := []enumspb.EventType{
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
	}
	for _, file := range histories(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		history, err := client.HistoryFromJSON(bytes.NewReader(text), client.HistoryJSONOptions{})
		require.NoError(t, err)
		events := history.GetEvents()
		require.Contains(t, closing, events[len(events)-1].GetEventType(), file)
	}
}

// The replay test can fail: a twin of TrainPersona with one more timer does not replay any history.
func TestABrokenTwinDoesNotReplay(t *testing.T) {
	t.Parallel()
	broken := func(ctx workflow.Context, in contract.TrainPersonaInput) (contract.TrainPersonaResult, error) {
		if err := workflow.Sleep(ctx, 1); err != nil {
			return contract.TrainPersonaResult{}, err
		}
		return workflows.TrainPersona(ctx, in)
	}
	for _, file := range histories(t) {
		if workflowOf(file) != contract.TrainPersonaWorkflow {
			continue
		}
		replayer := worker.NewWorkflowReplayer()
		replayer.RegisterWorkflowWithOptions(broken, workflow.RegisterOptions{Name: contract.TrainPersonaWorkflow})
		require.ErrorContains(t, replayer.ReplayWorkflowHistoryFromJSONFile(quietLog, file), "TMPRL1100", file)
	}
}

// A change that is not in versions.go would not be found by the test of its histories.
func TestGetVersionIsCalledInOneFile(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if name == "versions.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NotContains(t, string(text), "workflow.GetVersion(", "%s: changes are declared in versions.go", name)
	}
}

// Histories are public: they hold no address of a machine and no e-mail address.
func TestRecordedHistoriesHoldNothingPrivate(t *testing.T) {
	t.Parallel()
	for _, file := range histories(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(text), "http://", file)
		require.NotContains(t, string(text), "@example", file)
	}
}
