package workflows

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
)

// photosAtOnce bounds how many photos of one training are in work at a time, so that a persona with forty photos does
// not fill the queue.
const photosAtOnce = 6

// photoAttempts is how often a worker may die, hang or panic on a photo before the photo is refused. Workers also die
// for other reasons, so once or twice proves nothing.
const photoAttempts = 5

type photoActivity = func(context.Context, activities.PhotoInput) (activities.PhotoVerdict, error)

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
	_, err := each(ctx, missing, func(ctx workflow.Context, task activities.PhotoTask) (activities.PhotoVerdict, error) {
		return t.onePhoto(ctx, photoFetch, "Fetch", photos.CollectPhoto, task, len(plan.Photos), persona.PhotoUnreachable)
	})
	return err
}

// preprocess judges and prepares every photo, then examines them as a set.
func (t *training) preprocess(ctx workflow.Context, plan activities.TrainingPlan) error {
	if err := t.enter(ctx, persona.StagePreprocessing, "judging each photo"); err != nil {
		return err
	}
	var photos *activities.Photos
	verdicts, err := each(ctx, plan.Photos, func(ctx workflow.Context, task activities.PhotoTask) (activities.PhotoVerdict, error) {
		return t.onePhoto(ctx, photoWork, "Judge and prepare", photos.PreparePhoto, task, len(plan.Photos), persona.PhotoCannotBeJudged)
	})
	if err != nil {
		return err
	}
	for _, v := range verdicts {
		if !v.Accepted {
			t.show(ctx, "photo %d refused, score %d: %v", v.Index+1, v.Overall, v.Codes)
		}
	}
	t.selection, err = call(ctx, photoSet, "Choose among the photos", photos.ChoosePhotos, t.in)
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

// each works on all photos, a few at a time, and returns the verdicts in the order of the photos, or the first error.
func each(
	ctx workflow.Context, tasks []activities.PhotoTask,
	work func(workflow.Context, activities.PhotoTask) (activities.PhotoVerdict, error),
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
			verdict, err := work(ctx, task)
			if err != nil && failed == nil {
				failed = err
			}
			verdicts[i] = verdict
		})
	}
	running.Wait(ctx)
	return verdicts, failed
}

// onePhoto runs an activity for one photo. A photo that keeps its workers from finishing is refused, so that it does not
// end or block the training; an outage is not the photo's fault and does.
func (t *training) onePhoto(
	ctx workflow.Context, p policy, verb string, activity photoActivity,
	task activities.PhotoTask, total int, refusal persona.PhotoCode,
) (activities.PhotoVerdict, error) {
	in := activities.PhotoInput{TrainPersonaInput: t.in, PhotoTask: task, Total: total}
	for attempt := 1; ; attempt++ {
		verdict, err := call(ctx, p, fmt.Sprintf("%s photo %d", verb, task.Index+1), activity, in)
		if err == nil || !mayBlamePhoto(err) {
			return verdict, err
		}
		if attempt < photoAttempts && typeOf(err) != contract.Fault {
			continue
		}
		t.log.Error("a photo could not be examined and is refused", "photo_id", task.PhotoID, "error", err)
		var photos *activities.Photos
		return call(ctx, quickRecord, fmt.Sprintf("Refuse photo %d", task.Index+1), photos.RefusePhoto,
			activities.RefusalInput{PhotoInput: in, Code: refusal})
	}
}

// mayBlamePhoto reports whether the photo may be the cause of err: the worker died, hung or panicked, or failed in an
// unforeseen way until the policy ended.
func mayBlamePhoto(err error) bool {
	if late, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		return late.TimeoutType() != enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE &&
			late.TimeoutType() != enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START
	}
	return typeOf(err) == contract.Panicked || typeOf(err) == contract.Fault
}
