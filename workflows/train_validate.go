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

// leastShare is the share of the check pictures that must have been made, with and without the trigger, for the checks to
// say something about the model.
const leastShare = 2.0 / 3

// verdict is what validation found.
type verdict struct {
	checks   contract.Checks
	strength float64
}

// validate tries the model at every blend strength, takes the best, and checks at that strength whether its pictures
// show the person, are good, and need the trigger word. Pictures that were not made say nothing about the model: when
// too few were made, the training fails by the provider's fault and not by a verdict about the person.
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
	if err := enoughMade(scores, leastShare); err != nil {
		return verdict{}, err
	}
	var samples *activities.Samples
	checks, err := call(ctx, quickRecord, "Judge the model", samples.JudgeModel, activities.JudgeInput{
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

// enoughMade returns nil when more than nothing and at least share of the pictures of each order were made, and else an
// error that names the cause.
func enoughMade(scores [][]activities.SampleScore, share float64) error {
	few := false
	var made, refused, all int
	for _, order := range scores {
		m, r, n := activities.Outcomes(order)
		few = few || m == 0 || float64(m) < share*float64(m+r+n)
		made, refused, all = made+m, refused+r, all+m+r+n
	}
	switch {
	case !few:
		return nil
	case refused > 0:
		return temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("The training service's content rules did not allow %d of %d test pictures, so the model could not be checked.",
				refused, all), contract.ProviderRefused, nil)
	default:
		return temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("The training service could not make %d of %d test pictures, so the model could not be checked.",
				all-made, all), contract.SamplesMissing, nil)
	}
}

// sweep measures one picture of each prompt at every strength. Strengths of which no picture was made are left out.
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
	var sweep []persona.StrengthScore
	for i, o := range orders {
		if sum, ok := activities.Sweep(o.Strength, scores[i]); ok {
			sweep = append(sweep, sum)
		}
	}
	if len(sweep) == 0 {
		return nil, enoughMade(scores, 0)
	}
	return sweep, nil
}

// drawAndMeasure draws and measures all orders at the same time and returns their scores in the same order.
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
	var models *activities.Models
	var samples *activities.Samples
	what := fmt.Sprintf("test pictures at strength %.1f", order.Strength)
	if !order.Trigger {
		what += " without the trigger"
	}
	drawn, err := call(ctx, pictures, "Draw "+what, models.DrawSamples, order)
	if err != nil {
		return nil, err
	}
	return call(ctx, photoSet, "Measure "+what, samples.MeasureSamples, activities.MeasureInput{SampleOrder: order, Drawn: drawn})
}
