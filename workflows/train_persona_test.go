package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
)

func TestTrainPersonaPassesEveryStageInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.await = func(n int) (activities.TrainingDone, error) {
		if n < 4 {
			return activities.TrainingDone{}, running()
		}
		return activities.TrainingDone{Seconds: 60}, nil
	}
	result, err := w.train(t)
	require.NoError(t, err)
	require.Equal(t, 6, result.PhotosUsed)
	require.InDelta(t, 1, result.Checks.FaceConsistency, 1e-9)
	require.InDelta(t, 0.3, result.Strength, 1e-9, "all strengths are equal here: the weakest leaves prompts most room")
	require.Equal(t, []persona.Stage{
		persona.StageCollecting, persona.StagePreprocessing, persona.StageUploading, persona.StageQueued,
		persona.StageTraining, persona.StageValidating, persona.StageDeploying,
	}, w.stages)
	require.Equal(t, 1, w.called("CollectPhoto"), "only the photo that was given as an address")
	require.Equal(t, 6, w.called("PreparePhoto"))
	require.Equal(t, 1, w.called("SubmitTraining"))
	require.Equal(t, 1, w.called(contract.CleanJobWorkflow))
	require.Nil(t, w.ended)
}

func TestTrainPersonaOfASettledVersionDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.plan = func() activities.TrainingPlan { return activities.TrainingPlan{Open: false} }
	_, err := w.train(t)
	require.NoError(t, err)
	require.Zero(t, w.called("SubmitTraining"))
	require.Nil(t, w.ended)
}

func TestTrainPersonaFailsForTypedReasons(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*world)
		kind   string
		code   persona.Code
		bought bool
	}{
		{
			"too few good photos", func(w *world) {
				w.prepare = func(in activities.PhotoInput) (activities.PhotoVerdict, error) {
					return activities.PhotoVerdict{Index: in.Index, Accepted: in.Index < 4, Codes: []string{"blurred"}}, nil
				}
				w.choose = func() activities.Selection { return activities.Selection{Used: 4, Refused: 2} }
			}, contract.PhotosRejected, persona.CodePhotosRejected, false,
		},
		{
			"the provider refuses", func(w *world) {
				w.submit = func(int) (activities.JobState, error) {
					return activities.JobState{Status: persona.PurchaseRefused, Reason: "The account is locked."}, nil
				}
			}, contract.ProviderRefused, persona.CodeProviderRefused, true,
		},
		{
			"the job fails", func(w *world) {
				w.await = func(int) (activities.TrainingDone, error) {
					return activities.TrainingDone{}, permanent(contract.ProviderFailed)
				}
			}, contract.ProviderFailed, persona.CodeProviderFailed, true,
		},
		{
			"the job never ends", func(w *world) {
				w.await = func(int) (activities.TrainingDone, error) { return activities.TrainingDone{}, running() }
			}, contract.TrainingDeadline, persona.CodeDeadline, true,
		},
		{
			"the model does not show the person", func(w *world) {
				w.judge = func() contract.Checks {
					return contract.Checks{FaceConsistency: 0.4, QualityScore: 0.9, TriggerEffectiveness: 1}
				}
			}, contract.ValidationFailed, persona.CodeValidationFailed, true,
		},
		{
			"the weights stay damaged", func(w *world) {
				w.deploy = func() error { return permanent(contract.ModelDamaged) }
			}, contract.ModelDamaged, persona.CodeModelDamaged, true,
		},
		{
			"no test picture could be made", func(w *world) {
				w.draw = func(o activities.SampleOrder) ([]activities.DrawnSample, error) {
					return drawn(o, activities.SampleNotMade, 3*o.Images), nil
				}
			}, contract.SamplesMissing, persona.CodeProviderFailed, true,
		},
		{
			"too few pictures could be made to check the model", func(w *world) {
				w.draw = func(o activities.SampleOrder) ([]activities.DrawnSample, error) {
					return drawn(o, activities.SampleNotMade, 4*(o.Images/3)), nil
				}
			}, contract.SamplesMissing, persona.CodeProviderFailed, true,
		},
		{
			"the content rules do not allow the pictures", func(w *world) {
				w.draw = func(o activities.SampleOrder) ([]activities.DrawnSample, error) {
					return drawn(o, activities.SampleRefused, 3*o.Images), nil
				}
			}, contract.ProviderRefused, persona.CodeProviderRefused, true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.change(w)
			_, err := w.train(t)
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, c.kind, app.Type())
			require.NotNil(t, w.ended, "the reason is on record")
			require.Equal(t, c.code, w.ended.Code)
			require.False(t, w.ended.Cancelled)
			require.NotEmpty(t, w.ended.Message)
			if c.bought {
				require.Equal(t, 1, w.called("CancelJob"), "the job is settled")
				require.Equal(t, 1, w.called(contract.CleanJobWorkflow), "nothing stays with the provider")
			} else {
				require.Zero(t, w.called("SubmitTraining"))
			}
		})
	}
}

// A few pictures that were not made are no verdict about the model, and no reason to give it up.
func TestTrainPersonaJudgesByThePicturesThatWereMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.draw = func(o activities.SampleOrder) ([]activities.DrawnSample, error) {
		first := 3 // all of the sweep at one strength, and a third of the checks
		if o.Images == 1 && o.Strength != 0.3 {
			first = 0
		}
		return drawn(o, activities.SampleNotMade, first), nil
	}
	result, err := w.train(t)
	require.NoError(t, err)
	require.InDelta(t, 0.4, result.Strength, 1e-9, "a strength without a picture is not chosen")
}

