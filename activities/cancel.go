package activities

import (
	"context"

	"github.com/inflio/persona/internal/contract"
)

// Settlement says what a job that is given up may still cost.
type Settlement struct {
	MayBeBilled bool
}

// CancelJob gives up a training job, whatever state it is in, and asks the provider once to stop it; see
// purchase.Buyer.Cancel. Safe to run twice, and when there is no job.
func (a *Training) CancelJob(ctx context.Context, in JobInput) (Settlement, error) {
	settlement, err := a.Buyer.Cancel(ctx, in.ref())
	return Settlement(settlement), err
}

// CleanProvider stops a job that no training waits for and removes what the provider holds of it; see
// purchase.Buyer.Clean. It fails retryably with NotErased until every request has ended. Safe to run twice.
func (a *Training) CleanProvider(ctx context.Context, in JobInput) error {
	done, err := a.Buyer.Clean(ctx, in.ref())
	if err == nil && !done {
		err = notYet("a request at the provider has not ended", contract.NotErased, a.Buyer.Timing.Poll)
	}
	return err
}
