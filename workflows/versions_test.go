package workflows_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/workflows"
)

// Both branches of every change are replayed, and a change is removed with its old branch and not left behind.
func TestEveryChangeHasHistoriesOfBothBranches(t *testing.T) {
	t.Parallel()
	require.Empty(t, unrecorded(t, workflows.Changes(), histories(t)))
	for _, c := range workflows.Changes() {
		since, err := time.Parse(time.DateOnly, c.Since)
		require.NoError(t, err, c.ID)
		until, err := time.Parse(time.DateOnly, c.Until)
		require.NoError(t, err, c.ID)
		require.True(t, until.After(since), c.ID)
	}
}

// The test above has nothing to find while there is no change, so it is tried on one that is not real.
func TestAChangeWithoutItsHistoriesIsFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made := []workflows.Change{{ID: "made-up", Workflow: contract.TrainPersonaWorkflow}}
	elsewhere := writeHistory(t, dir, contract.EraseUserWorkflow, "without.json", "")
	without := writeHistory(t, dir, contract.TrainPersonaWorkflow, "kept/without.json", "")
	other := writeHistory(t, dir, contract.TrainPersonaWorkflow, "kept/other.json", "another")
	short := writeHistory(t, dir, contract.TrainPersonaWorkflow, "short.json", "")
	with := writeHistory(t, dir, contract.TrainPersonaWorkflow, "with.json", "made-up")
	for _, c := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"both", []string{without, with}, nil},
		{"another change counts as without", []string{other, with}, nil},
		{"none", nil, []string{"made-up: no history with its marker", "made-up: no kept history without its marker"}},
		{"only without", []string{without, other}, []string{"made-up: no history with its marker"}},
		{"only with", []string{with, elsewhere}, []string{"made-up: no kept history without its marker"}},
		{"without, but of the present code", []string{with, short}, []string{"made-up: no kept history without its marker"}},
	} {
		require.Equal(t, c.want, unrecorded(t, made, c.files), c.name)
	}
	require.Empty(t, unrecorded(t, nil, nil))
}

func TestAChangeAppliesToNewRuns(t *testing.T) {
	t.Parallel()
	env := suite.NewTestWorkflowEnvironment()
	run := func(ctx workflow.Context) (bool, error) { return workflows.Applies(ctx, "made-up"), nil }
	env.RegisterWorkflow(run)
	env.ExecuteWorkflow(run)
	var applies bool
	require.NoError(t, env.GetWorkflowResult(&applies))
	require.True(t, applies)

	old := suite.NewTestWorkflowEnvironment()
	old.RegisterWorkflow(run)
	old.OnGetVersion("made-up", workflow.DefaultVersion, workflow.Version(1)).Return(workflow.DefaultVersion)
	old.ExecuteWorkflow(run)
	require.NoError(t, old.GetWorkflowResult(&applies))
	require.False(t, applies)
}

// unrecorded returns a sentence for each branch of a change that no history of its workflow takes.
func unrecorded(t *testing.T, changes []workflows.Change, files []string) (problems []string) {
	t.Helper()
	for _, c := range changes {
		with, kept := 0, 0
		for _, file := range files {
			switch {
			case workflowOf(file) != c.Workflow:
			case slices.Contains(markers(t, file), c.ID):
				with++
			case filepath.Base(filepath.Dir(file)) == "kept":
				kept++
			}
		}
		if with == 0 {
			problems = append(problems, c.ID+": no history with its marker")
		}
		// A history of the present code may lack the marker because its run ended before the place of the change.
		if kept == 0 {
			problems = append(problems, c.ID+": no kept history without its marker")
		}
	}
	return problems
}

// markers returns the ids of the changes that a history has recorded.
func markers(t *testing.T, file string) (ids []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var history historypb.History
	require.NoError(t, protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(text, &history))
	for _, e := range history.GetEvents() {
		if marker := e.GetMarkerRecordedEventAttributes(); marker.GetMarkerName() == "Version" {
			var id string
			require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(marker.GetDetails()["change-id"], &id))
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// writeHistory writes a history of one event: a marker of this change, or none.
func writeHistory(t *testing.T, dir, workflow, name, id string) string {
	t.Helper()
	event := &historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED}
	if id != "" {
		change, err := converter.GetDefaultDataConverter().ToPayloads(id)
		require.NoError(t, err)
		event = &historypb.HistoryEvent{
			EventType: enumspb.EVENT_TYPE_MARKER_RECORDED,
			Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{
				MarkerName: "Version", Details: map[string]*commonpb.Payloads{"change-id": change},
			}},
		}
	}
	text, err := protojson.Marshal(&historypb.History{Events: []*historypb.HistoryEvent{event}})
	require.NoError(t, err)
	path := filepath.Join(dir, workflow, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}
