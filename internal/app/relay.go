package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/storage"
)

// relayEvery is how often the outbox is looked at without being nudged: the longest that a request waits when the
// process that took it died before it could start the workflow.
const relayEvery = 2 * time.Second

// cleanTimeout bounds one try to clean up a job that turned up late.
const cleanTimeout = 10 * time.Second

// relay carries what the database has decided to Temporal. A request commits its row together with what it asks
// for, so that neither a crash nor an absent Temporal server loses it; starting is idempotent, so that delivering
// twice does nothing.
type relay struct {
	store    *storage.Store
	temporal client.Client
	clean    func(context.Context, activities.JobInput) error // stops and cleans a job that turned up late
	log      *slog.Logger
	nudged   chan struct{}
}

func newRelay(store *storage.Store, temporal client.Client, purchases *activities.Training, log *slog.Logger) *relay {
	return &relay{
		store: store, temporal: temporal, clean: purchases.CleanProvider, log: log, nudged: make(chan struct{}, 1),
	}
}

// nudge lets the relay look at once. It never blocks.
func (r *relay) nudge() {
	select {
	case r.nudged <- struct{}{}:
	default:
	}
}

// run delivers until ctx ends.
func (r *relay) run(ctx context.Context) error {
	tick := time.NewTicker(relayEvery)
	defer tick.Stop()
	for {
		if _, err := r.store.DeliverDue(ctx, 100, r.deliver); err != nil && ctx.Err() == nil {
			r.log.ErrorContext(ctx, "the outbox could not be delivered; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.nudged:
		case <-tick.C:
		}
	}
}

func (r *relay) deliver(ctx context.Context, o storage.Outbox) error {
	switch o.Kind {
	case storage.OutboxTrainPersona:
		return contract.StartTrainPersona(ctx, r.temporal,
			contract.TrainPersonaInput{UserID: o.UserID, PersonaID: o.PersonaID, Version: o.Version})
	case storage.OutboxErasePersona:
		return contract.StartErasePersona(ctx, r.temporal, contract.ErasePersonaInput{ErasureID: o.ErasureID})
	case storage.OutboxEraseUser:
		return contract.StartEraseUser(ctx, r.temporal, contract.EraseUserInput{ErasureID: o.ErasureID})
	case storage.OutboxCleanJob:
		// The relay waits for it, and so does everybody's next start: what takes longer is done at the next delivery.
		cleaning, cancel := context.WithTimeout(ctx, cleanTimeout)
		defer cancel()
		return r.clean(cleaning, activities.JobInput{
			TrainPersonaInput: contract.TrainPersonaInput{UserID: o.UserID, PersonaID: o.PersonaID}, JobID: o.JobID,
		})
	default:
		return fmt.Errorf("the outbox holds an unknown kind %q", o.Kind)
	}
}
