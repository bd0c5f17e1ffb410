package activities_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

// measured measures the pictures of an order.
func (b *bed) measured(order activities.SampleOrder, drawn []activities.DrawnSample) ([]activities.SampleScore, error) {
	b.t.Helper()
	return run(b, b.all.Samples.MeasureSamples, activities.MeasureInput{SampleOrder: order, Drawn: drawn})
}

func TestOnlyPicturesThatWereMadeAreMeasured(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	order := activities.SampleOrder{JobInput: activities.JobInput{TrainPersonaInput: b.judged(0)}, Seed: 1, Images: 2}
	drawn := make([]activities.DrawnSample, 2*persona.Scenes)
	for i := range drawn {
		drawn[i] = activities.DrawnSample{Key: uuid.NewString(), Outcome: activities.SampleNotMade}
	}
	drawn[3].Outcome = activities.SampleRefused
	for range 2 {
		scores, err := b.measured(order, drawn)
		require.NoError(t, err)
		require.Len(t, scores, len(drawn))
		for i, s := range scores {
			require.Equal(t, []any{drawn[i].Key, drawn[i].Outcome, i / 2, order.Seed + int64(100*(i/2)+i%2)},
				[]any{s.Key, s.Outcome, s.Prompt, s.Seed})
		}
		made, refused, notMade := activities.Outcomes(scores)
		require.Equal(t, []int{0, 1, len(drawn) - 1}, []int{made, refused, notMade})
	}

	drawn[0].Outcome = activities.SampleMade
	_, err := b.measured(order, drawn)
	requireType(t, err, contract.RecordGone, true)
}

func TestAPictureThatCannotBeDecodedWasNotMade(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.judged(0)
	_, err := b.Store.WriteBlob(t.Context(), in.UserID, in.PersonaID, "personas/"+in.PersonaID+"/samples/v1/odd.jpg",
		strings.NewReader("<html>an error page of the provider's file server</html>"))
	require.NoError(t, err)
	scores, err := b.measured(activities.SampleOrder{JobInput: activities.JobInput{TrainPersonaInput: in}, Images: 1},
		[]activities.DrawnSample{{Key: "odd", Outcome: activities.SampleMade}})
	require.NoError(t, err)
	require.Equal(t, activities.SampleNotMade, scores[0].Outcome)
}

func score(closeness, quality float64, own bool) activities.SampleScore {
	return activities.SampleScore{
		Key: uuid.NewString(), Outcome: activities.SampleMade, Closeness: closeness, Quality: quality, Own: own,
	}
}

// unmade is a picture of which there is no measure.
func unmade(outcome activities.SampleOutcome) activities.SampleScore {
	return activities.SampleScore{Key: uuid.NewString(), Outcome: outcome, Closeness: -1}
}

func TestSweepSumsUpOneStrength(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scores []activities.SampleScore
		want   persona.StrengthScore
	}{
		"nothing":     {nil, persona.StrengthScore{Strength: 0.5}},
		"none made":   {[]activities.SampleScore{unmade(activities.SampleNotMade)}, persona.StrengthScore{Strength: 0.5}},
		"one":         {[]activities.SampleScore{score(0.8, 0.9, true)}, persona.StrengthScore{Strength: 0.5, Consistency: 1, Closeness: 0.8, Quality: 0.9}},
		"one of many": {[]activities.SampleScore{unmade(activities.SampleNotMade), score(0.8, 0.9, true), unmade(activities.SampleRefused)}, persona.StrengthScore{Strength: 0.5, Consistency: 1, Closeness: 0.8, Quality: 0.9}},
		"four": {
			[]activities.SampleScore{score(1, 1, true), score(0.5, 0.5, true), score(-1, 0, false), score(0.5, 0.5, true)},
			persona.StrengthScore{Strength: 0.5, Consistency: 0.75, Closeness: 0.25, Quality: 0.5},
		},
	} {
		got, ok := activities.Sweep(0.5, c.scores)
		require.Equal(t, c.want.Quality > 0, ok, name)
		require.InDeltaSlice(t,
			[]float64{c.want.Strength, c.want.Consistency, c.want.Closeness, c.want.Quality},
			[]float64{got.Strength, got.Consistency, got.Closeness, got.Quality}, 1e-9, name)
	}
}

