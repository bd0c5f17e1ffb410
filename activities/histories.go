package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/inflio/persona/internal/contract"
)

// scheduleIDs are the schedules that a persona may have; each is itself a workflow whose history names the persona.
func scheduleIDs(personaID string) []string {
	return []string{contract.RetrainScheduleID(personaID)}
}

// runsOf finds every run that carries the persona's id, in the list of workflows and under the ids we know, since the
// list lags behind. Schedules are deleted on the way.
func (a *Erasure) runsOf(ctx context.Context, personaID string) ([]*commonpb.WorkflowExecution, error) {
	runs := map[string]*commonpb.WorkflowExecution{}
	queries := []string{fmt.Sprintf("PersonaId = '%s'", personaID)}
	known := []string{contract.TrainPersonaID(personaID)}
	for _, id := range scheduleIDs(personaID) {
		if err := a.Temporal.ScheduleClient().GetHandle(ctx, id).Delete(ctx); err != nil && !isGone(err) {
			return nil, err
		}
		scheduler := "temporal-sys-scheduler:" + id
		queries = append(queries, fmt.Sprintf("TemporalNamespaceDivision = 'TemporalScheduler' AND WorkflowId = '%s'", scheduler))
		known = append(known, scheduler)
	}
	for _, query := range queries {
		if err := a.list(ctx, query, runs); err != nil {
			return nil, err
		}
	}
	for _, id := range known {
		run, err := a.Temporal.DescribeWorkflowExecution(ctx, id, "")
		if isGone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found := run.GetWorkflowExecutionInfo().GetExecution()
		runs[found.GetRunId()] = found
	}
	return slices.Collect(maps.Values(runs)), nil
}

// openRuns finds the workflows of a persona that still run.
func (a *Erasure) openRuns(ctx context.Context, personaID string) ([]*commonpb.WorkflowExecution, error) {
	runs := map[string]*commonpb.WorkflowExecution{}
	if err := a.list(ctx, fmt.Sprintf("PersonaId = '%s' AND ExecutionStatus = 'Running'", personaID), runs); err != nil {
		return nil, err
	}
	// The list lags behind; the description does not.
	run, err := a.Temporal.DescribeWorkflowExecution(ctx, contract.TrainPersonaID(personaID), "")
	switch {
	case isGone(err):
	case err != nil:
		return nil, err
	case run.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		found := run.GetWorkflowExecutionInfo().GetExecution()
		runs[found.GetRunId()] = found
	}
	return slices.Collect(maps.Values(runs)), nil
}

func (a *Erasure) list(ctx context.Context, query string, into map[string]*commonpb.WorkflowExecution) error {
	var page []byte
	for {
		reply, err := a.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: a.Namespace, Query: query, NextPageToken: page,
		})
		if err != nil {
			return err
		}
		for _, e := range reply.GetExecutions() {
			into[e.GetExecution().GetRunId()] = e.GetExecution()
		}
		if page = reply.GetNextPageToken(); len(page) == 0 {
			return nil
		}
	}
}

func (a *Erasure) deleteRun(ctx context.Context, run *commonpb.WorkflowExecution) error {
	_, err := a.Temporal.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: a.Namespace, WorkflowExecution: run,
	})
	if isGone(err) {
		return nil
	}
	return err
}
