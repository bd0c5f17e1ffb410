package workflows

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
)

// photosAtOnce bounds how many photos of one training are worked on at a time, so that one persona with forty photos
// does not keep the others waiting.
const photosAtOnce = 6

// collect fetches the photos that were given as addresses.
func (t *training) collect(ctx workflow.Context, plan activities.TrainingPlan) error {
	if err := t.enter(ctx, persona.StageCollecting, fmt.Sprintf("%d photos", len(plan.Photos))); err != nil {
		return err
	}
	var missing []activities.PhotoTask
	for _, p := range plan.Photos {
		if p.Fetch {
			missing = append(missing, p)
		}
	}
	var photos *activities.Photos
	_, err := t.each(ctx, photoFetch, "Fetch", missing, len(plan.Photos), photos.CollectPhoto)
	return err
}

// preprocess judges and prepares every photo, then looks at them as a set.
func (t *training) preprocess(ctx workflow.Context, plan activities.TrainingPlan) error {
	if err := t.enter(ctx, persona.StagePreprocessing, "judging each photo"); err != nil {
		return err
	}
	var photos *activities.Photos
	verdicts, err := t.each(ctx, photoWork, "Judge and prepare", plan.Photos, len(plan.Photos), photos.PreparePhoto)
	if err != nil {
		return err
	}
	for _, v := range verdicts {
		if !v.Accepted {
			t.show(ctx, "photo %d refused, score %d: %v", v.Index+1, v.Overall, v.Codes)
		}
	}
	t.selection, err = call(ctx, photoSet, "Look at the set", photos.ChoosePhotos, t.in)
	if err != nil {
		return err
	}
	t.show(ctx, "%d photos are used, %d refused, %d spare", t.selection.Used, t.selection.Refused, t.selection.Spare)
	if t.selection.Used < plan.MinPhotos {
		return temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("Only %d of %d photos can be used, and at least %d are needed.",
				t.selection.Used, len(plan.Photos), plan.MinPhotos),
			contract.PhotosRejected, nil)
	}
	return nil
}

// each runs one activity per photo, a few at a time, and returns the verdicts in the order of the photos.
func (t *training) each(
	ctx workflow.Context, p policy, verb string, tasks []activities.PhotoTask, total int,
	activity func(context.Context, activities.PhotoInput) (activities.PhotoVerdict, error),
) ([]activities.PhotoVerdict, error) {
	verdicts := make([]activities.PhotoVerdict, len(tasks))
	places, running := workflow.NewSemaphore(ctx, photosAtOnce), workflow.NewWaitGroup(ctx)
	var failed error
	for i, task := range tasks {
		if err := places.Acquire(ctx, 1); err != nil {
			failed = err
			break
		}
		running.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer running.Done()
			defer places.Release(1)
			in := activities.PhotoInput{TrainPersonaInput: t.in, PhotoTask: task, Total: total}
			verdict, err := call(ctx, p, fmt.Sprintf("%s photo %d", verb, task.Index+1), activity, in)
			if err != nil && failed == nil {
				failed = err
			}
			verdicts[i] = verdict
		})
	}
	running.Wait(ctx)
	return verdicts, failed
}
