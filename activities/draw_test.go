package activities_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// draw runs DrawSamples once.
func (b *bed) draw(order activities.SampleOrder) ([]activities.DrawnSample, error) {
	b.t.Helper()
	return run(b, b.all.Models.DrawSamples, order)
}

// drawUntilDone runs DrawSamples as often as a policy would. Every error must be SamplesMissing and retryable.
func (b *bed) drawUntilDone(order activities.SampleOrder) []activities.DrawnSample {
	b.t.Helper()
	for range 100 {
		drawn, err := b.draw(order)
		if err == nil {
			return drawn
		}
		requireType(b.t, err, contract.SamplesMissing, false)
	}
	require.Fail(b.t, "the pictures are tried for ever")
	return nil
}

func outcomes(drawn []activities.DrawnSample) (all []activities.SampleOutcome) {
	for _, d := range drawn {
		all = append(all, d.Outcome)
	}
	return all
}

func repeated(o activities.SampleOutcome, n int) (all []activities.SampleOutcome) {
	for range n {
		all = append(all, o)
	}
	return all
}

func TestPicturesAreDrawnOnceAndMeasured(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.judged(0)
	job := b.trained(in, model())
	order := activities.SampleOrder{JobInput: job, Strength: 0.7, Trigger: true, Seed: 42, Images: 1}

	b.fail("runner_disconnected", 1)
	drawn := b.drawUntilDone(order)
	require.Equal(t, repeated(activities.SampleMade, persona.Scenes), outcomes(drawn), "what the provider failed to draw is drawn again")
	require.Equal(t, 1+persona.Scenes, b.requests(trainer.GenerationEndpoint))
	folder := "samples/v1/"
	names := b.blobs(in.PersonaID, folder)
	require.Len(t, names, persona.Scenes)
	measured, err := b.measured(order, drawn)
	require.NoError(t, err)
	for i, s := range measured {
		require.Equal(t, names[i], s.Key+".jpg", "what was drawn is what is measured")
	}
	lastPath := "personas/" + in.PersonaID + "/" + folder + names[2]
	lastPicture := b.blob(in, lastPath)

	again, err := b.draw(order)
	require.NoError(t, err)
	require.Equal(t, drawn, again)
	require.Equal(t, 1+persona.Scenes, b.requests(trainer.GenerationEndpoint), "all were drawn")
	require.Equal(t, lastPicture, b.blob(in, lastPath))

	remeasured, err := b.measured(order, drawn)
	require.NoError(t, err)
	require.Equal(t, measured, remeasured)

	order.Trigger = false
	others, err := b.draw(order)
	require.NoError(t, err)
	for range 2 {
		plain, err := b.measured(order, others)
		require.NoError(t, err)
		require.Equal(t, measured[2].Seed, plain[2].Seed)
		require.Greater(t, plain[2].Quality, 0.5, "a stranger is a good picture too")
		require.Greater(t, measured[2].Closeness, plain[2].Closeness, "the trigger word brings the person")
	}
	require.Empty(t, b.held(), "the provider keeps nothing of it")
}

// fail makes the trainer fail jobs of pictures with a type of error.
func (b *bed) fail(kind string, times int) {
	b.t.Helper()
	b.local(http.MethodPost, "/_local/faults", map[string]any{
		"on": "generate", "effect": "fail", "times": times, "error_type": kind,
	}, nil)
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

func TestWhatTheContentRulesRefuseIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	order := activities.SampleOrder{JobInput: b.trained(b.judged(0), model()), Strength: 0.5, Trigger: true, Seed: 1, Images: 1}
	b.fail("content_policy_violation", 1)
	drawn, err := b.draw(order)
	require.NoError(t, err)
	require.Equal(t, []activities.SampleOutcome{activities.SampleRefused, activities.SampleMade, activities.SampleMade}, outcomes(drawn))
	require.Equal(t, persona.Scenes, b.requests(trainer.GenerationEndpoint))
}

