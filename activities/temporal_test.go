package activities_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
)

// fakeTemporal is as much of Temporal as an erasure meets: runs that can be listed a page at a time, described,
// cancelled, terminated and deleted, the last in the background; and schedules. Whatever else is called panics.
type fakeTemporal struct {
	client.Client

	mu        sync.Mutex
	runs      []*fakeRun
	schedules map[string]bool
	asked     []string // workflows that were cancelled
	away      error    // what every call fails with
}

type fakeRun struct {
	workflow, run, persona string
	running                bool
	deaf                   bool // does not answer to Cancel
	slow                   bool // answers to Cancel and goes on for a while
	doomed                 bool // deleted, and still there until sweep
}

func (f *fakeTemporal) add(r fakeRun) *fakeRun {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.run = fmt.Sprintf("run-%d", len(f.runs))
	f.runs = append(f.runs, &r)
	return &r
}

// sweep ends what was slow and deletes what was to be deleted.
func (f *fakeTemporal) sweep() {
	f.mu.Lock()
	defer f.mu.Unlock()
	var left []*fakeRun
	for _, r := range f.runs {
		r.running = r.running && !r.slow
		if !r.doomed {
			left = append(left, r)
		}
	}
	f.runs = left
}

func (f *fakeTemporal) left() (ids []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.runs {
		ids = append(ids, r.workflow)
	}
	return ids
}

// newest returns the newest run of a workflow that fits, or what Temporal says when there is none. f.mu is held.
func (f *fakeTemporal) newest(workflow string, fits func(*fakeRun) bool) (*fakeRun, error) {
	if f.away != nil {
		return nil, f.away
	}
	for _, r := range slices.Backward(f.runs) {
		if r.workflow == workflow && fits(r) {
			return r, nil
		}
	}
	return nil, serviceerror.NewNotFound("workflow not found for ID: " + workflow)
}

func isRunning(r *fakeRun) bool { return r.running }

func (r *fakeRun) info() *workflowpb.WorkflowExecutionInfo {
	status := enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	if r.running {
		status = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	}
	return &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: r.workflow, RunId: r.run}, Status: status,
	}
}

func (f *fakeTemporal) DescribeWorkflowExecution(
	_ context.Context, workflow, _ string,
) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.newest(workflow, func(*fakeRun) bool { return true })
	if err != nil {
		return nil, err
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: r.info()}, nil
}

// ListWorkflow gives one run a page.
func (f *fakeTemporal) ListWorkflow(
	_ context.Context, in *workflowservice.ListWorkflowExecutionsRequest,
) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away != nil {
		return nil, f.away
	}
	if in.GetNamespace() != "test" {
		return nil, serviceerror.NewNamespaceNotFound(in.GetNamespace())
	}
	skip := len(in.GetNextPageToken())
	for _, r := range f.runs {
		byPersona := in.GetQuery() == fmt.Sprintf("PersonaId = '%s'", r.persona) && r.persona != "" ||
			in.GetQuery() == fmt.Sprintf("PersonaId = '%s' AND ExecutionStatus = 'Running'", r.persona) && r.running
		byID := strings.HasSuffix(in.GetQuery(), fmt.Sprintf("TemporalScheduler' AND WorkflowId = '%s'", r.workflow))
		if !byPersona && !byID {
			continue
		}
		if skip--; skip < 0 {
			return &workflowservice.ListWorkflowExecutionsResponse{
				Executions:    []*workflowpb.WorkflowExecutionInfo{r.info()},
				NextPageToken: append(in.GetNextPageToken(), 'x'),
			}, nil
		}
	}
	return &workflowservice.ListWorkflowExecutionsResponse{}, nil
}

func (f *fakeTemporal) CancelWorkflow(_ context.Context, workflow, _ string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, workflow)
	r, err := f.newest(workflow, isRunning)
	if err == nil {
		r.running = r.slow || r.deaf
	}
	return err
}

func (f *fakeTemporal) TerminateWorkflow(_ context.Context, workflow, _, _ string, _ ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, err := f.newest(workflow, isRunning)
	if err == nil {
		r.running = false
	}
	return err
}

func (f *fakeTemporal) ScheduleClient() client.ScheduleClient { return fakeSchedules{f: f} }

func (f *fakeTemporal) WorkflowService() workflowservice.WorkflowServiceClient {
	return fakeService{f: f}
}

type fakeSchedules struct {
	client.ScheduleClient
	f *fakeTemporal
}

func (s fakeSchedules) GetHandle(_ context.Context, id string) client.ScheduleHandle {
	return fakeSchedule{f: s.f, id: id}
}

type fakeSchedule struct {
	client.ScheduleHandle
	f  *fakeTemporal
	id string
}

func (s fakeSchedule) Delete(context.Context) error {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if s.f.away != nil {
		return s.f.away
	}
	if !s.f.schedules[s.id] {
		return serviceerror.NewNotFound("schedule not found: " + s.id)
	}
	delete(s.f.schedules, s.id)
	return nil
}

type fakeService struct {
	workflowservice.WorkflowServiceClient
	f *fakeTemporal
}

func (s fakeService) DeleteWorkflowExecution(
	_ context.Context, in *workflowservice.DeleteWorkflowExecutionRequest, _ ...grpc.CallOption,
) (*workflowservice.DeleteWorkflowExecutionResponse, error) {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	r, err := s.f.newest(in.GetWorkflowExecution().GetWorkflowId(), func(r *fakeRun) bool {
		return r.run == in.GetWorkflowExecution().GetRunId() && !r.doomed
	})
	if err != nil {
		return nil, err
	}
	r.doomed = true
	return &workflowservice.DeleteWorkflowExecutionResponse{}, nil
}
