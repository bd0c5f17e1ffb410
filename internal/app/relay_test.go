package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/internal/app"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/storage"
)

// A run of version 1 that is still cleaning up counted as the run of version 2: the outbox row was deleted and version 2
// was never trained.
func TestAStartIsNotTakenForThatOfAnotherVersion(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	relay := app.Assemble(s.config, app.Parts{Store: s.Store, Temporal: s.temporal, Fetch: http.DefaultClient, Slots: 1})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	// In place of the product's workflows: one that runs until it is told to end.
	w := worker.New(s.temporal, contract.MainQueue, worker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, in contract.TrainPersonaInput) (int, error) {
		workflow.GetSignalChannel(ctx, "end").Receive(ctx, nil)
		return in.Version, nil
	}, workflow.RegisterOptions{Name: contract.TrainPersonaWorkflow})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)

	row := storage.Outbox{Kind: storage.OutboxTrainPersona, UserID: uuid.NewString(), PersonaID: uuid.NewString(), Version: 1}
	id := contract.TrainPersonaID(row.PersonaID)
	end := func(want int) {
		t.Helper()
		require.NoError(t, s.temporal.SignalWorkflow(ctx, id, "", "end", nil))
		var version int
		require.NoError(t, s.temporal.GetWorkflow(ctx, id, "").Get(ctx, &version))
		require.Equal(t, want, version)
	}
	for range 2 {
		require.NoError(t, relay.Deliver(ctx, row), "delivered twice, started once")
	}
	next := row
	next.Version = 2
	for range 2 {
		err := relay.Deliver(ctx, next)
		require.ErrorIs(t, err, contract.ErrBusy)
		require.True(t, app.IsBusy(err))
	}
	end(1)
	require.NoError(t, relay.Deliver(ctx, next))
	require.ErrorIs(t, relay.Deliver(ctx, row), contract.ErrBusy, "a late delivery of the first version waits too")
	end(2)
}

func TestACleaningIsNotTakenForAnEarlierOne(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	relay := app.Assemble(s.config, app.Parts{Store: s.Store, Temporal: s.temporal, Fetch: http.DefaultClient, Slots: 1})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	row := storage.Outbox{
		Kind: storage.OutboxCleanJob, UserID: uuid.NewString(), PersonaID: uuid.NewString(), JobID: uuid.NewString(),
	}
	require.NoError(t, relay.Deliver(ctx, row))
	require.ErrorIs(t, relay.Deliver(ctx, row), contract.ErrBusy, "the open run may have read the job before it changed")

	s.run(http.DefaultClient, 2)
	require.NoError(t, s.temporal.GetWorkflow(ctx, contract.CleanJobID(row.JobID), "").Get(ctx, nil), "of a job that is gone nothing is left")
	require.NoError(t, relay.Deliver(ctx, row), "it is done again when it is asked for again")
}

func TestOnlyBusyStartsAreNoFault(t *testing.T) {
	t.Parallel()
	busy := fmt.Errorf("deliver train-persona 1: %w", contract.ErrBusy)
	down := errors.New("the server is down")
	require.True(t, app.IsBusy(busy))
	require.True(t, app.IsBusy(errors.Join(busy, errors.Join(busy))))
	require.False(t, app.IsBusy(down))
	require.False(t, app.IsBusy(errors.Join(busy, down)))
	require.False(t, app.IsBusy(errors.Join(busy, errors.Join(down, busy))))
}
