package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/storage"
)

// relayEvery is how often the outbox is read without a nudge. A request waits that long when the process that took it
// died before it could start the workflow.
const relayEvery = 2 * time.Second

// relay starts the workflows that the database asks for, and does nothing else. A request commits its outbox row together
// with its data, so neither a crash nor an absent Temporal server loses it. Starts are idempotent, so a row may be
// delivered twice.
type relay struct {
	store    *storage.Store
	temporal client.Client
	log      *slog.Logger
	nudged   chan struct{}
}

func newRelay(store *storage.Store, temporal client.Client, log *slog.Logger) *relay {
	return &relay{store: store, temporal: temporal, log: log, nudged: make(chan struct{}, 1)}
}

// nudge makes the relay read the outbox at once. It never blocks.
func (r *relay) nudge() {
	select {
	case r.nudged <- struct{}{}:
	default:
	}
}

// run delivers until ctx ends, and then once more: what the last requests have committed is started before the process
// ends.
func (r *relay) run(ctx context.Context) error {
	tick := time.NewTicker(relayEvery)
	defer tick.Stop()
	for {
		r.deliverDue(ctx)
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), relayEvery)
			defer cancel()
			r.deliverDue(last)
			return nil
		case <-r.nudged:
		case <-tick.C:
		}
	}
}

func (r *relay) deliverDue(ctx context.Context) {
	_, err := r.store.DeliverDue(ctx, 100, r.deliver)
	switch {
	case err == nil, ctx.Err() != nil:
	case isBusy(err):
		r.log.InfoContext(ctx, "a start waits for the end of another run")
	default:
		r.log.ErrorContext(ctx, "the outbox could not be delivered; it is tried again", "error", err)
	}
}

// isBusy reports whether err consists of nothing but starts that wait for another run.
func isBusy(err error) bool {
	// Every error of a join counts, and not the first that fits.
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			if !isBusy(one) {
				return false
			}
		}
		return true
	}
	return errors.Is(err, contract.ErrBusy)
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
		return contract.StartCleanJob(ctx, r.temporal,
			contract.CleanJobInput{UserID: o.UserID, PersonaID: o.PersonaID, JobID: o.JobID})
	default:
		return fmt.Errorf("the outbox holds an unknown kind %q", o.Kind)
	}
}
