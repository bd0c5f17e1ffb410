package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
)

// buy uploads the pictures and buys the training, once. It returns when the job is bought; where that is uncertain it
// waits until the provider's news, its list or a person has settled it.
func (t *training) buy(ctx workflow.Context) error {
	if err := t.enter(ctx, persona.StageUploading, "handing the pictures to the provider"); err != nil {
		return err
	}
	var purchases *activities.Training
	job, err := call(ctx, quickRecord, "Make the training job", purchases.MakeJob, t.in)
	if err != nil {
		return err
	}
	t.job = job // known before anything is handed out, so that a cancel can take it back
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
			if state, err = t.findOut(ctx); err != nil {
				return err
			}
		}
		switch state.Status {
		case persona.PurchaseIntended: // proved: nothing was bought
			t.show(ctx, "nothing had been bought; buying again")
		case persona.PurchaseRefused:
			return temporal.NewNonRetryableApplicationError(orElse(state.Reason, "The provider refused the training."),
				contract.ProviderRefused, nil)
		default:
			t.show(ctx, "bought")
			return nil
		}
	}
}

// findOut waits until an uncertain purchase is settled.
func (t *training) findOut(ctx workflow.Context) (activities.JobState, error) {
	t.show(ctx, "it is not known whether the training was bought: waiting for the provider's word, or send the update %s",
		contract.SettleUpdate)
	if err := workflow.UpsertTypedSearchAttributes(ctx, contract.StageKey.ValueSet(contract.StageUncertain)); err != nil {
		return activities.JobState{}, err
	}
	var purchases *activities.Training
	state, err := askUntilDone[activities.JobState](ctx, t, func(ctx workflow.Context) workflow.Future {
		return start(ctx, awaitNews, "Find out whether it was bought", purchases.FindTraining, t.job)
	})
	if err != nil {
		return state, err
	}
	return state, workflow.UpsertTypedSearchAttributes(ctx, contract.StageKey.ValueSet(string(t.stage)))
}

// await waits for the bought training, until its deadline.
func (t *training) await(ctx workflow.Context) (activities.TrainingDone, error) {
	if err := t.enter(ctx, persona.StageTraining, "waiting for the provider"); err != nil {
		return activities.TrainingDone{}, err
	}
	var purchases *activities.Training
	deadline := workflow.Now(ctx).Add(trainingDeadline)
	done, err := askUntilDone[activities.TrainingDone](ctx, t, func(ctx workflow.Context) workflow.Future {
		p := awaitProvider
		p.options.ScheduleToCloseTimeout = max(deadline.Sub(workflow.Now(ctx)), time.Second)
		return start(ctx, p, "Wait for the training", purchases.AwaitTraining, t.job)
	})
	var late *temporal.TimeoutError
	if typeOf(err) == contract.TrainingRunning || errors.As(err, &late) {
		return done, temporal.NewNonRetryableApplicationError(
			"The provider did not finish the training in time.", contract.TrainingDeadline, nil)
	}
	if err == nil {
		t.show(ctx, "done after %d s", done.Seconds)
	}
	return done, err
}

// askUntilDone waits for an activity that asks at its own pace, and asks anew at once when there is news.
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

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