func TestTrainPersonaTakesSignalsAtAnyTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done := false
	w.await = func(int) (activities.TrainingDone, error) {
		if !done {
			return activities.TrainingDone{}, running()
		}
		return activities.TrainingDone{Seconds: 5}, nil
	}
	w.RegisterDelayedCallback(func() { w.SignalWorkflow(contract.TrainingChangedSignal, nil) }, 0)
	w.RegisterDelayedCallback(func() {
		done = true
		w.SignalWorkflow(contract.TrainingChangedSignal, nil)
		w.SignalWorkflow(contract.TrainingChangedSignal, nil)
	}, 3*time.Second)
	started := w.Now()
	_, err := w.train(t)
	require.NoError(t, err)
	require.Less(t, w.Now().Sub(started), 14*time.Second, "the webhook is faster than the next question")
}

func TestTrainPersonaIsCancelledAtEveryWait(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*world)
		bought bool
	}{
		{"while photos are fetched", func(w *world) {
			w.collect = func(activities.PhotoInput) (activities.PhotoVerdict, error) {
				return activities.PhotoVerdict{}, errors.New("the host is away")
			}
		}, false},
		{"while photos are judged", func(w *world) {
			w.prepare = func(in activities.PhotoInput) (activities.PhotoVerdict, error) {
				return activities.PhotoVerdict{}, errors.New("the database is away")
			}
		}, false},
		{"while the purchase is uncertain", func(w *world) {
			w.submit = func(int) (activities.JobState, error) {
				return activities.JobState{Status: persona.PurchaseUncertain}, nil
			}
			w.find = func(int) (activities.JobState, error) { return activities.JobState{}, uncertain() }
		}, true},
		{"while an acknowledged job is not found", func(w *world) {
			w.await = func(int) (activities.TrainingDone, error) { return activities.TrainingDone{Lost: true}, nil }
			w.find = func(int) (activities.JobState, error) { return activities.JobState{}, uncertain() }
		}, true},
		{"while test pictures are drawn", func(w *world) {
			w.draw = func(activities.SampleOrder) ([]activities.DrawnSample, error) {
				return nil, errors.New("the provider is away")
			}
		}, true},
		{"while it trains", func(w *world) {
			w.await = func(int) (activities.TrainingDone, error) { return activities.TrainingDone{}, running() }
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.change(w)
			w.cancel = func() activities.Settlement { return activities.Settlement{MayBeBilled: true} }
			answers := make(chan contract.CancelAnswer, 2)
			for range 2 {
				w.RegisterDelayedCallback(func() {
					w.UpdateWorkflow(contract.CancelUpdate, "", updateCallback(func(answer any, err error) {
						if a, ok := answer.(contract.CancelAnswer); ok && err == nil {
							answers <- a
						}
					}))
				}, time.Minute)
			}
			_, err := w.train(t)
			require.True(t, temporal.IsCanceledError(err), "%v", err)
			require.Equal(t, contract.CancelAnswer{Cancelled: true, MayBeBilled: c.bought}, <-answers)
			require.Len(t, answers, 1, "a second cancel gets its answer too")
			require.NotNil(t, w.ended)
			require.True(t, w.ended.Cancelled)
			require.Equal(t, persona.CodeCancelled, w.ended.Code)
			if c.bought {
				require.Equal(t, 1, w.called("CancelJob"))
			}
		})
	}
}

// Request Cancellation in the Web UI reaches the run itself, not the update.
func TestTrainPersonaIsCancelledByAnOperator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.await = func(int) (activities.TrainingDone, error) { return activities.TrainingDone{}, running() }
	w.RegisterDelayedCallback(w.CancelWorkflow, time.Minute)
	_, err := w.train(t)
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.NotNil(t, w.ended)
	require.True(t, w.ended.Cancelled)
	require.Equal(t, 1, w.called("CancelJob"), "the job is settled")
	require.Equal(t, 1, w.called(contract.CleanJobWorkflow), "nothing stays with the provider")
}

func TestTrainPersonaCannotBeCancelledOnceItDeploys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	answers := make(chan contract.CancelAnswer, 1)
	w.deploy = func() error {
		if w.called("DeployModel") < 6 { // half a minute of tries
			return errors.New("the bucket is away")
		}
		return nil
	}
	w.RegisterDelayedCallback(func() {
		w.UpdateWorkflow(contract.CancelUpdate, "", updateCallback(func(answer any, err error) {
			if a, ok := answer.(contract.CancelAnswer); ok && err == nil {
				answers <- a
			}
		}))
	}, 10*time.Second)
	_, err := w.train(t)
	require.NoError(t, err)
	require.Nil(t, w.ended)
	require.False(t, (<-answers).Cancelled)
}

// updateCallback is what the test environment wants for an update, of which only the end matters here.
type updateCallback func(answer any, err error)

func (updateCallback) Accept()                        {}
func (f updateCallback) Reject(err error)             { f(nil, err) }
func (f updateCallback) Complete(answer any, e error) { f(answer, e) }
