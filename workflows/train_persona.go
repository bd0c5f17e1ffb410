package workflows

import (
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
)

// TrainPersona makes one version of a persona: collect, preprocess, train, validate, deploy. It ends with an active
// version, or with a typed failure after everything it left behind has been settled.
func TrainPersona(ctx workflow.Context, in contract.TrainPersonaInput) (contract.TrainPersonaResult, error) {
	t := &training{in: in, log: workflow.GetLogger(ctx)}
	work, cancel := workflow.WithCancel(ctx)
	if err := t.handle(ctx, cancel); err != nil {
		return contract.TrainPersonaResult{}, err
	}
	result, err := t.run(work)
	t.decided = true
	if err != nil {
		err = t.settle(ctx, err)
	}
	// A cancel that waits for its answer must get it before the run closes.
	settled, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	if awaited := workflow.Await(settled, func() bool { return workflow.AllHandlersFinished(settled) }); awaited != nil {
		return result, awaited
	}
	return result, err
}

// training is the state of one run.
type training struct {
	in    contract.TrainPersonaInput
	log   log.Logger
	stage persona.Stage
	notes []string // what the Web UI shows under the current stage

	job         activities.JobInput // JobID is "" before there is one
	uncertain   bool                // it is not known whether the job was bought
	selection   activities.Selection
	decided     bool // the outcome is fixed; a cancel comes too late
	kept        bool // the version passed its checks and is being deployed
	settled     bool // the outcome is on record, and the job is settled
	cancelled   bool // the outcome is a cancel
	mayBeBilled bool
	news        int // how often a webhook or a person brought news; every change is a reason to ask again
}

// run passes the stages in order.
func (t *training) run(ctx workflow.Context) (contract.TrainPersonaResult, error) {
	result := contract.TrainPersonaResult{Version: t.in.Version}
	var records *activities.Records
	plan, err := call(ctx, quickRecord, "Read what there is to train on", records.PlanTraining, t.in)
	if err != nil {
		return result, err
	}
	if !plan.Open {
		t.settled = true
		t.log.Info("this version was settled before; nothing to do", "version", t.in.Version)
		return result, nil
	}
	if err := t.collect(ctx, plan); err != nil {
		return result, err
	}
	if err := t.preprocess(ctx, plan); err != nil {
		return result, err
	}
	result.PhotosUsed = t.selection.Used
	var done activities.TrainingDone
	for again := true; again; {
		if err := t.buy(ctx); err != nil {
			return result, err
		}
		if done, again, err = t.await(ctx); err != nil {
			return result, err
		}
	}
	verdict, err := t.validate(ctx)
	if err != nil {
		return result, err
	}
	result.Checks, result.Strength = verdict.checks, verdict.strength
	return result, t.deploy(ctx, done.Seconds)
}

// enter begins a stage: for people in the status, for operators in the list and on the run's page.
func (t *training) enter(ctx workflow.Context, stage persona.Stage, note string) error {
	t.stage = stage
	if err := workflow.UpsertTypedSearchAttributes(ctx, contract.StageKey.ValueSet(string(stage))); err != nil {
		return err
	}
	t.show(ctx, "%s", note)
	var records *activities.Records
	return do(ctx, quickRecord, "Stage: "+string(stage), records.EnterStage,
		activities.StageInput{TrainPersonaInput: t.in, Stage: stage})
}

// show adds a line to the details that the Web UI shows for the run.
func (t *training) show(ctx workflow.Context, format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf("* **%s**: %s", t.stage, fmt.Sprintf(format, args...)))
	workflow.SetCurrentDetails(ctx, strings.Join(t.notes, "\n"))
}

