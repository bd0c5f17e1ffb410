package workflows

import (
	"context"

	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
)

// ErasePersona removes one persona from everywhere and ends with its certificate. The order matters: first nothing
// writes any more, then what others hold goes while the rows still tell where it is, then our own, then the histories
// of how it came to be; last of all everything is looked for once more.
func ErasePersona(ctx workflow.Context, in contract.ErasePersonaInput) (contract.EraseResult, error) {
	var erasure *activities.Erasure
	for _, step := range []struct {
		summary  string
		policy   policy
		activity func(context.Context, contract.ErasePersonaInput) error
	}{
		{"Stop its training", erasing, erasure.StopTraining},
		{"Remove it from the provider", erasingAtProvider, erasure.EraseAtProvider},
		{"Remove blobs, key and rows", erasing, erasure.EraseStored},
		{"Remove schedules and histories", erasing, erasure.EraseHistories},
	} {
		workflow.SetCurrentDetails(ctx, step.summary)
		if err := do(ctx, step.policy, step.summary, step.activity, in); err != nil {
			return contract.EraseResult{}, err
		}
	}
	workflow.SetCurrentDetails(ctx, "Look everywhere once more, and certify")
	return call(ctx, erasing, "Look everywhere once more, and certify", erasure.Certify, in)
}
