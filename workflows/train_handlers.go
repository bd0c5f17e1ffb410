package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
)

// handle registers the signal and the updates of a training.
func (t *training) handle(ctx workflow.Context, cancel workflow.CancelFunc) error {
	changed := workflow.GetSignalChannel(ctx, contract.TrainingChangedSignal)
	workflow.Go(ctx, func(ctx workflow.Context) {
		for changed.Receive(ctx, nil) {
			t.news++
		}
	})
	err := workflow.SetUpdateHandlerWithOptions(ctx, contract.CancelUpdate,
		func(ctx workflow.Context) (contract.CancelAnswer, error) { return t.cancel(ctx, cancel) },
		workflow.UpdateHandlerOptions{Description: "Stop this training and settle its purchase"})
	if err != nil {
		return err
	}
	return workflow.SetUpdateHandlerWithOptions(ctx, contract.SettleUpdate, t.decide, workflow.UpdateHandlerOptions{
		Description: "Settle an uncertain purchase: RequestID, or NothingBought. It is checked with the provider",
		Validator:   t.mayDecide,
	})
}

// cancel stops the work, waits until its purchase is settled and answers. A version that is being deployed is kept,
// which is answered at once.
func (t *training) cancel(ctx workflow.Context, stop workflow.CancelFunc) (contract.CancelAnswer, error) {
	if t.kept {
		return contract.CancelAnswer{}, nil
	}
	if !t.decided {
		stop()
	}
	if err := workflow.Await(ctx, func() bool { return t.settled }); err != nil {
		return contract.CancelAnswer{}, err
	}
	return contract.CancelAnswer{Cancelled: t.cancelled, MayBeBilled: t.cancelled && t.mayBeBilled}, nil
}

// mayDecide refuses a claim that cannot be one, before it is written to the history.
func (t *training) mayDecide(in contract.SettleInput) error {
	switch {
	case !t.uncertain:
		return temporal.NewApplicationError("no purchase of this training is uncertain", contract.Superseded)
	case in.NothingBought == (in.RequestID != ""):
		return temporal.NewApplicationError("give either RequestID or NothingBought", contract.Superseded)
	default:
		return nil
	}
}

// decide checks and records a person's claim, and lets the waiting stage look again.
func (t *training) decide(ctx workflow.Context, in contract.SettleInput) error {
	var purchases *activities.Training
	_, err := call(ctx, checkClaim, "Check and record an operator's claim", purchases.DecideTraining,
		activities.DecideInput{JobInput: t.job, SettleInput: in})
	t.news++
	return err
}
