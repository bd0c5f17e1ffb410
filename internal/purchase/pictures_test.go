package purchase_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/purchase"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

func (b *bed) pictures() (purchase.PictureRef, trainer.GenerateRequest) {
	return purchase.PictureRef{Ref: b.ref, Key: "k"},
		trainer.GenerateRequest{Prompt: "a portrait", LoRAURL: b.queue.URL + "/weights/1", Scale: 0.5, Images: 1}
}

// finish completes every request that is sent from now on.
func (b *bed) finish() {
	b.queue.change(func() { b.queue.finish, b.queue.failing = true, "" })
}

func TestPicturesAreBoughtOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.finish()
	ref, request := b.pictures()
	for range 3 {
		drawn, err := b.buyer.Draw(t.Context(), ref, request)
		require.NoError(t, err)
		require.Len(t, drawn.Result.ImageURLs, 1)
		require.Equal(t, b.queue.request(1), drawn.Order.RequestID)
	}
	require.Len(t, b.queue.of(trainer.GenerationEndpoint), 1)
	drawn, err := b.buyer.Draw(t.Context(), ref, request)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, b.buyer.Collected(t.Context(), drawn.Order))
	}
	require.True(t, b.queue.jobs[0].erased)
	drawn, err = b.buyer.Draw(t.Context(), ref, request)
	require.NoError(t, err)
	require.True(t, drawn.Collected, "what was stored is not bought again")
	require.Len(t, b.queue.of(trainer.GenerationEndpoint), 1)
}

// A lost reply is searched for; what the list shows is used.
func TestAPictureWhoseReplyWasLostIsFound(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.finish()
	ref, request := b.pictures()
	b.queue.change(func() { b.queue.next = "lost" })
	drawn, err := b.buyer.Draw(t.Context(), ref, request)
	require.NoError(t, err)
	require.Equal(t, b.queue.request(1), drawn.Order.RequestID)
	require.Len(t, b.queue.of(trainer.GenerationEndpoint), 1)
}

// drawUntilDone draws as often as a retry policy would, and returns how often that was.
func (b *bed) drawUntilDone(t *testing.T) (runs int, err error) {
	t.Helper()
	ref, request := b.pictures()
	for runs = 1; runs < 100; runs++ {
		if _, err = b.buyer.Draw(t.Context(), ref, request); !errors.Is(err, purchase.ErrTryFailed) {
			return runs, err
		}
	}
	return runs, err
}

// What the list never shows is ordered again once, and not a second time.
func TestALostPictureIsOrderedAgainAtMostOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.buyer.Timing.AbsenceProof = 0
	b.queue.change(func() { b.queue.always = "broken" })
	runs, err := b.drawUntilDone(t)
	require.ErrorIs(t, err, purchase.ErrNoPictures)
	require.Equal(t, 2, runs)
	orders, err := b.Store.PicturesOf(t.Context(), b.ref.UserID, b.ref.JobID)
	require.NoError(t, err)
	require.Len(t, orders, 2)
	b.queue.change(func() { b.queue.always = "" })
	_, err = b.drawUntilDone(t)
	require.ErrorIs(t, err, purchase.ErrNoPictures, "a later attempt does not start anew")
	require.Empty(t, b.queue.of(trainer.GenerationEndpoint))
}

// The provider's own faults cost nothing: they are retried for as long as the caller's policy lasts.
func TestAFaultOfTheProviderIsRetried(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.queue.change(func() { b.queue.finish, b.queue.failing = true, "runner_disconnected" })
	ref, request := b.pictures()
	for range 10 {
		_, err := b.buyer.Draw(t.Context(), ref, request)
		require.ErrorIs(t, err, purchase.ErrTryFailed)
	}
	b.finish()
	drawn, err := b.buyer.Draw(t.Context(), ref, request)
	require.NoError(t, err)
	require.Equal(t, 1, drawn.Order.Try)
	for _, j := range b.queue.of(trainer.GenerationEndpoint)[:10] {
		require.True(t, j.erased, "nothing is left of a failed request")
	}
}

// A request that may have been billed is tried up to the bound.
func TestFailedPicturesAreTriedUpToTheBound(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.queue.change(func() { b.queue.finish, b.queue.failing = true, "some_new_type" })
	for range 2 {
		_, err := b.drawUntilDone(t)
		require.ErrorIs(t, err, purchase.ErrNoPictures)
		require.Len(t, b.queue.of(trainer.GenerationEndpoint), storage.MaxPictureTries)
	}
}

func TestPicturesThatTheRulesForbidAreNotTriedAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	ref, request := b.pictures()
	b.queue.change(func() { b.queue.next = "refused" })
	for range 2 {
		drawn, err := b.buyer.Draw(t.Context(), ref, request)
		require.NoError(t, err)
		require.True(t, drawn.Refused)
	}
	require.Empty(t, b.queue.of(trainer.GenerationEndpoint))
}

// A worker that dies at any moment leaves a record; the next one continues with it.
func TestADeadWorkersPicturesAreContinued(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.finish()
	ref, request := b.pictures()
	order, err := b.Store.EnsurePicture(t.Context(), ref.UserID, ref.JobID, ref.Key, 1, trainer.GenerationEndpoint)
	require.NoError(t, err)
	_, err = b.Store.BeginPicture(t.Context(), ref.UserID, order.ID)
	require.NoError(t, err)
	_, err = b.buyer.Provider.SubmitGeneration(t.Context(), request) // and nothing after it
	require.NoError(t, err)
	drawn, err := b.buyer.Draw(t.Context(), ref, request)
	require.NoError(t, err)
	require.Equal(t, order.ID, drawn.Order.ID)
	require.Len(t, b.queue.of(trainer.GenerationEndpoint), 1)
}

func TestDrawingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	ref, request := b.pictures()
	ctx, stop := context.WithCancel(t.Context())
	b.queue.change(func() { b.queue.asked = stop })
	_, err := b.buyer.Draw(ctx, ref, request)
	require.ErrorIs(t, err, context.Canceled)
	orders, err := b.Store.PicturesOf(t.Context(), b.ref.UserID, b.ref.JobID)
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseQueued, orders[0].Status, "what was bought is on record")
}
