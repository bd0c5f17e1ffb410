package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
)

func TestTrainPersonaSettlesAnUncertainPurchase(t *testing.T) {
	t.Parallel()
	lost := func(n int) (activities.JobState, error) {
		if n == 1 {
			return activities.JobState{Status: persona.PurchaseUncertain}, nil
		}
		return activities.JobState{Status: persona.PurchaseQueued}, nil
	}
	// foundWhen is a search that leaves the purchase uncertain until settled says otherwise.
	foundWhen := func(settled func(n int) bool) func(int) (activities.JobState, error) {
		return func(n int) (activities.JobState, error) {
			if !settled(n) {
				return activities.JobState{}, uncertain()
			}
			return activities.JobState{Status: persona.PurchaseQueued}, nil
		}
	}
	t.Run("the provider's list shows the job", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.submit = lost
		w.find = foundWhen(func(n int) bool { return n >= 3 })
		_, err := w.train(t)
		require.NoError(t, err)
		require.Equal(t, 1, w.called("SubmitTraining"), "never bought twice")
	})
	t.Run("it is proved that nothing was bought", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.submit = lost
		w.find = func(int) (activities.JobState, error) {
			return activities.JobState{Status: persona.PurchaseIntended}, nil
		}
		_, err := w.train(t)
		require.NoError(t, err)
		require.Equal(t, 2, w.called("SubmitTraining"))
	})
	t.Run("the webhook brings the news", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.submit = lost
		var told bool
		w.find = foundWhen(func(int) bool { return told })
		w.RegisterDelayedCallback(func() {
			told = true
			w.SignalWorkflow(contract.TrainingChangedSignal, nil)
		}, time.Hour+time.Second)
		_, err := w.train(t)
		require.NoError(t, err)
		require.Equal(t, 1, w.called("SubmitTraining"))
	})
	t.Run("a person decides", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.submit = lost
		w.find = foundWhen(func(int) bool { return w.called("DecideTraining") > 0 })
		answers := make(chan error, 3)
		for i, in := range []contract.SettleInput{{}, {RequestID: "r", NothingBought: true}, {RequestID: "r"}} {
			w.RegisterDelayedCallback(func() {
				w.UpdateWorkflow(contract.SettleUpdate, "", updateCallback(func(_ any, err error) { answers <- err }), in)
			}, time.Duration(i+1)*time.Hour+time.Second)
		}
		_, err := w.train(t)
		require.NoError(t, err)
		require.Error(t, <-answers, "neither is no decision")
		require.Error(t, <-answers, "both is no decision")
		require.NoError(t, <-answers)
		require.Equal(t, 1, w.called("SubmitTraining"))
	})
}

// An acknowledged job that the provider does not find is shown as uncertain, and the training goes on when it is found.
func TestTrainPersonaWaitsForAJobThatIsNotFound(t *testing.T) {
	t.Parallel()
	lostOnce := func(n int) (activities.TrainingDone, error) {
		return activities.TrainingDone{Lost: n == 1, Seconds: 60}, nil
	}
	t.Run("it is found again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.await = lostOnce
		var shown []string
		w.find = func(n int) (activities.JobState, error) {
			if n < 3 {
				return activities.JobState{}, uncertain()
			}
			return activities.JobState{Status: persona.PurchaseQueued}, nil
		}
		w.OnUpsertTypedSearchAttributes(mock.MatchedBy(func(attributes temporal.SearchAttributes) bool {
			stage, _ := attributes.GetKeyword(contract.StageKey)
			shown = append(shown, stage)
			return true
		})).Return(nil)
		_, err := w.train(t)
		require.NoError(t, err)
		require.Equal(t, 1, w.called("SubmitTraining"), "never bought twice")
		require.Equal(t, 2, w.called("AwaitTraining"))
		require.Contains(t, shown, contract.StageUncertain)
	})
	t.Run("a person says that nothing was bought", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.await = lostOnce
		w.find = func(int) (activities.JobState, error) {
			return activities.JobState{Status: persona.PurchaseIntended}, nil
		}
		_, err := w.train(t)
		require.NoError(t, err)
		require.Equal(t, 2, w.called("SubmitTraining"))
	})
	t.Run("it is never found", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.await = lostOnce
		w.find = func(int) (activities.JobState, error) { return activities.JobState{}, uncertain() }
		w.cancel = func() activities.Settlement { return activities.Settlement{MayBeBilled: true} }
		_, err := w.train(t)
		require.Equal(t, contract.TrainingDeadline, typeOf(t, err))
		require.Equal(t, 1, w.called("CancelJob"))
		require.Equal(t, 1, w.called(contract.CleanJobWorkflow))
	})
}

// A claim that the provider contradicts is answered with the reason and changes nothing.
func TestTrainPersonaRefusesAClaimThatDoesNotHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit = func(int) (activities.JobState, error) {
		return activities.JobState{Status: persona.PurchaseUncertain}, nil
	}
	w.find = func(int) (activities.JobState, error) { return activities.JobState{}, uncertain() }
	w.decide = func() error { return permanent(contract.Impossible) }
	answers := make(chan error, 1)
	w.RegisterDelayedCallback(func() {
		w.UpdateWorkflow(contract.SettleUpdate, "", updateCallback(func(_ any, err error) { answers <- err }),
			contract.SettleInput{RequestID: "r"})
	}, time.Hour)
	w.RegisterDelayedCallback(w.CancelWorkflow, 2*time.Hour)
	_, err := w.train(t)
	require.True(t, temporal.IsCanceledError(err), "it went on waiting: %v", err)
	require.ErrorContains(t, <-answers, "a sentence for people")
}
