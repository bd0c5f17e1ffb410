package activities_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
)

func TestATrainingIsBoughtOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	job := b.job()
	for range 3 {
		state, err := run(b, b.all.Training.SubmitTraining, job)
		require.NoError(t, err)
		require.Equal(t, persona.PurchaseQueued, state.Status)
	}
	require.Equal(t, 1, b.bought())
}

func TestManyWorkersBuyOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	job := b.job()
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			_, err := b.all.Training.SubmitTraining(context.Background(), job)
			if err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	require.Equal(t, 1, b.bought())
	state, err := run(b, b.all.Training.SubmitTraining, job)
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseQueued, state.Status, "the one who sent knows best")
}

func TestWhatIsCertainlyNotBoughtIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	job := b.job()
	b.fault("submit", "reject_429", 2)
	for range 2 {
		_, err := run(b, b.all.Training.SubmitTraining, job)
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.False(t, app.NonRetryable())
		require.Zero(t, b.bought())
	}
	state, err := run(b, b.all.Training.SubmitTraining, job)
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseQueued, state.Status)
	require.Equal(t, 1, b.bought())
}

func TestALostReplyIsUncertainUntilTheListShowsTheJob(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	job := b.job()
	b.fault("submit", "lost_reply", 1)
	for range 2 {
		state, err := run(b, b.all.Training.SubmitTraining, job)
		require.NoError(t, err)
		require.Equal(t, persona.PurchaseUncertain, state.Status)
	}
	require.Equal(t, 1, b.bought(), "an uncertain purchase is not sent again")
	for range 2 {
		state, err := run(b, b.all.Training.FindTraining, job)
		require.NoError(t, err)
		require.Equal(t, persona.PurchaseQueued, state.Status)
	}
	stored, err := b.Store.Job(t.Context(), job.UserID, job.JobID)
	require.NoError(t, err)
	require.NotEmpty(t, stored.RequestID)
}

func TestAWorkerThatDiedWhileBuyingLeavesAnUncertainPurchase(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	job := b.job()
	_, err := b.Store.BeginSubmit(t.Context(), job.UserID, job.JobID) // and nothing after it
	require.NoError(t, err)
	state, err := run(b, b.all.Training.SubmitTraining, job)
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseUncertain, state.Status)

	_, err = run(b, b.all.Training.FindTraining, job)
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, contract.SubmitUncertain, app.Type(), "too early to call it absent")
	require.False(t, app.NonRetryable())

	b.all.Training.Buyer.Timing.AbsenceProof = time.Nanosecond
	state, err = run(b, b.all.Training.FindTraining, job)
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseIntended, state.Status, "proved: nothing was bought")
	state, err = run(b, b.all.Training.SubmitTraining, job)
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseQueued, state.Status)
	require.Equal(t, 1, b.bought())
}

func TestAPersonsClaimIsCheckedWithTheProvider(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	job := b.job()
	b.fault("submit", "lost_reply", 1)
	_, err := run(b, b.all.Training.SubmitTraining, job)
	require.NoError(t, err)
	claim := func(in contract.SettleInput) (activities.JobState, error) {
		return run(b, b.all.Training.DecideTraining, activities.DecideInput{JobInput: job, SettleInput: in})
	}
	for _, wrong := range []contract.SettleInput{
		{RequestID: "3f2b8c1e-5a7d-4e9f-8b6a-0c1d2e3f4a5b"}, {RequestID: "not an id"}, {NothingBought: true}, {},
	} {
		for range 2 {
			_, err := claim(wrong)
			requireType(t, err, contract.Impossible, true)
			stored := b.storedJob(job)
			require.Equal(t, persona.PurchaseUncertain, stored.Status)
			require.Empty(t, stored.RequestID)
		}
	}
	for range 2 {
		state, err := claim(contract.SettleInput{RequestID: b.requestIDs()[0]})
		require.NoError(t, err)
		require.Equal(t, persona.PurchaseQueued, state.Status)
	}
}

func TestCancelSettlesAJobInEveryState(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		before func(*bed, activities.JobInput)
		billed bool
		after  persona.PurchaseStatus
	}{
		{"intended", func(*bed, activities.JobInput) {}, false, persona.PurchaseCancelled},
		{"uncertain and never sent", func(b *bed, j activities.JobInput) {
			_, err := b.Store.BeginSubmit(b.t.Context(), j.UserID, j.JobID)
			require.NoError(b.t, err)
		}, true, persona.PurchaseCancelled},
		{"uncertain and sent", func(b *bed, j activities.JobInput) {
			b.fault("submit", "lost_reply", 1)
			_, err := run(b, b.all.Training.SubmitTraining, j)
			require.NoError(b.t, err)
		}, true, persona.PurchaseCancelled},
		{"bought", func(b *bed, j activities.JobInput) {
			_, err := run(b, b.all.Training.SubmitTraining, j)
			require.NoError(b.t, err)
		}, true, persona.PurchaseCancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			job := b.job()
			c.before(b, job)
			for range 2 {
				settlement, err := run(b, b.all.Training.CancelJob, job)
				require.NoError(t, err)
				require.Equal(t, c.billed, settlement.MayBeBilled)
			}
			b.all.Training.Buyer.Timing.AbsenceProof = time.Nanosecond // the provider's list is up to date
			require.Eventually(t, func() bool { return do(b, b.all.Training.CleanProvider, job) == nil }, time.Minute, 10*time.Millisecond)
			require.NoError(t, do(b, b.all.Training.CleanProvider, job))
			stored, err := b.Store.Job(t.Context(), job.UserID, job.JobID)
			require.NoError(t, err)
			require.Equal(t, c.after, stored.Status)
		})
	}
}
