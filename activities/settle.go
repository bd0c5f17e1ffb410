package activities

import (
	"context"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/purchase"
)

// FindTraining asks once what became of an uncertain purchase; see purchase.Buyer.Find. While nobody knows, it fails
// retryably with SubmitUncertain. Safe to run twice: it moves the job only out of uncertain.
func (a *Training) FindTraining(ctx context.Context, in JobInput) (JobState, error) {
	state, err := a.Buyer.Find(ctx, in.ref())
	if err == nil && state.Wait {
		err = notYet("it is not known whether the training was bought; the provider is asked again", contract.SubmitUncertain, a.Buyer.Timing.Poll)
	}
	return jobState(state), err
}

// DecideInput is a person's claim about an uncertain purchase.
type DecideInput struct {
	JobInput
	contract.SettleInput
}

// DecideTraining records a person's claim about an uncertain purchase after it was checked with the provider; see
// purchase.Buyer.Settle. Safe to run twice. Errors: Impossible with claim_rejected when the claim does not hold;
// Unavailable when the provider cannot be asked.
func (a *Training) DecideTraining(ctx context.Context, in DecideInput) (JobState, error) {
	state, err := a.Buyer.Settle(ctx, in.ref(), purchase.Claim(in.SettleInput))
	return jobState(state), err
}
