package purchase_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/purchase"
	"github.com/inflio/persona/internal/trainer"
)

// Only what is certain is more than uncertain, and only a refusal of the content ends a purchase.
func TestOutcomesOfASubmit(t *testing.T) {
	t.Parallel()
	for reply, c := range map[string]struct {
		after  persona.PurchaseStatus
		failed bool
		bought int
	}{
		"":        {after: persona.PurchaseQueued, bought: 1},
		"lost":    {after: persona.PurchaseUncertain, bought: 1},
		"broken":  {after: persona.PurchaseUncertain},
		"busy":    {after: persona.PurchaseIntended, failed: true},
		"denied":  {after: persona.PurchaseIntended, failed: true},
		"refused": {after: persona.PurchaseRefused},
	} {
		t.Run("reply "+reply, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.queue.change(func() { b.queue.next = reply })
			state, err := b.submit(t, purchase.Reply{})
			if c.failed {
				require.Error(t, err)
				var told *persona.Error
				require.ErrorAs(t, err, &told)
				require.Equal(t, persona.Unavailable, told.Kind, "an operator can repair it")
			} else {
				require.NoError(t, err)
				require.Equal(t, c.after, state.Status)
			}
			require.Equal(t, c.after, b.read(t).Status)
			require.Len(t, b.queue.of(trainer.TrainingEndpoint), c.bought)
			if !c.failed {
				state, err = b.submit(t, purchase.Reply{})
				require.NoError(t, err)
				require.Equal(t, c.after, state.Status)
				require.Len(t, b.queue.of(trainer.TrainingEndpoint), c.bought, "nothing is sent twice")
			}
		})
	}
}

// The reply of an attempt that could not be written is kept by the activity and written by its next attempt.
func TestAReplyThatCouldNotBeWrittenIsNotLost(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	begun, err := b.Store.BeginSubmit(t.Context(), b.ref.UserID, b.ref.JobID)
	require.NoError(t, err)
	id, err := b.buyer.Provider.SubmitTraining(t.Context(), trainer.TrainingRequest{DatasetURL: begun.DatasetURL, Steps: 1000})
	require.NoError(t, err)
	state, err := b.submit(t, purchase.Reply{Attempt: begun.Attempt + 1, RequestID: "of another attempt"})
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseUncertain, state.Status)
	for range 2 {
		state, err = b.submit(t, purchase.Reply{Attempt: begun.Attempt, RequestID: id})
		require.NoError(t, err)
		require.Equal(t, persona.PurchaseQueued, state.Status)
	}
	require.Equal(t, id, b.read(t).RequestID)
}