func TestWhatTheProviderCannotDrawIsNotAskedForForEver(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	order := activities.SampleOrder{
		JobInput: b.trained(b.judged(0), []byte("no weights")), Strength: 0.5, Trigger: true, Seed: 1, Images: 1,
	}
	require.Equal(t, repeated(activities.SampleNotMade, persona.Scenes), outcomes(b.drawUntilDone(order)))
	require.Equal(t, storage.MaxPictureTries*persona.Scenes, b.requests(trainer.GenerationEndpoint))
}

// The file server of the provider is away for a moment, so its jobs end for want of the weights. That was taken for
// pictures without a face, and ended in validation_failed with 0.00.
func TestWeightsThatCannotBeFetchedAreNoVerdict(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.judged(0)
	job := b.trained(in, model())
	var away atomic.Bool
	away.Store(true)
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(model())
	}))
	t.Cleanup(files.Close)
	address := files.URL + "/weights.safetensors"
	_, err := b.Store.MoveJob(t.Context(), in.UserID, job.JobID, persona.PurchaseCompleted, persona.ActorPoller,
		storage.JobChange{WeightsURL: &address})
	require.NoError(t, err)
	order := activities.SampleOrder{JobInput: job, Strength: 0.5, Trigger: true, Seed: 1, Images: 1}
	for range 20 { // far more than a job may fail
		_, err := b.draw(order)
		requireType(t, err, contract.SamplesMissing, false)
	}
	away.Store(false)
	drawn, err := b.draw(order)
	require.NoError(t, err)
	require.Equal(t, repeated(activities.SampleMade, persona.Scenes), outcomes(drawn))
}

func TestAFaultOfTheProviderIsRetriedAndNoVerdict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		on, effect string
		kind       string
	}{
		{"generate", "fail", contract.SamplesMissing},
		{"generate", "reject_429", contract.Unavailable},
		{"result", "error_503", contract.Unavailable},
	} {
		t.Run(c.on+" "+c.effect, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			order := activities.SampleOrder{JobInput: b.trained(b.judged(0), model()), Strength: 0.5, Trigger: true, Seed: 1, Images: 1}
			fault := map[string]any{"on": c.on, "effect": c.effect, "times": 1000}
			if c.effect == "fail" {
				fault["error_type"] = "runner_disconnected"
			}
			b.local(http.MethodPost, "/_local/faults", fault, nil)
			_, err := b.draw(order)
			requireType(t, err, c.kind, false)
			b.local(http.MethodDelete, "/_local/faults", nil, nil)
			drawn, err := b.draw(order)
			require.NoError(t, err)
			require.Equal(t, repeated(activities.SampleMade, persona.Scenes), outcomes(drawn))
		})
	}
}

// Every lost request may have been billed, so their number has a bound.
func TestLostPicturesAreNotOrderedForEver(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.all.Models.Buyer.Timing.AbsenceProof = time.Nanosecond
	order := activities.SampleOrder{JobInput: b.trained(b.judged(0), model()), Strength: 0.5, Trigger: true, Seed: 1, Images: 1}
	b.fault("generate", "lost", 1000)
	require.Equal(t, repeated(activities.SampleNotMade, persona.Scenes), outcomes(b.drawUntilDone(order)))
	require.LessOrEqual(t, b.requests(trainer.GenerationEndpoint), 2*persona.Scenes)
}

// A request that the provider loses once is ordered again, and the paid model is not discarded.
func TestOneLostPictureCostsNoModel(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.all.Models.Buyer.Timing.AbsenceProof = time.Nanosecond
	order := activities.SampleOrder{JobInput: b.trained(b.judged(0), model()), Strength: 0.5, Trigger: true, Seed: 1, Images: 1}
	b.fault("generate", "lost", 1)
	require.Equal(t, repeated(activities.SampleMade, persona.Scenes), outcomes(b.drawUntilDone(order)))
}
