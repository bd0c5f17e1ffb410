package contract

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// TrainPersonaID is the workflow id of a persona's training: one persona trains once at a time.
func TrainPersonaID(personaID string) string { return "train-persona/" + personaID }

// ErasePersonaID is the workflow id of one persona's erasure.
func ErasePersonaID(erasureID string) string { return "erase-persona/" + erasureID }

// CleanJobID is the workflow id of the cleaning of a training job.
func CleanJobID(jobID string) string { return "clean-job/" + jobID }

// EraseUserID is the workflow id of one user's erasure.
func EraseUserID(erasureID string) string { return "erase-user/" + erasureID }

// callTimeout bounds each call of Temporal.
const callTimeout = 10 * time.Second

// ErrBusy is in the chain of the error of a start that must be tried again: the workflow id is taken by a run that was
// started for something else.
var ErrBusy = errors.New("contract: another run has the workflow id")

// StartTrainPersona starts the training of a version, or does nothing when a run of this version is open. It returns
// ErrBusy while a run of another version is open. A run that finds its version ended does nothing, so starting a version
// again after its run has closed is safe.
func StartTrainPersona(ctx context.Context, c client.Client, in TrainPersonaInput) error {
	id := TrainPersonaID(in.PersonaID)
	err := start(ctx, c, client.StartWorkflowOptions{
		ID:                       id,
		TaskQueue:                MainQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		Priority:                 PriorityOf(PriorityUser, in),
		StaticSummary:            "Make a persona from photos",
		TypedSearchAttributes: temporal.NewSearchAttributes(
			PersonaIDKey.ValueSet(in.PersonaID), UserIDKey.ValueSet(in.UserID),
			PersonaVersionKey.ValueSet(int64(in.Version)), StageKey.ValueSet("collecting")),
	}, TrainPersonaWorkflow, in)
	if !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return err
	}
	version, open, err := openVersion(ctx, c, id)
	switch {
	case err != nil:
		return err
	case open && version == in.Version:
		return nil
	default: // of another version, or closed a moment ago
		return ErrBusy
	}
}

// openVersion returns the version that the open run of a workflow id trains; open is false when no run is open.
func openVersion(ctx context.Context, c client.Client, id string) (version int, open bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	// By id alone: what is asked for is whether a run is open now, whichever it is.
	described, err := c.DescribeWorkflow(ctx, id, "")
	if err != nil {
		return 0, false, err
	}
	number, _ := described.TypedSearchAttributes.GetInt64(PersonaVersionKey)
	return int(number), described.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}

// StartCleanJob starts the cleaning of a training job. It returns ErrBusy while the job is being cleaned: that run may
// have read the job before it changed.
func StartCleanJob(ctx context.Context, c client.Client, in CleanJobInput) error {
	err := start(ctx, c, client.StartWorkflowOptions{
		ID:                       CleanJobID(in.JobID),
		TaskQueue:                MainQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		Priority:                 PriorityOf(PriorityUser, in),
		StaticSummary:            "Remove a training from the provider",
		TypedSearchAttributes: temporal.NewSearchAttributes(
			PersonaIDKey.ValueSet(in.PersonaID), UserIDKey.ValueSet(in.UserID)),
	}, CleanJobWorkflow, in)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return ErrBusy
	}
	return err
}

// StartErasePersona starts the erasure, or does nothing when it was started before.
func StartErasePersona(ctx context.Context, c client.Client, in ErasePersonaInput) error {
	return once(start(ctx, c, eraseOptions(ErasePersonaID(in.ErasureID), "Erase one persona", in), ErasePersonaWorkflow, in))
}

// StartEraseUser starts the erasure of everything a user has, or does nothing when it was started before.
func StartEraseUser(ctx context.Context, c client.Client, in EraseUserInput) error {
	return once(start(ctx, c, eraseOptions(EraseUserID(in.ErasureID), "Erase everything of one user", in), EraseUserWorkflow, in))
}

func eraseOptions(id, summary string, in Keyed) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       id,
		TaskQueue:                MainQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		Priority:                 PriorityOf(PriorityErasure, in),
		StaticSummary:            summary,
	}
}

// once is the result of a start whose id names exactly one thing: a run with this id is the one that is wanted.
func once(err error) error {
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return nil
	}
	return err
}

func start(ctx context.Context, c client.Client, o client.StartWorkflowOptions, workflow string, in any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	// Without this the SDK answers a duplicate start with the open run and no error.
	o.WorkflowExecutionErrorWhenAlreadyStarted = true
	_, err := c.ExecuteWorkflow(ctx, o, workflow, in)
	return err
}

// SignalTrainingChanged lets a training ask its provider at once. It may be sent at any time and repeatedly.
func SignalTrainingChanged(ctx context.Context, c client.Client, personaID string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.SignalWorkflow(ctx, TrainPersonaID(personaID), "", TrainingChangedSignal, nil)
}

// CancelTraining cancels a training and waits until its job is settled and the outcome is recorded, or until ctx ends.
// Calls with the same updateID are one cancellation.
func CancelTraining(ctx context.Context, c client.Client, personaID, updateID string) (CancelAnswer, error) {
	handle, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: TrainPersonaID(personaID), UpdateID: updateID, UpdateName: CancelUpdate,
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return CancelAnswer{}, err
	}
	var answer CancelAnswer
	return answer, handle.Get(ctx, &answer)
}

// RetrainScheduleID is the id of the schedule that retrains a persona.
func RetrainScheduleID(personaID string) string { return "retrain/" + personaID }
