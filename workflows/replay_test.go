package workflows_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/workflows"
)

// recorded is the history of one run on a real server.
type recorded struct {
	file     string // testdata/histories/<Workflow>/<scenario>.json, or below <Workflow>/kept
	workflow string
	history  *historypb.History
}

// histories returns every history. Those of the present code are written by go test ./cmd/dev -record=NAME; those in a
// folder named kept are from before a change, and nothing writes them. A change of a workflow that does not replay them
// would break the runs that are open when it is deployed: it needs a change id in versions.go.
func histories(t *testing.T) []recorded {
	t.Helper()
	root := filepath.Join("testdata", "histories")
	var all []recorded
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		history, err := client.HistoryFromJSON(bytes.NewReader(text), client.HistoryJSONOptions{})
		require.NoError(t, err, path)
		name, rest, _ := strings.Cut(strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(root)+"/"), "/")
		require.Regexp(t, `^(kept/)?\w+\.json$`, rest)
		all = append(all, recorded{file: path, workflow: name, history: history})
		return nil
	}))
	require.NotEmpty(t, all)
	return all
}

func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	var found []string
	for _, r := range histories(t) {
		found = append(found, r.workflow)
		t.Run(r.file, func(t *testing.T) {
			t.Parallel()
			replayer := worker.NewWorkflowReplayer()
			workflows.Register(replayer)
			require.NoError(t, replayer.ReplayWorkflowHistory(quietLog, r.history))
		})
	}
	var n names
	workflows.Register(&n)
	for _, registered := range n.list {
		require.Contains(t, found, strings.TrimPrefix(registered, "workflow "), "a workflow without a recorded history")
	}
}

// A history that was written down before its run closed lacks the part that tells how a run ends.
func TestRecordedHistoriesAreWhole(t *testing.T) {
	t.Parallel()
	closing := []enumspb.EventType{
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
	}
	for _, r := range histories(t) {
		events := r.history.GetEvents()
		require.Contains(t, closing, events[len(events)-1].GetEventType(), r.file)
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
	for _, r := range histories(t) {
		if r.workflow != contract.TrainPersonaWorkflow {
			continue
		}
		replayer := worker.NewWorkflowReplayer()
		replayer.RegisterWorkflowWithOptions(broken, workflow.RegisterOptions{Name: contract.TrainPersonaWorkflow})
		require.ErrorContains(t, replayer.ReplayWorkflowHistory(quietLog, r.history), "TMPRL1100", r.file)
	}
}

// Each change id needs a history from before the change, which is in a folder named kept, and one from after it.
// Without the first, a mistake in the old branch would be noticed only in production.
func TestEveryChangeHasHistoriesOfBothSides(t *testing.T) {
	t.Parallel()
	all := histories(t)
	for _, problem := range withoutHistories(changeIDs(t), all) {
		t.Error(problem)
	}
	// The check finds what is missing.
	require.Equal(t, []string{
		"no history has the marker of the change invented: go test ./cmd/dev -record=NAME",
	}, withoutHistories([]string{"invented"}, all))
	id, err := converter.GetDefaultDataConverter().ToPayloads("invented")
	require.NoError(t, err)
	after := recorded{file: "TrainPersona/x.json", workflow: contract.TrainPersonaWorkflow, history: &historypb.History{Events: []*historypb.HistoryEvent{{
		Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{
			MarkerName: "Version", Details: map[string]*commonpb.Payloads{"change-id": id},
		}},
	}}}}
	require.Equal(t, []string{
		"no history in TrainPersona/kept is from before the change invented: copy one there before recording",
	}, withoutHistories([]string{"invented"}, append(slices.Clone(all), after)))
	before := recorded{file: "TrainPersona/kept/x.json", workflow: contract.TrainPersonaWorkflow, history: &historypb.History{}}
	require.Empty(t, withoutHistories([]string{"invented"}, append(slices.Clone(all), after, before)))
}

// withoutHistories returns a sentence for each change id that lacks a history with its marker, or one without it of the
// same workflow.
func withoutHistories(ids []string, all []recorded) (problems []string) {
	for _, id := range ids {
		after := map[string]bool{} // workflows with the marker
		for _, r := range all {
			if slices.Contains(markers(r.history), id) {
				after[r.workflow] = true
			}
		}
		if len(after) == 0 {
			problems = append(problems, "no history has the marker of the change "+id+": go test ./cmd/dev -record=NAME")
		}
		for name := range after {
			before := slices.ContainsFunc(all, func(r recorded) bool {
				return r.workflow == name && filepath.Base(filepath.Dir(r.file)) == "kept" && !slices.Contains(markers(r.history), id)
			})
			if !before {
				problems = append(problems, "no history in "+name+"/kept is from before the change "+id+": copy one there before recording")
			}
		}
	}
	return problems
}

// markers returns the change ids that a run has passed with the new code.
func markers(history *historypb.History) (ids []string) {
	for _, event := range history.GetEvents() {
		marker := event.GetMarkerRecordedEventAttributes()
		if marker.GetMarkerName() != "Version" {
			continue
		}
		for _, payload := range marker.GetDetails()["change-id"].GetPayloads() {
			var id string
			if converter.GetDefaultDataConverter().FromPayloads(&commonpb.Payloads{Payloads: []*commonpb.Payload{payload}}, &id) == nil {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// changeIDs reads the change ids from the source: the texts of the field id in versions.go. GetVersion is called there and
// nowhere else.
func changeIDs(t *testing.T) (ids []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				require.False(t, n.Sel.Name == "GetVersion" && name != "versions.go", "%s calls GetVersion: changes are declared in versions.go", name)
			case *ast.KeyValueExpr:
				field, named := n.Key.(*ast.Ident)
				text, literal := n.Value.(*ast.BasicLit)
				if name == "versions.go" && named && field.Name == "id" {
					require.True(t, literal, "a change id is written out, so that it can be searched for")
					id, err := strconv.Unquote(text.Value)
					require.NoError(t, err)
					ids = append(ids, id)
				}
			}
			return true
		})
	}
	return ids
}

// Histories are public: they hold no address of a machine and no e-mail address.
func TestRecordedHistoriesHoldNothingPrivate(t *testing.T) {
	t.Parallel()
	for _, r := range histories(t) {
		text, err := os.ReadFile(r.file)
		require.NoError(t, err)
		require.NotContains(t, string(text), "http://", r.file)
		require.NotContains(t, string(text), "@example", r.file)
	}
}
