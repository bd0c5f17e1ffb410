package temporal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/embedded/temporal"
)

const (
	soon = 30 * time.Second
	tick = 50 * time.Millisecond
)

func start(t *testing.T, o temporal.Options) *temporal.Server {
	t.Helper()
	s, err := temporal.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	return s
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func dial(t *testing.T, s *temporal.Server) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: s.Addr(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return c
}

// greet is a workflow with an activity, a short timer and a search attribute.
func greet(ctx workflow.Context, name string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	if err := workflow.Sleep(ctx, 20*time.Millisecond); err != nil {
		return "", err
	}
	var greeting string
	err := workflow.ExecuteActivity(ctx, sayHello, name).Get(ctx, &greeting)
	return greeting, err
}

func sayHello(_ context.Context, name string) (string, error) { return "hello " + name, nil }

// run executes the workflow on a worker of its own.
func run(t *testing.T, c client.Client, id, name string) string {
	t.Helper()
	w := worker.New(c, "greetings", worker.Options{})
	w.RegisterWorkflow(greet)
	w.RegisterActivity(sayHello)
	require.NoError(t, w.Start())
	defer w.Stop()
	r, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: id, TaskQueue: "greetings",
		TypedSearchAttributes: sdktemporal.NewSearchAttributes(
			contract.PersonaIDKey.ValueSet(id), contract.UserIDKey.ValueSet("u"),
			contract.StageKey.ValueSet("training"), contract.PersonaVersionKey.ValueSet(7)),
	}, greet, name)
	require.NoError(t, err)
	var greeting string
	require.NoError(t, r.Get(t.Context(), &greeting))
	return greeting
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestHistorySurvivesARestart(t *testing.T) {
	t.Parallel()
	o := temporal.Options{File: filepath.Join(t.TempDir(), "a folder with 100% odd?#characters", "temporal.db")}
	o.UIListener = listen(t, "127.0.0.1:0")
	first := start(t, o)
	c := dial(t, first)
	require.Equal(t, "hello you", run(t, c, "kept", "you"))
	c.Close()
	begun := time.Now()
	first.Stop()
	require.Less(t, time.Since(begun), 5*time.Second)

	o.UIListener = listen(t, "127.0.0.1:0")
	second := start(t, o)
	c = dial(t, second)
	defer c.Close()
	var greeting string
	require.NoError(t, c.GetWorkflow(t.Context(), "kept", "").Get(t.Context(), &greeting))
	require.Equal(t, "hello you", greeting)

	status, page := get(t, second.UIURL())
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "<html")
	status, list := get(t, second.UIURL()+"/api/v1/namespaces/default/workflows")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, list, "kept")
}

func TestNamespace(t *testing.T) {
	t.Parallel()
	s := start(t, temporal.Options{})
	require.Empty(t, s.UIURL())
	c := dial(t, s)
	defer c.Close()
	namespace, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "default"})
	require.NoError(t, err)
	require.Equal(t, 72*time.Hour, namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())
	there, err := c.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: "default"})
	require.NoError(t, err)
	require.Equal(t, map[string]enumspb.IndexedValueType{
		"PersonaId": enumspb.INDEXED_VALUE_TYPE_KEYWORD, "UserId": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"Stage": enumspb.INDEXED_VALUE_TYPE_KEYWORD, "PersonaVersion": enumspb.INDEXED_VALUE_TYPE_INT,
	}, there.GetCustomAttributes())

	require.Equal(t, "hello you", run(t, c, "found", "you"))
	require.Eventually(t, func() bool {
		found, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: "PersonaId='found' AND Stage='training' AND PersonaVersion=7 AND ExecutionStatus='Completed'",
		})
		return err == nil && len(found.GetExecutions()) == 1
	}, soon, tick)
}

func TestDeletedHistoriesLeaveNoBytes(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.db")
	s := start(t, temporal.Options{File: file})
	c := dial(t, s)
	defer c.Close()
	for i := range 3 {
		run(t, c, fmt.Sprintf("marker-id-%d", i), "marker-name")
	}
	require.True(t, anyHolds(t, file, "marker-id"), "the search finds what is there")
	for i := range 3 {
		id := &commonpb.WorkflowExecution{WorkflowId: fmt.Sprintf("marker-id-%d", i)}
		_, err := c.WorkflowService().DeleteWorkflowExecution(t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{Namespace: "default", WorkflowExecution: id})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			_, err := c.DescribeWorkflowExecution(t.Context(), id.GetWorkflowId(), "")
			var gone *serviceerror.NotFound
			return errors.As(err, &gone)
		}, soon, tick)
	}
	require.Eventually(t, func() bool { return !anyHolds(t, file, "marker-id") && !anyHolds(t, file, "marker-name") }, soon, tick)
}

// anyHolds looks for a text in the database file and the files beside it.
func anyHolds(t *testing.T, file, text string) bool {
	t.Helper()
	files, err := filepath.Glob(file + "*")
	require.NoError(t, err)
	for _, f := range files {
		content, err := os.ReadFile(f)
		require.NoError(t, err)
		if strings.Contains(string(content), text) {
			return true
		}
	}
	return false
}

func TestServersInOneProcessDoNotMeet(t *testing.T) {
	t.Parallel()
	var clients []client.Client
	for range 2 {
		c := dial(t, start(t, temporal.Options{}))
		defer c.Close()
		clients = append(clients, c)
	}
	run(t, clients[0], "mine", "you")
	_, err := clients[1].DescribeWorkflowExecution(t.Context(), "mine", "")
	var missing *serviceerror.NotFound
	require.ErrorAs(t, err, &missing)
}

func TestSentences(t *testing.T) {
	t.Parallel()
	notes := filepath.Join(t.TempDir(), "notes.txt")
	require.NoError(t, os.WriteFile(notes, []byte("this is not a database"), 0o600))
	torn := filepath.Join(t.TempDir(), "torn.db")
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(torn, append([]byte("SQLite format 3\x00"), make([]byte, 5000)...), 0o600))

	for name, test := range map[string]struct {
		o    temporal.Options
		want string
	}{
		"open to others":    {temporal.Options{Listener: listen(t, "0.0.0.0:0")}, "Temporal cannot listen on"},
		"UI open to others": {temporal.Options{UIListener: listen(t, "0.0.0.0:0")}, "the Temporal Web UI cannot listen on"},
		"not a database":    {temporal.Options{File: notes}, notes + " is damaged"},
		"damaged database":  {temporal.Options{File: torn}, torn + " is damaged"},
		"a folder":          {temporal.Options{File: folder}, folder + " is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := temporal.Start(t.Context(), test.o)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "\n")
			for _, l := range []net.Listener{test.o.Listener, test.o.UIListener} {
				if l != nil {
					require.ErrorIs(t, l.Close(), net.ErrClosed, "a start that fails closes what it took over")
				}
			}
		})
	}
}
