package workflows

import (
	"cmp"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
)

// buy uploads the pictures and buys the training, once. It returns when the job is bought. While that is uncertain it
// waits until the webhook, the provider's list or a person has settled it.
func (t *training) buy(ctx workflow.Context) error {
	if err := t.enter(ctx, persona.StageUploading, "sending the pictures to the provider"); err != nil {
		return err
	}
	var purchases *activities.Training
	job, err := call(ctx, quickRecord, "Make the training job", purchases.MakeJob, t.in)
	if err != nil {
		return err
	}
	t.job = job // known before anything is sent, so that a cancel can remove it
	if err := do(ctx, upload, "Upload the training pictures", purchases.UploadDataset, t.job); err != nil {
		return err
	}
	if err := t.enter(ctx, persona.StageQueued, "buying the training"); err != nil {
		return err
	}
	for {
		state, err := call(ctx, purchase, "Buy the training, once", purchases.SubmitTraining, t.job)
		if err != nil {
			return err
		}
		if state.Status == persona.PurchaseUncertain {
			t.show(ctx, "it is not known whether the training was bought")
			if state, err = t.findOut(ctx, 0); err != nil {
				return err
			}
		}
		switch state.Status {
		case persona.PurchaseIntended: // nothing was bought, which was proved or claimed and checked
			t.show(ctx, "nothing had been bought; buying again")
		case persona.PurchaseRefused:
			return temporal.NewNonRetryableApplicationError(cmp.Or(state.Reason, "The provider refused the training."),
				contract.ProviderRefused, nil)
		default:
			t.show(ctx, "bought")
			return nil
		}
	}
}

// findOut waits until an uncertain purchase is settled, for at most limit when that is positive. Meanwhile operators see
// the stage `uncertain` and can send the update Settle.
func (t *training) findOut(ctx workflow.Context, limit time.Duration) (activities.JobState, error) {
	t.show(ctx, "waiting for the provider; an operator can send the update %s", contract.SettleUpdate)
	if err := workflow.UpsertTypedSearchAttributes(ctx, contract.StageKey.ValueSet(contract.StageUncertain)); err != nil {
		return activities.JobState{}, err
	}
	t.uncertain = true
	defer func() { t.uncertain = false }()
	var purchases *activities.Training
	deadline := workflow.Now(ctx).Add(limit)
	state, err := askUntilDone[activities.JobState](ctx, t, func(ctx workflow.Context) workflow.Future {
		p := awaitNews
		if limit > 0 {
			p.options.ScheduleToCloseTimeout = max(deadline.Sub(workflow.Now(ctx)), time.Second)
		}
		return start(ctx, p, "Find out whether it was bought", purchases.FindTraining, t.job)
	})
	if err != nil {
		return state, err
	}
	return state, workflow.UpsertTypedSearchAttributes(ctx, contract.StageKey.ValueSet(string(t.stage)))
}

// await waits for the bought training, until its deadline. again is true when it turned out that nothing was bought.
func (t *training) await(ctx workflow.Context) (done activities.TrainingDone, again bool, err error) {
	if err := t.enter(ctx, persona.StageTraining, "waiting for the provider"); err != nil {
		return done, false, err
	}
	var purchases *activities.Training
	deadline := workflow.Now(ctx).Add(trainingDeadline)
	for {
		left := max(deadline.Sub(workflow.Now(ctx)), time.Second)
		done, err = askUntilDone[activities.TrainingDone](ctx, t, func(ctx workflow.Context) workflow.Future {
			p := awaitProvider
			p.options.ScheduleToCloseTimeout = max(deadline.Sub(workflow.Now(ctx)), time.Second)
			return start(ctx, p, "Wait for the training", purchases.AwaitTraining, t.job)
		})
		if err == nil && done.Lost {
			t.show(ctx, "the provider does not find the training that it acknowledged")
			var state activities.JobState
			if state, err = t.findOut(ctx, left); err == nil {
				if state.Status == persona.PurchaseIntended {
					return done, true, nil
				}
				continue
			}
		}
		break
	}
	if isLate(err) {
		return done, false, temporal.NewNonRetryableApplicationError(
			"The provider did not finish the training in time.", contract.TrainingDeadline, nil)
	}
	if err == nil {
		t.show(ctx, "done after %d s", done.Seconds)
	}
	return done, false, err
}

// isLate reports whether an activity that waits reached its deadline: then the last "not yet", or a timeout, is left.
func isLate(err error) bool {
	var late *temporal.TimeoutError
	kind := typeOf(err)
	return kind == contract.TrainingRunning || kind == contract.SubmitUncertain || errors.As(err, &late)
}

// askUntilDone waits for an activity that polls, and runs it anew at once when there is news.
func askUntilDone[Out any](ctx workflow.Context, t *training, ask func(workflow.Context) workflow.Future) (Out, error) {
	var out Out
	for {
		asking, stop := workflow.WithCancel(ctx)
		future := ask(asking)
		seen := t.news
		err := workflow.Await(ctx, func() bool { return future.IsReady() || t.news != seen })
		if err == nil && !future.IsReady() {
			stop()
			err = future.Get(ctx, nil)
			if temporal.IsCanceledError(err) && ctx.Err() == nil {
				continue
			}
		}
		if err == nil {
			err = future.Get(ctx, &out)
		}
		stop()
		return out, err
	}
}
