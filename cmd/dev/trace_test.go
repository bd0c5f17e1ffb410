package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"
)

// requireNoTrace searches for marks in the names and content of files, in every row of every table, and in every event of
// every workflow's history. Only the erasure record and the audit log may have them.
func (s *system) requireNoTrace(t *testing.T, marks ...string) {
	t.Helper()
	s.requireNotInFiles(t, marks)
	s.requireNotInRows(t, marks, "erasures", "audit_log")
	s.requireNotInTemporal(t, marks)
}

// requireNotInFiles does not read the files of PostgreSQL and of Temporal's SQLite, which keep deleted rows until their
// space is used again. Their content is checked by queries.
func (s *system) requireNotInFiles(t *testing.T, marks []string) {
	t.Helper()
	for _, folder := range []string{"blobs", "localtrainer"} {
		root := filepath.Join(s.dir, folder)
		require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil // deleted meanwhile
			}
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil && !os.IsNotExist(err) {
				return err
			}
			for _, mark := range marks {
				require.NotContains(t, path, mark)
				require.False(t, bytes.Contains(data, []byte(mark)), "%s holds %s", path, mark)
			}
			return nil
		}))
	}
}

func (s *system) requireNotInRows(t *testing.T, marks []string, except ...string) {
	t.Helper()
	db := s.database(t)
	defer func() { _ = db.Close(t.Context()) }()
	rows, err := db.Query(t.Context(), `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Greater(t, len(tables), 10)
	for _, table := range tables {
		if strings.Contains(strings.Join(except, " "), table) {
			continue
		}
		for _, mark := range marks {
			var n int
			query := `SELECT count(*) FROM ` + pgx.Identifier{table}.Sanitize() + ` AS r WHERE to_jsonb(r)::text LIKE '%' || $1 || '%'`
			require.NoError(t, db.QueryRow(t.Context(), query, mark).Scan(&n))
			require.Zero(t, n, "table %s holds %s", table, mark)
		}
	}
}

// database connects as the superuser, who can read every row.
func (s *system) database(t *testing.T) *pgx.Conn {
	t.Helper()
	address, err := os.ReadFile(filepath.Join(s.dir, databaseURLName))
	require.NoError(t, err)
	db, err := pgx.Connect(t.Context(), string(address))
	require.NoError(t, err)
	return db
}

func (s *system) requireNotInTemporal(t *testing.T, marks []string) {
	t.Helper()
	for _, history := range s.histories(t) {
		for _, mark := range marks {
			require.NotContains(t, history, mark)
		}
	}
}

// histories returns every workflow of the namespace with its whole history, as text.
func (s *system) histories(t *testing.T) []string {
	t.Helper()
	c := s.temporal(t)
	var out []string
	var page []byte
	for {
		reply, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{NextPageToken: page})
		require.NoError(t, err)
		for _, run := range reply.GetExecutions() {
			text := protojson.Format(run)
			events := c.GetWorkflowHistory(t.Context(), run.GetExecution().GetWorkflowId(), run.GetExecution().GetRunId(),
				false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
			for events.HasNext() {
				event, err := events.Next()
				if err != nil {
					break // deleted meanwhile
				}
				text += readable(t, protojson.Format(event))
			}
			out = append(out, text)
		}
		if page = reply.GetNextPageToken(); len(page) == 0 {
			break
		}
	}
	for schedules, err := c.ScheduleClient().List(t.Context(), client.ScheduleListOptions{}); ; {
		require.NoError(t, err)
		if !schedules.HasNext() {
			return out
		}
		entry, err := schedules.Next()
		require.NoError(t, err)
		out = append(out, entry.ID)
	}
}

// readable adds the decoded payloads to an event; protojson writes them in base64.
func readable(t *testing.T, event string) string {
	t.Helper()
	var tree any
	require.NoError(t, json.Unmarshal([]byte(event), &tree))
	var text strings.Builder
	text.WriteString(event)
	var walk func(any)
	walk = func(node any) {
		switch v := node.(type) {
		case map[string]any:
			for key, value := range v {
				if encoded, ok := value.(string); ok && key == "data" {
					var raw []byte
					if json.Unmarshal([]byte(`"`+encoded+`"`), &raw) == nil {
						text.Write(raw)
					}
				}
				walk(value)
			}
		case []any:
			for _, value := range v {
				walk(value)
			}
		}
	}
	walk(tree)
	return text.String()
}
