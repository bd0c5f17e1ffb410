package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
)

// Seeds of the test pictures. They are fixed so that versions can be compared picture by picture, and the sweep has
// its own, so that the strength is not chosen on the pictures that are judged.
const (
	sweepSeed  = 7_001
	checkSeed  = 42
	checkCount = 3 // pictures per prompt in the checks: nine with and nine without the trigger
)

// verdict is what validation found.
type verdict struct {
	checks   contract.Checks
	strength float64
}

// validate tries the model at every blend strength, takes the best, and checks at that strength whether its pictures
// show the person, are good, and need the trigger word.
func (t *training) validate(ctx workflow.Context) (verdict, error) {
	if err := t.enter(ctx, persona.StageValidating, "drawing test pictures"); err != nil {
		return verdict{}, err
	}
	sweep, err := t.sweep(ctx)
	if err != nil {
		return verdict{}, err
	}
	best, _ := persona.BestStrength(sweep) // the sweep is never empty
	t.show(ctx, "strength %.1f is best", best.Strength)
	order := activities.SampleOrder{
		JobInput: t.job, Strength: best.Strength, Seed: checkSeed, Images: checkCount, Trigger: true,
	}
	plain := order
	plain.Trigger = false
	scores, err := t.drawAndMeasure(ctx, []activities.SampleOrder{order, plain})
	if err != nil {
		return verdict{}, err
	}
	var validation *activities.Validation
	checks, err := call(ctx, quickRecord, "Judge the model", validation.JudgeModel, activities.JudgeInput{
		JobInput: t.job, Sweep: sweep, Strength: best.Strength, With: scores[0], Without: scores[1],
	})
	if err != nil {
		return verdict{}, err
	}
	line := fmt.Sprintf("face consistency %.2f, quality %.2f, trigger effectiveness %.2f",
		checks.FaceConsistency, checks.QualityScore, checks.TriggerEffectiveness)
	t.show(ctx, "%s", line)
	if !persona.CheckScores(checks).Passed() {
		return verdict{}, temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("The model does not show the person well enough: %s; each must exceed %.1f.", line, persona.PassMark),
			contract.ValidationFailed, nil)
	}
	return verdict{checks: checks, strength: best.Strength}, nil
}

// sweep measures one picture of each prompt at every strength.
func (t *training) sweep(ctx workflow.Context) ([]persona.StrengthScore, error) {
	strengths := persona.Strengths()
	orders := make([]activities.SampleOrder, len(strengths))
	for i, s := range strengths {
		orders[i] = activities.SampleOrder{JobInput: t.job, Strength: s, Seed: sweepSeed, Images: 1, Trigger: true}
	}
	scores, err := t.drawAndMeasure(ctx, orders)
	if err != nil {
		return nil, err
	}
	sweep := make([]persona.StrengthScore, len(orders))
	for i, o := range orders {
		sweep[i] = activities.Sweep(o.Strength, scores[i])
	}
	return sweep, nil
}

// drawAndMeasure draws and measures all orders side by side and returns their scores in the same order.
func (t *training) drawAndMeasure(
	ctx workflow.Context, orders []activities.SampleOrder,
) ([][]activities.SampleScore, error) {
	scores := make([][]activities.SampleScore, len(orders))
	running := workflow.NewWaitGroup(ctx)
	var failed error
	for i, order := range orders {
		running.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer running.Done()
			measured, err := drawOrder(ctx, order)
			if err != nil && failed == nil {
				failed = err
			}
			scores[i] = measured
		})
	}
	running.Wait(ctx)
	return scores, failed
}

func drawOrder(ctx workflow.Context, order activities.SampleOrder) ([]activities.SampleScore, error) {
	var validation *activities.Validation
	var photos *activities.Photos
	what := fmt.Sprintf("test pictures at strength %.1f", order.Strength)
	if !order.Trigger {
		what += " without the trigger"
	}
	if _, err := call(ctx, pictures, "Draw "+what, validation.DrawSamples, order); err != nil {
		return nil, err
	}
	return call(ctx, photoSet, "Measure "+what, photos.MeasureSamples, order)
}
