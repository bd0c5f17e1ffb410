package activities_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// heartbeat is what DrawSamples tells while it works, as it stands in a history.
type heartbeat struct {
	Prompt    int
	RequestID string
}

func TestPicturesAreDrawnOnceAndMeasured(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.judged(0)
	job := b.trained(in, model())
	order := activities.SampleOrder{JobInput: job, Strength: 0.7, Trigger: true, Seed: 42, Images: 1}
	resumed := func(order activities.SampleOrder, from heartbeat) {
		t.Helper()
		env := b.env()
		env.SetHeartbeatDetails(from)
		n, err := runIn(b, env, b.all.Validation.DrawSamples, order)
		require.NoError(t, err)
		require.Equal(t, persona.Scenes, n)
	}

	b.local(http.MethodPost, "/_local/faults", map[string]any{
		"on": "generate", "effect": "fail", "times": 1, "error_type": "runner_disconnected",
	}, nil)
	n, err := run(b, b.all.Validation.DrawSamples, order)
	require.NoError(t, err, "what the provider failed to draw is drawn again")
	require.Equal(t, persona.Scenes, n)
	require.Equal(t, 1+persona.Scenes, b.requests(trainer.GenerationEndpoint))
	folder := "samples/v1/"
	names := b.blobs(in.PersonaID, folder)
	require.Len(t, names, persona.Scenes)
	measured, err := run(b, b.all.Photos.MeasureSamples, order)
	require.NoError(t, err)
	for i, s := range measured {
		require.Equal(t, names[i], s.Key+".jpg", "what was drawn is what is measured")
	}
	lastPicture := b.blob(in, "personas/"+in.PersonaID+"/"+folder+names[2])

	resumed(order, heartbeat{Prompt: persona.Scenes})
	require.Equal(t, 1+persona.Scenes, b.requests(trainer.GenerationEndpoint), "all were drawn")

	// A worker that died after it had sent the last request.
	sent := ""
	_, err = b.all.Validation.Provider.Generate(t.Context(), trainer.GenerateRequest{
		Prompt: persona.ValidationPrompt(2, trigger), LoRAURL: b.storedJob(job).WeightsURL, Scale: 0.7, Seed: measured[2].Seed, Images: 1,
		Width: 1024, Height: 1024,
	}, "", func(id string) { sent = id })
	require.NoError(t, err)
	_, err = b.Store.DeleteBlobs(t.Context(), in.UserID, in.PersonaID, "personas/"+in.PersonaID+"/"+folder+names[2])
	require.NoError(t, err)
	resumed(order, heartbeat{Prompt: 2, RequestID: sent})
	require.Equal(t, 2+persona.Scenes, b.requests(trainer.GenerationEndpoint), "what was ordered is fetched, not ordered again")
	require.Equal(t, lastPicture, b.blob(in, "personas/"+in.PersonaID+"/"+folder+names[2]))

	again, err := run(b, b.all.Photos.MeasureSamples, order)
	require.NoError(t, err)
	require.Equal(t, measured, again)

	order.Trigger = false
	resumed(order, heartbeat{Prompt: 2})
	for range 2 {
		plain, err := run(b, b.all.Photos.MeasureSamples, order)
		require.NoError(t, err)
		require.Equal(t, measured[2].Seed, plain[2].Seed)
		require.Greater(t, plain[2].Quality, 0.5, "a stranger is a good picture too")
		require.Greater(t, measured[2].Closeness, plain[2].Closeness, "the trigger word brings the person")
	}
	require.Empty(t, b.held(), "the provider keeps nothing of it")
}

// held lists the ended picture requests that the trainer still has the contents of, except failed ones.
func (b *bed) held() (ids []string) {
	b.t.Helper()
	var answer struct {
		Jobs []struct {
			ID       string  `json:"id"`
			Endpoint string  `json:"endpoint"`
			Status   int     `json:"status_code"`
			ErasedAt *string `json:"erased_at"`
		} `json:"jobs"`
	}
	b.local(http.MethodGet, "/_local/jobs", nil, &answer)
	for _, j := range answer.Jobs {
		if j.Endpoint == trainer.GenerationEndpoint && j.Status == http.StatusOK && j.ErasedAt == nil {
			ids = append(ids, j.ID)
		}
	}
	return ids
}