// A database that does not answer for a while costs no certainty: the outcome is written when it is back.
func TestTheOutcomeIsWrittenWhenTheDatabaseIsBack(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	var database string
	require.NoError(t, b.Owner.QueryRow(t.Context(), `SELECT quote_ident(current_database())`).Scan(&database))
	kept := make(chan purchase.Reply, 1)
	state, err := b.buyer.Submit(t.Context(), b.ref, "word", purchase.Reply{}, func(r purchase.Reply) {
		_, err := b.Owner.Exec(t.Context(), `REVOKE CONNECT ON DATABASE `+database+` FROM PUBLIC, persona_app`)
		require.NoError(t, err)
		_, err = b.Owner.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'persona_app' AND datname = current_database()`)
		require.NoError(t, err)
		kept <- r
		timer := time.AfterFunc(500*time.Millisecond, func() {
			_, _ = b.Owner.Exec(t.Context(), `GRANT CONNECT ON DATABASE `+database+` TO persona_app`)
		})
		t.Cleanup(func() { timer.Stop() })
	})
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseQueued, state.Status)
	require.Equal(t, (<-kept).RequestID, b.read(t).RequestID)
	require.Len(t, b.queue.of(trainer.TrainingEndpoint), 1)
}

// A list that is not available proves nothing, however old the purchase is.
func TestAListThatIsNotAvailableProvesNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.lose(t)
	b.buyer.Timing.AbsenceProof = 0
	b.queue.change(func() { b.queue.listAway = true })
	for range 2 {
		_, err := b.buyer.Find(t.Context(), b.ref)
		require.Error(t, err)
		require.Equal(t, persona.PurchaseUncertain, b.read(t).Status)
	}
	b.queue.change(func() { b.queue.listAway = false })
	state, err := b.buyer.Find(t.Context(), b.ref)
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseQueued, state.Status)
}

// A job that the provider acknowledged and does not find is uncertain, and is never called free of charge.
func TestAnAcknowledgedJobThatIsNotFoundIsUncertain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	_, err := b.submit(t, purchase.Reply{})
	require.NoError(t, err)
	b.queue.change(func() { b.queue.jobs[0].lost = true })
	progress, err := b.buyer.Poll(t.Context(), b.ref)
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseUncertain, progress.Job.Status)
	require.Equal(t, b.queue.request(1), progress.Job.RequestID)

	b.buyer.Timing.AbsenceProof = 0
	unlisted := *b.buyer
	b.queue.change(func() { b.queue.jobs[0].erased = true }) // the list does not show it either
	state, err := unlisted.Find(t.Context(), b.ref)
	require.NoError(t, err)
	require.True(t, state.Wait, "an acknowledged purchase is never freed by a list")
	settlement, err := b.buyer.Cancel(t.Context(), b.ref)
	require.NoError(t, err)
	require.True(t, settlement.MayBeBilled)
}

func TestAnAcknowledgedJobIsFoundAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	_, err := b.submit(t, purchase.Reply{})
	require.NoError(t, err)
	b.queue.change(func() { b.queue.jobs[0].lost = true })
	_, err = b.buyer.Poll(t.Context(), b.ref)
	require.NoError(t, err)
	b.queue.change(func() { b.queue.jobs[0].lost = false })
	for range 2 {
		state, err := b.buyer.Find(t.Context(), b.ref)
		require.NoError(t, err)
		require.Equal(t, persona.PurchaseQueued, state.Status)
	}
	b.queue.change(func() { b.queue.jobs[0].state = "COMPLETED" })
	progress, err := b.buyer.Poll(t.Context(), b.ref)
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseCompleted, progress.Job.Status)
	require.True(t, progress.Result)
}

// A provider may acknowledge a cancel and not act on it: cleaning cancels until the job has ended.
func TestCleaningCancelsUntilTheJobHasEnded(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	_, err := b.submit(t, purchase.Reply{})
	require.NoError(t, err)
	b.queue.change(func() { b.queue.jobs[0].state, b.queue.deaf = "IN_PROGRESS", true })
	settlement, err := b.buyer.Cancel(t.Context(), b.ref)
	require.NoError(t, err)
	require.True(t, settlement.MayBeBilled)
	for range 2 {
		done, err := b.buyer.Clean(t.Context(), b.ref)
		require.NoError(t, err)
		require.False(t, done, "it still runs")
	}
	b.queue.change(func() { b.queue.deaf = false })
	done, err := b.buyer.Clean(t.Context(), b.ref) // cancels again
	require.NoError(t, err)
	require.False(t, done)
	for range 2 {
		done, err = b.buyer.Clean(t.Context(), b.ref)
		require.NoError(t, err)
		require.True(t, done)
	}
	require.NotNil(t, b.read(t).CleanedAt)
	require.True(t, b.queue.jobs[0].erased)
	require.True(t, b.queue.hidden[b.dataset])
}

// A purchase that is given up before anything was sent can never be sent.
func TestACancelledIntentCannotBeSubmitted(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	for range 2 {
		settlement, err := b.buyer.Cancel(t.Context(), b.ref)
		require.NoError(t, err)
		require.False(t, settlement.MayBeBilled)
		state, err := b.submit(t, purchase.Reply{})
		require.NoError(t, err)
		require.Equal(t, persona.PurchaseCancelled, state.Status)
	}
	require.Empty(t, b.queue.of(trainer.TrainingEndpoint))
}

// The refusal of one call is told with the call, and is no verdict on what was bought.
func TestADeniedCancelLeavesThePurchaseAsItIs(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	_, err := b.submit(t, purchase.Reply{})
	require.NoError(t, err)
	b.queue.change(func() { b.queue.forbidden = http.MethodPut })
	_, err = b.buyer.Cancel(t.Context(), b.ref)
	require.ErrorIs(t, err, trainer.ErrNotPermitted)
	require.ErrorContains(t, err, "cancel")
	require.Equal(t, persona.PurchaseQueued, b.read(t).Status)
}