// deploy copies the weights and makes the version active. From here on a cancel comes too late: what was paid for and
// passed its checks is kept.
func (t *training) deploy(ctx workflow.Context, seconds int) error {
	if err := ctx.Err(); err != nil {
		return err // cancelled at the moment at which validation ended: the canceller was promised it
	}
	t.decided, t.kept = true, true
	ctx, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	if err := t.enter(ctx, persona.StageDeploying, "copying the weights"); err != nil {
		return err
	}
	var models *activities.Models
	err := do(ctx, bigCopy, "Copy, check and encrypt the weights", models.DeployModel,
		activities.DeployInput{JobInput: t.job, TrainingSeconds: seconds})
	if err != nil {
		return err
	}
	t.stage = persona.StageDone
	t.settled = true
	t.show(ctx, "version %d is active", t.in.Version)
	if err := workflow.UpsertTypedSearchAttributes(ctx, contract.StageKey.ValueSet(string(persona.StageDone))); err != nil {
		return err
	}
	t.clean(ctx)
	return nil
}

// clean starts the workflow that removes the provider's copies. It outlives this run, so that the next version can be
// trained while the provider still answers slowly.
func (t *training) clean(ctx workflow.Context) {
	in := contract.CleanJobInput{UserID: t.in.UserID, PersonaID: t.in.PersonaID, JobID: t.job.JobID}
	cleaning := child(ctx, cleanJobOptions(in), contract.PriorityUser, contract.CleanJobWorkflow, in)
	err := cleaning.GetChildWorkflowExecution().Get(ctx, nil)
	if err != nil && !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		t.log.Error("the cleaning of the provider could not be started", "error", err)
		t.show(ctx, "the cleaning of the provider could not be started")
	}
}

// settle ends a run that failed or was cancelled: it gives up the job at the provider, records why, and starts the removal
// of the provider's copies. A cancel is answered before that removal, which may take minutes. It returns the error that
// the run ends with.
func (t *training) settle(ctx workflow.Context, cause error) error {
	t.cancelled = temporal.IsCanceledError(cause)
	ctx, done := workflow.NewDisconnectedContext(ctx)
	defer done()
	if t.job.JobID != "" {
		var purchases *activities.Training
		settlement, err := call(ctx, compensation, "Give up the job at the provider", purchases.CancelJob, t.job)
		if err != nil {
			t.log.Error("the job could not be given up; cleaning goes on with it", "error", err)
		}
		t.mayBeBilled = settlement.MayBeBilled || err != nil
	}
	failure := reason(cause)
	t.show(ctx, "ended: %s", failure.Message)
	var records *activities.Records
	err := do(ctx, finalRecord, "Record why it ended", records.FailTraining, activities.FailInput{
		TrainPersonaInput: t.in, Cancelled: t.cancelled, Code: failure.Code, Message: failure.Message,
	})
	if err != nil && typeOf(err) != contract.RecordGone {
		t.log.Error("the end could not be recorded", "error", err)
	}
	t.settled = true
	if t.job.JobID != "" {
		t.clean(ctx)
	}
	if t.cancelled {
		return temporal.NewCanceledError()
	}
	return cause
}

// reason returns the error that the status shows for a failed run.
func reason(err error) *persona.Error {
	if temporal.IsCanceledError(err) {
		return &persona.Error{Code: persona.CodeCancelled, Message: "The training was cancelled."}
	}
	codes := map[string]persona.Code{
		contract.PhotosRejected:   persona.CodePhotosRejected,
		contract.ProviderRefused:  persona.CodeProviderRefused,
		contract.ProviderFailed:   persona.CodeProviderFailed,
		contract.SamplesMissing:   persona.CodeProviderFailed,
		contract.TrainingDeadline: persona.CodeDeadline,
		contract.ValidationFailed: persona.CodeValidationFailed,
		contract.ModelDamaged:     persona.CodeModelDamaged,
	}
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		if code, ok := codes[app.Type()]; ok {
			return &persona.Error{Code: code, Message: app.Message()}
		}
	}
	return &persona.Error{
		Code: persona.CodeTrainingFailed, Message: "The training could not be finished because of a fault on our side.",
	}
}

// typeOf returns the type of the application error in err's chain, or "".
func typeOf(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Type()
	}
	return ""
}
