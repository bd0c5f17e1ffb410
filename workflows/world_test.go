package workflows_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/workflows"
)

var version1 = contract.TrainPersonaInput{
	UserID: "00000000-0000-4000-8000-000000000001", PersonaID: "00000000-0000-4000-8000-000000000002", Version: 1,
}

// world stands in for everything that the activities of a training touch. Its functions are what a test changes.
type world struct {
	*testsuite.TestWorkflowEnvironment

	mu     sync.Mutex
	calls  map[string]int
	stages []persona.Stage
	ended  *activities.FailInput

	refused []persona.PhotoCode

	plan    func() activities.TrainingPlan
	collect func(activities.PhotoInput) (activities.PhotoVerdict, error)
	prepare func(activities.PhotoInput) (activities.PhotoVerdict, error)
	draw    func(activities.SampleOrder) ([]activities.DrawnSample, error)
	choose  func() activities.Selection
	submit  func(n int) (activities.JobState, error)
	find    func(n int) (activities.JobState, error)
	decide  func() error
	await   func(n int) (activities.TrainingDone, error)
	cancel  func() activities.Settlement
	judge   func() contract.Checks
	deploy  func() error
}

var suite testsuite.WorkflowTestSuite

// quietLog keeps the SDK's log out of the tests' output.
var quietLog = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

func init() { suite.SetLogger(quietLog) }

// newWorld is a world in which everything goes well.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), calls: map[string]int{}}
	w.plan = func() activities.TrainingPlan {
		plan := activities.TrainingPlan{Open: true, MinPhotos: 5}
		for i := range 6 {
			plan.Photos = append(plan.Photos, activities.PhotoTask{PhotoID: string(rune('a' + i)), Index: i, Fetch: i == 5})
		}
		return plan
	}
	w.collect = func(in activities.PhotoInput) (activities.PhotoVerdict, error) {
		return activities.PhotoVerdict{Index: in.Index, Accepted: true}, nil
	}
	w.draw = func(o activities.SampleOrder) ([]activities.DrawnSample, error) {
		return drawn(o, activities.SampleMade, 0), nil
	}
	w.prepare = func(in activities.PhotoInput) (activities.PhotoVerdict, error) {
		return activities.PhotoVerdict{Index: in.Index, Accepted: true, Overall: 90}, nil
	}
	w.choose = func() activities.Selection { return activities.Selection{Used: 6} }
	w.submit = func(int) (activities.JobState, error) {
		return activities.JobState{Status: persona.PurchaseQueued}, nil
	}
	w.find = func(int) (activities.JobState, error) {
		return activities.JobState{Status: persona.PurchaseQueued}, nil
	}
	w.decide = func() error { return nil }
	w.await = func(int) (activities.TrainingDone, error) { return activities.TrainingDone{Seconds: 60}, nil }
	w.cancel = func() activities.Settlement { return activities.Settlement{} }
	w.judge = func() contract.Checks {
		return contract.Checks{FaceConsistency: 1, QualityScore: 0.9, TriggerEffectiveness: 1}
	}
	w.deploy = func() error { return nil }
	w.register()
	workflows.Register(w)
	w.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
		w.count(info.WorkflowType.Name)
	})
	w.SetTestTimeout(20 * time.Second)
	return w
}

// fake registers f under an activity's name and counts its calls.
func fake[In, Out any](w *world, name string, f func(in In, n int) (Out, error)) {
	w.RegisterActivityWithOptions(func(_ context.Context, in In) (Out, error) {
		return f(in, w.count(name))
	}, activity.RegisterOptions{Name: name})
}

func (w *world) count(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls[name]++
	return w.calls[name]
}

func (w *world) called(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calls[name]
}