func TestTheChecksAreSharesOfPictures(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.persona([]byte("a photo"))
	job := b.trained(in, []byte("weights"))
	for _, c := range []struct {
		name          string
		with, without []activities.SampleScore
		want          contract.Checks
	}{
		{"no pictures", nil, nil, contract.Checks{}},
		{
			"all good",
			[]activities.SampleScore{score(0.9, 1, true), score(0.8, 1, true)},
			[]activities.SampleScore{score(0.1, 1, false), score(0.2, 1, false)},
			contract.Checks{FaceConsistency: 1, QualityScore: 1, TriggerEffectiveness: 1},
		},
		{
			"a mixture: the trigger does nothing in one pair and harm in another",
			[]activities.SampleScore{score(0.9, 0.8, true), score(0.3, 0.6, false), score(0.1, 1, false), score(-1, 0, false)},
			[]activities.SampleScore{score(0.1, 1, false), score(0.3, 1, false), score(0.2, 1, false), score(-1, 0, false)},
			contract.Checks{FaceConsistency: 0.25, QualityScore: 0.6, TriggerEffectiveness: 0.25},
		},
		{
			"pictures without their pair prove nothing",
			[]activities.SampleScore{score(0.9, 1, true), score(0.9, 1, true)},
			[]activities.SampleScore{score(0.1, 1, false)},
			contract.Checks{FaceConsistency: 1, QualityScore: 1, TriggerEffectiveness: 1},
		},
		{
			"pictures that were not made say nothing",
			[]activities.SampleScore{score(0.9, 1, true), unmade(activities.SampleNotMade), score(0.9, 1, true), score(0.1, 1, true)},
			[]activities.SampleScore{score(0.1, 1, false), score(0.1, 1, false), unmade(activities.SampleRefused), score(0.2, 1, false)},
			contract.Checks{FaceConsistency: 1, QualityScore: 1, TriggerEffectiveness: 0.5},
		},
	} {
		judge := activities.JudgeInput{
			JobInput: job, Sweep: []persona.StrengthScore{{Strength: 0.6, Quality: 0.5}}, Strength: 0.6,
			With: c.with, Without: c.without,
		}
		for range 2 {
			got, err := run(b, b.all.Samples.JudgeModel, judge)
			require.NoError(t, err)
			require.InDeltaSlice(t,
				[]float64{c.want.FaceConsistency, c.want.QualityScore, c.want.TriggerEffectiveness},
				[]float64{got.FaceConsistency, got.QualityScore, got.TriggerEffectiveness}, 1e-9, c.name)
			v := b.version(in)
			require.Equal(t, persona.CheckScores(got), *v.Checks)
			require.Equal(t, judge.Sweep, v.Sweep)
			require.InDelta(t, 0.6, *v.Strength, 0)
			made := slices.DeleteFunc(slices.Concat(c.with, c.without), func(s activities.SampleScore) bool {
				return s.Outcome != activities.SampleMade
			})
			require.Len(t, v.Samples, len(made))
			for i, s := range made {
				require.Equal(t, storage.Sample{
					Key: s.Key, Path: "personas/" + in.PersonaID + "/samples/v1/" + s.Key + ".jpg", ContentType: "image/jpeg",
					Score: 100 * s.Quality, Closeness: s.Closeness,
				}, v.Samples[i])
			}
		}
	}
}

// Temporal retries an activity whose result was lost, so one validation must not be noted several times.
func TestTheDurationOfAValidationIsNotedOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	judge := activities.JudgeInput{JobInput: b.trained(b.judged(0), []byte("weights")), With: []activities.SampleScore{score(1, 1, true)}}
	for range 3 {
		_, err := run(b, b.all.Samples.JudgeModel, judge)
		require.NoError(t, err)
	}
	var n int
	require.NoError(t, b.Owner.QueryRow(t.Context(), `SELECT count(*) FROM training_durations WHERE endpoint = 'validating'`).Scan(&n))
	require.Equal(t, 1, n)
}
