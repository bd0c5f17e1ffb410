package workflows

import (
	"context"

	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
)

// ErasePersona removes one persona from everywhere and ends with its certificate. Key, records and photos go first and
// wait for nobody; then the training is stopped, what the provider holds is removed, and the histories are deleted. At the
// end everything is looked for once more.
func ErasePersona(ctx workflow.Context, in contract.ErasePersonaInput) (contract.EraseResult, error) {
	var erasure *activities.Erasure
	for _, step := range []struct {
		summary  string
		policy   policy
		activity func(context.Context, contract.ErasePersonaInput) error
	}{
		{"Destroy key, records and blobs", erasing, erasure.DestroyStored},
		{"Stop its training", erasing, erasure.StopTraining},
		{"Remove it from the provider", erasingAtProvider, erasure.EraseAtProvider},
		{"Delete schedules and histories", erasing, erasure.EraseHistories},
	} {
		workflow.SetCurrentDetails(ctx, step.summary)
		if err := do(ctx, step.policy, step.summary, step.activity, in); err != nil {
			return contract.EraseResult{}, err
		}
	}
	workflow.SetCurrentDetails(ctx, "Verify and certify")
	return call(ctx, erasing, "Verify and certify", erasure.Certify, in)
}
