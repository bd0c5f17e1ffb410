package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
)

// handle registers what the outside may say to a training: news from a webhook, a cancel, a decision about an
// uncertain purchase.
func (t *training) handle(ctx workflow.Context, cancel workflow.CancelFunc) error {
	changed := workflow.GetSignalChannel(ctx, contract.TrainingChangedSignal)
	workflow.Go(ctx, func(ctx workflow.Context) {
		for changed.Receive(ctx, nil) {
			t.news++
		}
	})
	err := workflow.SetUpdateHandlerWithOptions(ctx, contract.CancelUpdate,
		func(ctx workflow.Context) (contract.CancelAnswer, error) { return t.cancel(ctx, cancel) },
		workflow.UpdateHandlerOptions{Description: "Stop this training and settle what it left behind"})
	if err != nil {
		return err
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, contract.SettleUpdate, t.decide, workflow.UpdateHandlerOptions{
		Description: "Say what became of an uncertain purchase: RequestID, or NothingBought",
		Validator:   t.mayDecide,
	})
}

// cancel stops the work, waits until everything is settled and answers.
func (t *training) cancel(ctx workflow.Context, stop workflow.CancelFunc) (contract.CancelAnswer, error) {
	if !t.decided {
		stop()
	}
	if err := workflow.Await(ctx, func() bool { return t.settled }); err != nil {
		return contract.CancelAnswer{}, err
	}
	return contract.CancelAnswer{Cancelled: t.cancelled, MayBeBilled: t.cancelled && t.mayBeBilled}, nil
}

// mayDecide refuses a decision that is not one, before it is written to the history.
func (t *training) mayDecide(in contract.SettleInput) error {
	switch {
	case t.job.JobID == "" || t.stage != persona.StageQueued:
		return temporal.NewApplicationError("no purchase of this training is uncertain", contract.Superseded)
	case in.NothingBought == (in.RequestID != ""):
		return temporal.NewApplicationError("give either RequestID or NothingBought", contract.Superseded)
	default:
		return nil
	}
}

// decide records a person's word and lets the waiting stage look again.
func (t *training) decide(ctx workflow.Context, in contract.SettleInput) error {
	var purchases *activities.Training
	_, err := call(ctx, quickRecord, "Record a person's decision", purchases.DecideTraining,
		activities.DecideInput{JobInput: t.job, SettleInput: in})
	t.news++
	return err
}
