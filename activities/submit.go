package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/purchase"
)

// JobState is where a purchase stands.
type JobState struct {
	Status persona.PurchaseStatus
	Reason string // a sentence for people when the job was refused or failed
}

func jobState(s purchase.State) JobState { return JobState{Status: s.Status, Reason: s.Reason} }

// SubmitTraining buys the training, at most once for each attempt; see purchase.Buyer.Submit. Safe to run twice: a
// second run that finds an attempt without an outcome calls it uncertain and sends nothing, unless the heartbeat holds
// the provider's reply. Errors: Unavailable and NotPermitted, which are retried, for nothing was bought.
func (a *Training) SubmitTraining(ctx context.Context, in JobInput) (JobState, error) {
	owner, err := a.Buyer.Store.Persona(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return JobState{}, err
	}
	var kept purchase.Reply
	if activity.IsActivity(ctx) && activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &kept); err != nil {
			kept = purchase.Reply{}
		}
	}
	state, err := a.Buyer.Submit(ctx, in.ref(), owner.TriggerWord, kept, func(r purchase.Reply) { note(ctx, r) })
	return jobState(state), err
}