func (w *world) register() {
	type in = contract.TrainPersonaInput
	type none = struct{}
	fake(w, "PlanTraining", func(in, int) (activities.TrainingPlan, error) { return w.plan(), nil })
	fake(w, "EnterStage", func(s activities.StageInput, _ int) (none, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.stages = append(w.stages, s.Stage)
		return none{}, nil
	})
	fake(w, "CollectPhoto", func(p activities.PhotoInput, _ int) (activities.PhotoVerdict, error) { return w.collect(p) })
	fake(w, "PreparePhoto", func(p activities.PhotoInput, _ int) (activities.PhotoVerdict, error) { return w.prepare(p) })
	fake(w, "ChoosePhotos", func(in, int) (activities.Selection, error) { return w.choose(), nil })
	fake(w, "MakeJob", func(i in, _ int) (activities.JobInput, error) {
		return activities.JobInput{TrainPersonaInput: i, JobID: idOf("job")}, nil
	})
	fake(w, "UploadDataset", func(activities.JobInput, int) (none, error) { return none{}, nil })
	fake(w, "SubmitTraining", func(_ activities.JobInput, n int) (activities.JobState, error) { return w.submit(n) })
	fake(w, "FindTraining", func(_ activities.JobInput, n int) (activities.JobState, error) { return w.find(n) })
	fake(w, "DecideTraining", func(activities.DecideInput, int) (activities.JobState, error) {
		return activities.JobState{Status: persona.PurchaseQueued}, w.decide()
	})
	fake(w, "AwaitTraining", func(_ activities.JobInput, n int) (activities.TrainingDone, error) { return w.await(n) })
	fake(w, "CancelJob", func(activities.JobInput, int) (activities.Settlement, error) { return w.cancel(), nil })
	fake(w, "CleanProvider", func(activities.JobInput, int) (none, error) { return none{}, nil })
	fake(w, "RefusePhoto", func(r activities.RefusalInput, _ int) (activities.PhotoVerdict, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.refused = append(w.refused, r.Code)
		return activities.PhotoVerdict{Index: r.Index, Codes: []string{string(r.Code)}}, nil
	})
	fake(w, "DrawSamples", func(o activities.SampleOrder, _ int) ([]activities.DrawnSample, error) { return w.draw(o) })
	fake(w, "MeasureSamples", func(in activities.MeasureInput, _ int) ([]activities.SampleScore, error) {
		scores := make([]activities.SampleScore, len(in.Drawn))
		for i, drawn := range in.Drawn {
			scores[i] = activities.SampleScore{
				Strength: in.Strength, Trigger: in.Trigger, Own: in.Trigger, Quality: 0.9, Outcome: drawn.Outcome,
			}
		}
		return scores, nil
	})
	fake(w, "JudgeModel", func(activities.JudgeInput, int) (contract.Checks, error) { return w.judge(), nil })
	fake(w, "DeployModel", func(activities.DeployInput, int) (none, error) { return none{}, w.deploy() })
	fake(w, "FailTraining", func(f activities.FailInput, _ int) (none, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ended = &f
		return none{}, nil
	})
}

// train runs one training to its end.
func (w *world) train(t *testing.T) (contract.TrainPersonaResult, error) {
	t.Helper()
	w.ExecuteWorkflow(contract.TrainPersonaWorkflow, version1)
	require.True(t, w.IsWorkflowCompleted())
	var result contract.TrainPersonaResult
	if err := w.GetWorkflowError(); err != nil {
		return result, err
	}
	return result, w.GetWorkflowResult(&result)
}

func running() error {
	return temporal.NewApplicationErrorWithOptions("not done", contract.TrainingRunning,
		temporal.ApplicationErrorOptions{NextRetryDelay: 15 * time.Second, Category: temporal.ApplicationErrorCategoryBenign})
}

func uncertain() error {
	return temporal.NewApplicationErrorWithOptions("not known", contract.SubmitUncertain,
		temporal.ApplicationErrorOptions{NextRetryDelay: 15 * time.Second, Category: temporal.ApplicationErrorCategoryBenign})
}

func permanent(kind string) error {
	return temporal.NewNonRetryableApplicationError("a sentence for people", kind, nil)
}

// drawn is what an order gives when the first of its pictures have another outcome than the rest, which are made.
func drawn(o activities.SampleOrder, outcome activities.SampleOutcome, first int) []activities.DrawnSample {
	all := make([]activities.DrawnSample, persona.Scenes*o.Images)
	for i := range all {
		all[i].Outcome = activities.SampleMade
		if i < first {
			all[i].Outcome = outcome
		}
	}
	return all
}
