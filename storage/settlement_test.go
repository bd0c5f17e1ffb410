package storage_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

// The rows of a persona go at once; what the provider may still hold stays on record, without anything of the person.
func TestErasedPurchasesStayUntilTheyAreSettled(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s, user := b.Store, uuid.NewString()
	e, jobID := eraseBought(t, s, user)
	_, err := s.Persona(t.Context(), user, e.PersonaID)
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.ElementsMatch(t, []string{"audit_log", "erasures"}, mentions(t, b, e.PersonaID), "the persona's id is nowhere else")

	kept, err := s.ErasedPurchases(t.Context(), e.ID)
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.Equal(t, jobID, kept[0].ID)
	require.Equal(t, persona.PurchaseTraining, kept[0].Kind)
	require.Empty(t, kept[0].RequestID)

	// The sender's outcome arrives after the rows are gone.
	_, err = s.MoveJob(t.Context(), user, jobID, persona.PurchaseQueued, persona.ActorSender,
		storage.JobChange{RequestID: new("late"), Attempt: 2})
	require.ErrorIs(t, err, storage.ErrNotFound)
	kept, err = s.ErasedPurchases(t.Context(), e.ID)
	require.NoError(t, err)
	require.Empty(t, kept[0].RequestID, "another attempt")
	for range 2 {
		_, err = s.MoveJob(t.Context(), user, jobID, persona.PurchaseQueued, persona.ActorSender,
			storage.JobChange{RequestID: new("r1"), Attempt: 1})
		require.ErrorIs(t, err, storage.ErrNotFound)
	}
	require.NoError(t, s.NoteErasedRequest(t.Context(), e.ID, jobID, "r2"))
	kept, err = s.ErasedPurchases(t.Context(), e.ID)
	require.NoError(t, err)
	require.Equal(t, "r1", kept[0].RequestID, "a known id never changes")

	for range 2 {
		require.NoError(t, s.ErasedPurchaseSettled(t.Context(), e.ID, jobID))
	}
	kept, err = s.ErasedPurchases(t.Context(), e.ID)
	require.NoError(t, err)
	require.Empty(t, kept)
}

func TestAWebhookNamesTheRequestOfAnErasedPersona(t *testing.T) {
	t.Parallel()
	s, user := storagetest.New(t), uuid.NewString()
	p := create(t, s, user)
	job := createJob(t, s, p)
	begun, err := s.BeginSubmit(t.Context(), user, job.ID)
	require.NoError(t, err)
	e, err := s.RequestErasure(t.Context(), user, p.ID)
	require.NoError(t, err)
	_, err = s.EraseRows(t.Context(), e.ID)
	require.NoError(t, err)
	_, err = s.JobByToken(t.Context(), begun.Token)
	require.ErrorIs(t, err, storage.ErrNotFound)
	require.ErrorIs(t, s.ErasedRequestByToken(t.Context(), "other", "r1"), storage.ErrNotFound)
	for range 2 {
		require.NoError(t, s.ErasedRequestByToken(t.Context(), begun.Token, "r1"))
	}
	kept, err := s.ErasedPurchases(t.Context(), e.ID)
	require.NoError(t, err)
	require.Equal(t, "r1", kept[0].RequestID)
}

// What was removed from the provider, and what was never sent there, needs no settlement.
func TestNothingIsKeptOfPurchasesThatAreClean(t *testing.T) {
	t.Parallel()
	s, user := storagetest.New(t), uuid.NewString()
	intended, cleaned := create(t, s, user), create(t, s, user)
	createJob(t, s, intended)
	job := createJob(t, s, cleaned)
	_, err := s.BeginSubmit(t.Context(), user, job.ID)
	require.NoError(t, err)
	order, err := s.EnsurePicture(t.Context(), user, job.ID, "k", 1, endpoint)
	require.NoError(t, err)
	_, err = s.BeginPicture(t.Context(), user, order.ID)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, s.MarkCleaned(t.Context(), user, job.ID))
		require.NoError(t, s.MarkPictureCleaned(t.Context(), user, order.ID))
	}
	for _, p := range []storage.Persona{intended, cleaned} {
		e, err := s.RequestErasure(t.Context(), user, p.ID)
		require.NoError(t, err)
		_, err = s.EraseRows(t.Context(), e.ID)
		require.NoError(t, err)
		kept, err := s.ErasedPurchases(t.Context(), e.ID)
		require.NoError(t, err)
		require.Empty(t, kept)
	}
}

func TestPicturesAreOrderedABoundedNumberOfTimes(t *testing.T) {
	t.Parallel()
	s, user := storagetest.New(t), uuid.NewString()
	p := create(t, s, user)
	job := createJob(t, s, p)
	for try := 1; try <= storage.MaxPictureTries; try++ {
		first, err := s.EnsurePicture(t.Context(), user, job.ID, "k", try, endpoint)
		require.NoError(t, err)
		again, err := s.EnsurePicture(t.Context(), user, job.ID, "k", try, endpoint)
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
	_, err := s.EnsurePicture(t.Context(), user, job.ID, "k", storage.MaxPictureTries+1, endpoint)
	require.ErrorIs(t, err, storage.ErrRefused)
	orders, err := s.PicturesOf(t.Context(), user, job.ID)
	require.NoError(t, err)
	require.Len(t, orders, storage.MaxPictureTries)
	_, err = s.RequestErasure(t.Context(), user, p.ID)
	require.NoError(t, err)
	_, err = s.BeginPicture(t.Context(), user, orders[0].ID)
	require.ErrorIs(t, err, storage.ErrConflict, "nothing is bought for what is being erased")
}

// The erasure of a user includes a persona whose rows are gone and whose purchase is not settled.
func TestAUsersErasureWaitsForTheErasureOfAPersonaThatIsGone(t *testing.T) {
	t.Parallel()
	s, user := storagetest.New(t), uuid.NewString()
	child, jobID := eraseBought(t, s, user)
	all, err := s.RequestUserErasure(t.Context(), user)
	require.NoError(t, err)
	for range 2 {
		children, err := s.ChildErasures(t.Context(), all.ID)
		require.NoError(t, err)
		require.Len(t, children, 1)
		require.Equal(t, child.ID, children[0].ID)
		_, err = s.EraseRows(t.Context(), all.ID)
		require.ErrorIs(t, err, storage.ErrConflict)
	}
	kept, err := s.ErasedPurchases(t.Context(), child.ID)
	require.NoError(t, err)
	require.Len(t, kept, 1, "what must be settled is not lost")
	require.NoError(t, s.ErasedPurchaseSettled(t.Context(), child.ID, jobID))
	require.NoError(t, s.CompleteErasure(t.Context(), child.ID, []byte(`{}`)))
	_, err = s.EraseRows(t.Context(), all.ID)
	require.NoError(t, err)
}
