package workflows_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/workflows"
)

// erasing is a world in which erasures happen; it notes the order of the steps.
type erasing struct {
	*testsuite.TestWorkflowEnvironment

	mu    sync.Mutex
	steps []string
}

func newErasing(t *testing.T, fail map[string]int) *erasing {
	t.Helper()
	w := &erasing{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment()}
	w.SetTestTimeout(20 * time.Second)
	note := func(step string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if fail[step] > 0 {
			fail[step]--
			return temporal.NewApplicationError("still there", contract.NotErased)
		}
		w.steps = append(w.steps, step)
		return nil
	}
	for _, step := range []string{"DestroyStored", "StopTraining", "EraseAtProvider", "EraseHistories"} {
		w.RegisterActivityWithOptions(func(_ context.Context, in contract.ErasePersonaInput) error {
			return note(step + " " + in.ErasureID)
		}, activity.RegisterOptions{Name: step})
	}
	w.RegisterActivityWithOptions(func(_ context.Context, in contract.ErasePersonaInput) (contract.EraseResult, error) {
		return contract.EraseResult{Personas: 1, Blobs: 10, Rows: 5, Histories: 1}, note("Certify " + in.ErasureID)
	}, activity.RegisterOptions{Name: "Certify"})
	w.RegisterActivityWithOptions(func(context.Context, contract.EraseUserInput) ([]string, error) {
		return []string{idOf("one"), idOf("two")}, nil
	}, activity.RegisterOptions{Name: "PlanUserErasure"})
	w.RegisterActivityWithOptions(func(_ context.Context, in contract.EraseUserInput) error {
		return note("CertifyUser " + in.ErasureID)
	}, activity.RegisterOptions{Name: "CertifyUser"})
	workflows.Register(w)
	return w
}

func TestErasePersonaGoesThroughItsStepsUntilEachIsDone(t *testing.T) {
	t.Parallel()
	e := idOf("e")
	w := newErasing(t, map[string]int{"EraseHistories " + e: 3, "StopTraining " + e: 2})
	w.ExecuteWorkflow(contract.ErasePersonaWorkflow, contract.ErasePersonaInput{ErasureID: e})
	require.NoError(t, w.GetWorkflowError())
	var result contract.EraseResult
	require.NoError(t, w.GetWorkflowResult(&result))
	require.Equal(t, contract.EraseResult{Personas: 1, Blobs: 10, Rows: 5, Histories: 1}, result)
	require.Equal(t, []string{"DestroyStored " + e, "StopTraining " + e, "EraseAtProvider " + e, "EraseHistories " + e, "Certify " + e}, w.steps)
}

func TestEraseUserErasesEveryPersonaFirst(t *testing.T) {
	t.Parallel()
	w := newErasing(t, map[string]int{"DestroyStored " + idOf("one"): 2})
	w.ExecuteWorkflow(contract.EraseUserWorkflow, contract.EraseUserInput{ErasureID: idOf("user")})
	require.NoError(t, w.GetWorkflowError())
	var result contract.EraseResult
	require.NoError(t, w.GetWorkflowResult(&result))
	require.Equal(t, contract.EraseResult{Personas: 2, Blobs: 20, Rows: 10, Histories: 2}, result)
	require.Equal(t, "CertifyUser "+idOf("user"), w.steps[len(w.steps)-1])
	require.Len(t, w.steps, 11)
}

// idOf is the id that stands for a name.
func idOf(name string) string { return uuid.NewSHA1(uuid.Nil, []byte(name)).String() }
