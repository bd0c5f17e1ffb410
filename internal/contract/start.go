package contract

import (
	"context"
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

// callTimeout bounds every call to Temporal that a person waits for.
const callTimeout = 10 * time.Second

// StartTrainPersona starts the training, or does nothing when one runs for this persona. The id may be used again
// after a run has ended, for the next version; a run that finds its version settled ends at once.
func StartTrainPersona(ctx context.Context, c client.Client, in TrainPersonaInput) error {
	return start(ctx, c, client.StartWorkflowOptions{
		ID:                       TrainPersonaID(in.PersonaID),
		TaskQueue:                MainQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		Priority:                 PriorityOf(PriorityUser, in),
		StaticSummary:            "Make a persona from photos",
		TypedSearchAttributes: temporal.NewSearchAttributes(
			PersonaIDKey.ValueSet(in.PersonaID), UserIDKey.ValueSet(in.UserID),
			PersonaVersionKey.ValueSet(int64(in.Version)), StageKey.ValueSet("collecting")),
	}, TrainPersonaWorkflow, in)
}

// StartErasePersona starts the erasure, or does nothing when it was started before.
func StartErasePersona(ctx context.Context, c client.Client, in ErasePersonaInput) error {
	return start(ctx, c, eraseOptions(ErasePersonaID(in.ErasureID), "Erase one persona", in), ErasePersonaWorkflow, in)
}

// StartEraseUser starts the erasure of everything a user has, or does nothing when it was started before.
func StartEraseUser(ctx context.Context, c client.Client, in EraseUserInput) error {
	return start(ctx, c, eraseOptions(EraseUserID(in.ErasureID), "Erase everything of one user", in), EraseUserWorkflow, in)
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

func start(ctx context.Context, c client.Client, o client.StartWorkflowOptions, workflow string, in any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	// Without this the SDK answers a duplicate start with the old run and no error, which would hide a second start.
	o.WorkflowExecutionErrorWhenAlreadyStarted = true
	_, err := c.ExecuteWorkflow(ctx, o, workflow, in)
	if temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		return nil
	}
	return err
}

// SignalTrainingChanged tells a training that its provider has news. It is safe to send at any time and twice.
func SignalTrainingChanged(ctx context.Context, c client.Client, personaID string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return c.SignalWorkflow(ctx, TrainPersonaID(personaID), "", TrainingChangedSignal, nil)
}

// CancelTraining asks a training to stop and waits for its answer: until the provider's job is settled and the
// version is marked, or until ctx ends. updateID makes it safe to send twice.
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

// SettleTraining hands a person's decision about an uncertain purchase to the training.
func SettleTraining(ctx context.Context, c client.Client, personaID string, in SettleInput) error {
	handle, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: TrainPersonaID(personaID), UpdateName: SettleUpdate,
		Args: []any{in}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	return handle.Get(ctx, nil)
}

// RetrainScheduleID is the schedule that retrains a persona.
func RetrainScheduleID(personaID string) string { return "retrain/" + personaID }

// ExpireConsentScheduleID is the schedule that ends a persona when its consent runs out.
func ExpireConsentScheduleID(personaID string) string { return "expire-consent/" + personaID }