func TestPicturesThatWereNeverDrawnCountAsWithoutAFace(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	order := activities.SampleOrder{JobInput: activities.JobInput{TrainPersonaInput: b.judged(0)}, Seed: 1, Images: 2}
	for range 2 {
		scores, err := run(b, b.all.Photos.MeasureSamples, order)
		require.NoError(t, err)
		require.Len(t, scores, 2*persona.Scenes)
		for _, s := range scores {
			require.InDelta(t, -1, s.Closeness, 0)
			require.False(t, s.Own)
			require.Zero(t, s.Quality)
		}
	}
}

func TestAProviderThatRefusesToDrawIsNotAskedForEver(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	job := b.trained(b.judged(0), []byte("no weights"))
	order := activities.SampleOrder{JobInput: job, Strength: 0.5, Trigger: true, Seed: 1, Images: 1}
	_, err := run(b, b.all.Validation.DrawSamples, order)
	require.NoError(t, err, "what the provider will not draw is no fault")
	require.Equal(t, 3, b.requests(trainer.GenerationEndpoint))
	scores, err := run(b, b.all.Photos.MeasureSamples, order)
	require.NoError(t, err)
	for _, s := range scores {
		require.False(t, s.Own, "but it is not the person either")
		require.InDelta(t, -1, s.Closeness, 1e-9)
	}

	b.local(http.MethodPost, "/_local/faults", map[string]any{
		"on": "generate", "effect": "fail", "times": 1000, "error_type": "runner_disconnected",
	}, nil)
	_, err = run(b, b.all.Validation.DrawSamples, order)
	require.Error(t, err)
	require.Equal(t, 6, b.requests(trainer.GenerationEndpoint))
}

func score(closeness, quality float64, own bool) activities.SampleScore {
	return activities.SampleScore{Key: uuid.NewString(), Closeness: closeness, Quality: quality, Own: own}
}

func TestSweepSumsUpOneStrength(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scores []activities.SampleScore
		want   persona.StrengthScore
	}{
		"nothing": {nil, persona.StrengthScore{Strength: 0.5}},
		"one":     {[]activities.SampleScore{score(0.8, 0.9, true)}, persona.StrengthScore{Strength: 0.5, Consistency: 1, Closeness: 0.8, Quality: 0.9}},
		"four": {
			[]activities.SampleScore{score(1, 1, true), score(0.5, 0.5, true), score(-1, 0, false), score(0.5, 0.5, true)},
			persona.StrengthScore{Strength: 0.5, Consistency: 0.75, Closeness: 0.25, Quality: 0.5},
		},
	} {
		got := activities.Sweep(0.5, c.scores)
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
			contract.Checks{FaceConsistency: 1, QualityScore: 1, TriggerEffectiveness: 0.5},
		},
	} {
		judge := activities.JudgeInput{
			JobInput: job, Sweep: []persona.StrengthScore{{Strength: 0.6, Quality: 0.5}}, Strength: 0.6,
			With: c.with, Without: c.without,
		}
		for range 2 {
			got, err := run(b, b.all.Validation.JudgeModel, judge)
			require.NoError(t, err)
			require.InDeltaSlice(t,
				[]float64{c.want.FaceConsistency, c.want.QualityScore, c.want.TriggerEffectiveness},
				[]float64{got.FaceConsistency, got.QualityScore, got.TriggerEffectiveness}, 1e-9, c.name)
			v := b.version(in)
			require.Equal(t, persona.CheckScores(got), *v.Checks)
			require.Equal(t, judge.Sweep, v.Sweep)
			require.InDelta(t, 0.6, *v.Strength, 0)
			require.Len(t, v.Samples, len(c.with)+len(c.without))
			for i, s := range append(append([]activities.SampleScore{}, c.with...), c.without...) {
				require.Equal(t, storage.Sample{
					Key: s.Key, Path: "personas/" + in.PersonaID + "/samples/v1/" + s.Key + ".jpg", ContentType: "image/jpeg",
					Score: 100 * s.Quality, Closeness: s.Closeness,
				}, v.Samples[i])
			}
		}
	}
}
