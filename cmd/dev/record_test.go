package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// record keeps what these tests make of Temporal as the histories that package workflows replays:
// go test ./cmd/dev -record
var record = flag.Bool("record", false, "write histories to workflows/testdata/histories")

// recordHistory keeps the newest run of a workflow as one scenario.
func (s *system) recordHistory(t *testing.T, workflow, scenario, id string) {
	t.Helper()
	if !*record {
		return
	}
	var history historypb.History
	events := s.temporal(t).GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		history.Events = append(history.Events, event)
	}
	text, err := protojson.MarshalOptions{Multiline: true, Indent: " "}.Marshal(&history)
	require.NoError(t, err)
	host, err := os.Hostname()
	require.NoError(t, err)
	text = bytes.ReplaceAll(text, []byte(host), []byte("host")) // in identities and names of sticky queues
	folder := filepath.Join("..", "..", "workflows", "testdata", "histories", workflow)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, scenario+".json"), append(text, '\n'), 0o644))
}
