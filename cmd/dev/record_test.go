package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/inflio/persona/internal/contract"
)

// record names the scenario whose history is written: go test ./cmd/dev -record=ready, or -record=all.
var record = flag.String("record", "", "run one scenario, or all, and write its history to workflows/testdata/histories")

// recordings has every scenario that package workflows replays, and the test that runs it.
var recordings = map[string]string{
	"TrainPersona/ready":             "TestLife",
	"TrainPersona/photos_rejected":   "TestAPoorSetFailsWithReasons",
	"TrainPersona/validation_failed": "TestTwoPeopleInOneSetFailValidation",
	"TrainPersona/lost_reply":        "TestAProviderThatMisbehavesIsPaidOnce/lost_reply",
	"TrainPersona/bad_answers":       "TestAProviderThatMisbehavesIsPaidOnce/bad_answers",
	"TrainPersona/settled_by_person": "TestScenarios/settled_by_person",
	"TrainPersona/worker_stopped":    "TestScenarios/worker_stopped",
	"TrainPersona/deadline":          "TestScenarios/deadline",
	"TrainPersona/cancel_requested":  "TestScenarios/cancel_requested",

	"TrainPersona/cancelled_collecting":    "TestScenarios/cancelled_collecting",
	"TrainPersona/cancelled_preprocessing": "TestScenarios/cancelled_preprocessing",
	"TrainPersona/cancelled_uploading":     "TestScenarios/cancelled_uploading",
	"TrainPersona/cancelled_queued":        "TestScenarios/cancelled_queued",
	"TrainPersona/cancelled_training":      "TestScenarios/cancelled_training",
	"TrainPersona/cancelled_validating":    "TestCancelWhileValidating",

	"CleanJob/cleaned":       "TestLife",
	"ErasePersona/certified": "TestLife",
	"EraseUser/two_personas": "TestErasureOfAUser",
}

// selectRecorded limits the tests of this run to those that -record needs, unless -run does.
func selectRecorded() error {
	if *record == "" || flag.Lookup("test.run").Value.String() != "" {
		return nil
	}
	var tests []string
	for name, test := range recordings {
		if _, scenario, _ := strings.Cut(name, "/"); *record == "all" || *record == scenario {
			tests = append(tests, test)
		}
	}
	if len(tests) == 0 {
		var known []string
		for name := range recordings {
			known = append(known, name[strings.Index(name, "/")+1:])
		}
		slices.Sort(known)
		return fmt.Errorf("-record=%s: there is no such scenario; use all or one of %s", *record, strings.Join(known, ", "))
	}
	pattern := "^" + tests[0] + "$"
	if len(tests) > 1 {
		tops := map[string]bool{}
		for _, test := range tests {
			top, _, _ := strings.Cut(test, "/")
			tops[top] = true
		}
		pattern = "^(" + strings.Join(slices.Sorted(maps.Keys(tops)), "|") + ")$"
	}
	return flag.Set("test.run", strings.ReplaceAll(pattern, "/", "$/^"))
}

// histories is the folder that recordings are written to. Its subfolders named kept hold histories from before a change
// of a workflow; nothing writes them.
var histories = filepath.Join("..", "..", "workflows", "testdata", "histories")

// recordHistory waits until the newest run of a workflow has closed. If the scenario is to be recorded, it writes the
// run's history.
func (s *system) recordHistory(t *testing.T, workflow, scenario, id string) {
	t.Helper()
	require.Equal(t, t.Name(), recordings[workflow+"/"+scenario], "the table of recordings names the test")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := s.temporal(t)
	_ = c.GetWorkflow(ctx, id, "").Get(ctx, nil) // its error may be the workflow's
	require.NoError(t, ctx.Err(), "the run does not close")
	if *record != "all" && *record != scenario {
		return
	}
	var history historypb.History
	events := c.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		history.Events = append(history.Events, event)
	}
	text, err := protojson.MarshalOptions{Multiline: true, Indent: " "}.Marshal(&history)
	require.NoError(t, err)
	host, err := os.Hostname()
	require.NoError(t, err)
	// In identities and names of sticky queues.
	text = bytes.ReplaceAll(text, []byte("@"+host+"#"), []byte("@host#"))
	text = bytes.ReplaceAll(text, []byte(`"`+host+":"), []byte(`"host:`))
	folder := filepath.Join(histories, workflow)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, scenario+".json"), append(text, '\n'), 0o644))
}

// recordTraining is recordHistory for the training of a persona.
func (s *system) recordTraining(t *testing.T, scenario, personaID string) {
	t.Helper()
	s.recordHistory(t, contract.TrainPersonaWorkflow, scenario, contract.TrainPersonaID(personaID))
}

func TestEveryScenarioIsRecorded(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(histories, "*", "*.json"))
	require.NoError(t, err)
	var recorded []string
	for _, file := range files {
		recorded = append(recorded, filepath.Base(filepath.Dir(file))+"/"+strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	if *record == "" {
		require.ElementsMatch(t, slices.Collect(maps.Keys(recordings)), recorded, "go test ./cmd/dev -record=NAME writes one")
	}
}
