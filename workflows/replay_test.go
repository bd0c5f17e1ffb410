package workflows_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/workflows"
)

// histories are runs on a real server, one per outcome: go test ./cmd/dev -record writes them anew. A change of a
// workflow that fails here would break the workflows that are running when it is deployed: it needs a version switch.
func histories(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "*", "*.json"))
	require.NoError(t, err)
	return files
}

func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	recorded := map[string]int{}
	for _, file := range histories(t) {
		recorded[filepath.Base(filepath.Dir(file))]++
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			workflows.Register(replayer)
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(quietLog, file))
		})
	}
	for _, name := range []string{contract.TrainPersonaWorkflow, contract.ErasePersonaWorkflow, contract.EraseUserWorkflow} {
		require.NotZero(t, recorded[name], "%s has no recorded history", name)
	}
}

// The replay test bites: a twin of TrainPersona that does one thing more fails on every history, with the SDK's code
// for a workflow that does not do what its history says.
func TestABrokenTwinDoesNotReplay(t *testing.T) {
	t.Parallel()
	broken := func(ctx workflow.Context, in contract.TrainPersonaInput) (contract.TrainPersonaResult, error) {
		if err := workflow.Sleep(ctx, 1); err != nil {
			return contract.TrainPersonaResult{}, err
		}
		return workflows.TrainPersona(ctx, in)
	}
	for _, file := range histories(t) {
		if filepath.Base(filepath.Dir(file)) != contract.TrainPersonaWorkflow {
			continue
		}
		replayer := worker.NewWorkflowReplayer()
		replayer.RegisterWorkflowWithOptions(broken, workflow.RegisterOptions{Name: contract.TrainPersonaWorkflow})
		require.ErrorContains(t, replayer.ReplayWorkflowHistoryFromJSONFile(quietLog, file), "TMPRL1100", file)
	}
}

// What is recorded stays readable for anybody who clones this: no address of a machine, no name.
func TestRecordedHistoriesHoldNothingPrivate(t *testing.T) {
	t.Parallel()
	for _, file := range histories(t) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotContains(t, string(text), "http://", file)
		require.NotContains(t, string(text), "@example", file)
	}
}
