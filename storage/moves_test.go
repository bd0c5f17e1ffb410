package storage_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/audit"
	"github.com/inflio/persona/storage/storagetest"
)

// Each combination of states and actor does what the table of moves says, on the database itself.
func TestJobsMoveOnlyAsTheTableSays(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s := b.Store
	p := create(t, s, uuid.NewString())
	job := createJob(t, s, p)
	order, err := s.EnsurePicture(t.Context(), p.UserID, job.ID, "k", 1, endpoint)
	require.NoError(t, err)
	actors := []persona.Actor{
		persona.ActorSender, persona.ActorWebhook, persona.ActorList, persona.ActorPoller, persona.ActorPerson, persona.ActorCanceller,
	}
	for _, from := range persona.PurchaseStatuses() {
		for _, to := range persona.PurchaseStatuses() {
			for _, by := range actors {
				_, err := b.Owner.Exec(t.Context(),
					`UPDATE persona_training_jobs SET status = $2, job_id = $3, completed_at = NULL WHERE id = $1`, job.ID, from, idIn(from))
				require.NoError(t, err)
				_, err = b.Owner.Exec(t.Context(),
					`UPDATE picture_orders SET status = $2, request_id = $3, completed_at = NULL WHERE id = $1`, order.ID, from, idIn(from))
				require.NoError(t, err)
				change := storage.JobChange{}
				if id := idIn(to); id != "" {
					change.RequestID = &id
				}
				moved, jobErr := s.MoveJob(t.Context(), p.UserID, job.ID, to, by, change)
				drawn, pictureErr := s.MovePicture(t.Context(), p.UserID, order.ID, to, by, change)
				for kind, got := range map[persona.PurchaseKind]struct {
					status persona.PurchaseStatus
					err    error
				}{persona.PurchaseTraining: {moved.Status, jobErr}, persona.PurchasePicture: {drawn.Status, pictureErr}} {
					sources := persona.MovesFrom(kind, to, by)
					if to != persona.PurchaseSubmitting && (slices.Contains(sources, from) || from == to && len(sources) > 0) {
						require.NoError(t, got.err, "%s: %s to %s by %s", kind, from, to, by)
						require.Equal(t, to, got.status)
					} else {
						require.Error(t, got.err, "%s: %s to %s by %s", kind, from, to, by)
					}
				}
			}
		}
	}
}

// idIn is a request id where a purchase in this state must have one.
func idIn(status persona.PurchaseStatus) string {
	switch status {
	case persona.PurchaseQueued, persona.PurchaseRunning, persona.PurchaseCompleted, persona.PurchaseFailed:
		return "r"
	default:
		return ""
	}
}

// A job that the provider acknowledged is freed by a person, never by a list that does not show it.
func TestAnAcknowledgedJobIsFreedByAPersonAlone(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	p := create(t, s, uuid.NewString())
	job := createJob(t, s, p)
	_, err := s.BeginSubmit(t.Context(), p.UserID, job.ID)
	require.NoError(t, err)
	move := func(to persona.PurchaseStatus, by persona.Actor, change storage.JobChange) (storage.Job, error) {
		return s.MoveJob(t.Context(), p.UserID, job.ID, to, by, change)
	}
	_, err = move(persona.PurchaseQueued, persona.ActorSender, storage.JobChange{RequestID: new("r1")})
	require.NoError(t, err)
	lost, err := move(persona.PurchaseUncertain, persona.ActorPoller, storage.JobChange{})
	require.NoError(t, err)
	require.Equal(t, "r1", lost.RequestID)
	for _, by := range []persona.Actor{persona.ActorList, persona.ActorSender} {
		_, err = move(persona.PurchaseIntended, by, storage.JobChange{})
		require.ErrorIs(t, err, storage.ErrConflict, by)
	}
	_, err = move(persona.PurchaseQueued, persona.ActorPerson, storage.JobChange{RequestID: new("r2")})
	require.ErrorIs(t, err, storage.ErrConflict, "a known id never changes")
	free, err := move(persona.PurchaseIntended, persona.ActorPerson, storage.JobChange{})
	require.NoError(t, err)
	require.Empty(t, free.RequestID)
	require.Nil(t, free.SubmittingAt)
	entries, err := s.AuditLog(t.Context(), p.UserID, 1, 0)
	require.NoError(t, err)
	require.Equal(t, audit.TrainingSettled, entries[0].Action)
}
