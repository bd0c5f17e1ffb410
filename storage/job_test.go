package storage_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

func TestAVersionHasOneJob(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	p := create(t, s, uuid.NewString())
	ids := make([]string, 10)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			job, err := s.EnsureJob(t.Context(), p.UserID, p.ID, 1, endpoint, persona.DefaultTrainingConfig())
			if err == nil {
				ids[i] = job.ID
			}
		})
	}
	wg.Wait()
	require.NotEmpty(t, ids[0])
	require.Len(t, slices.Compact(ids), 1)
	jobs, err := s.JobsOf(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	require.Len(t, jobs, 1)
	require.Equal(t, persona.PurchaseIntended, jobs[0].Status)
	require.Zero(t, jobs[0].Attempt)
	require.Empty(t, jobs[0].RequestID)
	require.Equal(t, persona.DefaultTrainingConfig(), jobs[0].Config)
	_, err = s.EnsureJob(t.Context(), p.UserID, p.ID, 2, endpoint, persona.DefaultTrainingConfig())
	require.ErrorIs(t, err, storage.ErrNotFound, "no such version")
}

func TestOfTwentySubmitsOneBegins(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	p := create(t, b.Store, uuid.NewString())
	job := createJob(t, b.Store, p)
	second := b.Reopen(t)
	var won, lost atomic.Int32
	var wg sync.WaitGroup
	for i := range 20 {
		s := b.Store
		if i%2 == 1 {
			s = second
		}
		wg.Go(func() {
			switch _, err := s.BeginSubmit(t.Context(), p.UserID, job.ID); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, storage.ErrConflict):
				lost.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, won.Load())
	require.EqualValues(t, 19, lost.Load())
	job, err := b.Store.Job(t.Context(), p.UserID, job.ID)
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseSubmitting, job.Status)
	require.Equal(t, 1, job.Attempt)
	require.NotNil(t, job.SubmittingAt)
}

func TestATokenOpensItsJobAndNothingElse(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s := b.Store
	anna, boris := create(t, s, uuid.NewString()), create(t, s, uuid.NewString())
	job, other := createJob(t, s, anna), createJob(t, s, boris)
	begun, err := s.BeginSubmit(t.Context(), anna.UserID, job.ID)
	require.NoError(t, err)
	token := begun.Token
	require.Len(t, token, 43, "256 bits")
	otherBegun, err := s.BeginSubmit(t.Context(), boris.UserID, other.ID)
	require.NoError(t, err)
	require.NotEqual(t, token, otherBegun.Token)
	require.Zero(t, count(t, b.Owner, `SELECT count(*) FROM persona_training_jobs j WHERE to_jsonb(j)::text LIKE '%' || $1 || '%'`, token))

	found, err := s.JobByToken(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, job.ID, found.ID)
	require.Equal(t, anna.UserID, found.UserID)
	for _, bad := range []string{"", "x", token + "x", uuid.NewString()} {
		_, err := s.JobByToken(t.Context(), bad)
		require.ErrorIs(t, err, storage.ErrNotFound)
	}

	var hash string
	require.NoError(t, b.Owner.QueryRow(t.Context(),
		`SELECT encode(token_hash, 'hex') FROM persona_training_jobs WHERE id = $1`, job.ID).Scan(&hash))
	require.NoError(t, asApp(t, b.App, map[string]string{"persona.job_token": hash}, func(tx pgx.Tx) error {
		for table, want := range map[string]int{"persona_training_jobs": 1, "personas": 0, "persona_versions": 0, "data_keys": 0} {
			var n int
			require.NoError(t, tx.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n))
			require.Equal(t, want, n, table)
		}
		tag, err := tx.Exec(t.Context(), `UPDATE persona_training_jobs SET status = 'failed'`)
		require.NoError(t, err)
		require.Zero(t, tag.RowsAffected(), "to be read, not written")
		return nil
	}))
}

func TestMoveJob(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	p := create(t, s, uuid.NewString())
	job := createJob(t, s, p)
	move := func(to persona.PurchaseStatus, change storage.JobChange) (storage.Job, error) {
		by := persona.ActorSender
		if to == persona.PurchaseRunning || to == persona.PurchaseCompleted || to == persona.PurchaseFailed {
			by = persona.ActorPoller
		}
		return s.MoveJob(t.Context(), p.UserID, job.ID, to, by, change)
	}
	_, err := s.SetDataset(t.Context(), p.UserID, job.ID, "https://files/1.zip")
	require.NoError(t, err)
	_, err = move(persona.PurchaseQueued, storage.JobChange{RequestID: new("r1")})
	require.ErrorIs(t, err, storage.ErrConflict, "it is not submitting")

	first, err := s.BeginSubmit(t.Context(), p.UserID, job.ID)
	require.NoError(t, err)
	require.Equal(t, 1, first.Attempt)

	// Nothing was sent: another attempt, another token.
	_, err = move(persona.PurchaseIntended, storage.JobChange{ErrorMessage: new("refused connection"), Attempt: 1})
	require.NoError(t, err)
	second, err := s.BeginSubmit(t.Context(), p.UserID, job.ID)
	require.NoError(t, err)
	require.NotEqual(t, first.Token, second.Token)
	require.Equal(t, 2, second.Attempt)
	require.Equal(t, "https://files/1.zip", second.DatasetURL)
	for _, to := range []persona.PurchaseStatus{persona.PurchaseIntended, persona.PurchaseUncertain, persona.PurchaseQueued} {
		_, err = move(to, storage.JobChange{RequestID: new("r0"), Attempt: first.Attempt})
		require.ErrorIs(t, err, storage.ErrConflict, "late news of the first attempt does not touch the second")
	}
	_, err = move(persona.PurchaseQueued, storage.JobChange{})
	require.Error(t, err, "what was bought has an id")
	require.NotErrorIs(t, err, storage.ErrConflict)

	queued, err := move(persona.PurchaseQueued, storage.JobChange{RequestID: new("r1"), Attempt: second.Attempt})
	require.NoError(t, err)
	require.Equal(t, 2, queued.Attempt)
	require.Equal(t, "r1", queued.RequestID)
	require.Equal(t, "https://files/1.zip", queued.DatasetURL)
	_, err = move(persona.PurchaseQueued, storage.JobChange{RequestID: new("r1")})
	require.NoError(t, err, "the same again is success")
	_, err = move(persona.PurchaseQueued, storage.JobChange{RequestID: new("r2")})
	require.ErrorIs(t, err, storage.ErrConflict, "another purchase is not")
	_, err = s.BeginSubmit(t.Context(), p.UserID, job.ID)
	require.ErrorIs(t, err, storage.ErrConflict, "bought is bought")

	training, err := move(persona.PurchaseRunning, storage.JobChange{Progress: new(40)})
	require.NoError(t, err)
	require.NotNil(t, training.StartedAt)
	training, err = move(persona.PurchaseRunning, storage.JobChange{Progress: new(30)})
	require.NoError(t, err)
	require.Equal(t, 40, training.Progress)
	done, err := move(persona.PurchaseCompleted, storage.JobChange{WeightsURL: new("https://files/w"), ConfigURL: new("https://files/c"), Progress: new(100)})
	require.NoError(t, err)
	require.NotNil(t, done.CompletedAt)
	require.Equal(t, "https://files/w", done.WeightsURL)
	require.Equal(t, "https://files/c", done.ConfigURL)
	_, err = move(persona.PurchaseFailed, storage.JobChange{})
	require.ErrorIs(t, err, storage.ErrConflict, "an end is an end")
}

func TestAnUncertainPurchaseCanBeGivenUp(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	p := create(t, s, uuid.NewString())
	job := createJob(t, s, p)
	_, err := s.BeginSubmit(t.Context(), p.UserID, job.ID)
	require.NoError(t, err)
	_, err = s.MoveJob(t.Context(), p.UserID, job.ID, persona.PurchaseUncertain, persona.ActorSender, storage.JobChange{})
	require.NoError(t, err)
	job, err = s.MoveJob(t.Context(), p.UserID, job.ID, persona.PurchaseCancelled, persona.ActorCanceller,
		storage.JobChange{ErrorMessage: new("may be billed")})
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseCancelled, job.Status)
	require.Equal(t, "may be billed", job.ErrorMessage)
	require.Empty(t, job.RequestID)
	require.NotNil(t, job.CompletedAt)
}

// A webhook that comes after everybody gave up still tells what was bought.
func TestACancelledJobLearnsWhatWasBought(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	p := create(t, s, uuid.NewString())
	job := createJob(t, s, p)
	_, err := s.BeginSubmit(t.Context(), p.UserID, job.ID)
	require.NoError(t, err)
	gaveUp, err := s.MoveJob(t.Context(), p.UserID, job.ID, persona.PurchaseCancelled, persona.ActorCanceller,
		storage.JobChange{ErrorMessage: new("may be billed")})
	require.NoError(t, err)
	late := func(request string) (storage.Job, error) {
		return s.MoveJob(t.Context(), p.UserID, job.ID, persona.PurchaseCancelled, persona.ActorWebhook,
			storage.JobChange{RequestID: &request, Attempt: 1})
	}
	for range 2 {
		job, err = late("r1")
		require.NoError(t, err)
		require.Equal(t, persona.PurchaseCancelled, job.Status)
		require.Equal(t, "r1", job.RequestID)
		require.Equal(t, "may be billed", job.ErrorMessage)
		require.Equal(t, gaveUp.CompletedAt, job.CompletedAt)
	}
	_, err = late("r2")
	require.ErrorIs(t, err, storage.ErrConflict)
}

func TestEveryPlaceOfPicturesIsOnRecord(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	p := create(t, s, uuid.NewString())
	job := createJob(t, s, p)
	require.Empty(t, job.PlacedURLs)
	for range 2 {
		require.NoError(t, s.PlaceDataset(t.Context(), p.UserID, job.ID, "https://files/1.zip"))
	}
	require.NoError(t, s.PlaceDataset(t.Context(), p.UserID, job.ID, "https://files/2.zip"))
	job, err := s.Job(t.Context(), p.UserID, job.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"https://files/1.zip", "https://files/2.zip"}, job.PlacedURLs)
	require.Empty(t, job.DatasetURL, "placed is not chosen")
	require.ErrorIs(t, s.PlaceDataset(t.Context(), p.UserID, job.ID, ""), storage.ErrRefused)

	// Two uploads of one job end at once: all agree on one of them.
	chosen := make([]string, 8)
	var wg sync.WaitGroup
	for i := range chosen {
		wg.Go(func() {
			if job, err := s.SetDataset(t.Context(), p.UserID, job.ID, "https://files/"+string(rune('1'+i%3))+".zip"); err == nil {
				chosen[i] = job.DatasetURL
			}
		})
	}
	wg.Wait()
	require.NotEmpty(t, chosen[0])
	require.Len(t, slices.Compact(chosen), 1)
	begun, err := s.BeginSubmit(t.Context(), p.UserID, job.ID)
	require.NoError(t, err)
	require.Equal(t, chosen[0], begun.DatasetURL)

	job, err = s.SetDataset(t.Context(), p.UserID, job.ID, "https://files/4.zip")
	require.NoError(t, err, "too late is no fault")
	require.Equal(t, chosen[0], job.DatasetURL)
	require.Equal(t, persona.PurchaseSubmitting, job.Status)
	require.NoError(t, s.PlaceDataset(t.Context(), p.UserID, job.ID, "https://files/5.zip"), "in any state")
	job, err = s.Job(t.Context(), p.UserID, job.ID)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{
		"https://files/1.zip", "https://files/2.zip", "https://files/3.zip", "https://files/4.zip", "https://files/5.zip",
	}, job.PlacedURLs)
}

func TestNoDatasetIsChosenOnceTheSubmitHasBegun(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	p := create(t, s, uuid.NewString())
	job := createJob(t, s, p)
	_, err := s.BeginSubmit(t.Context(), p.UserID, job.ID)
	require.NoError(t, err)
	job, err = s.SetDataset(t.Context(), p.UserID, job.ID, "https://files/1.zip")
	require.NoError(t, err)
	require.Empty(t, job.DatasetURL)
	require.Equal(t, []string{"https://files/1.zip"}, job.PlacedURLs)
}

func TestNothingIsBoughtForWhatHasEnded(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	failed, erasing := create(t, s, uuid.NewString()), create(t, s, uuid.NewString())
	for _, p := range []storage.Persona{failed, erasing} {
		createJob(t, s, p)
	}
	require.NoError(t, s.FailVersion(t.Context(), failed.UserID, failed.ID, 1, persona.VersionCancelled, storage.Failure{Code: "cancelled"}))
	_, err := s.RequestErasure(t.Context(), erasing.UserID, erasing.ID)
	require.NoError(t, err)
	for _, p := range []storage.Persona{failed, erasing} {
		jobs, err := s.JobsOf(t.Context(), p.UserID, p.ID)
		require.NoError(t, err)
		_, err = s.BeginSubmit(t.Context(), p.UserID, jobs[0].ID)
		require.ErrorIs(t, err, storage.ErrConflict)
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	_, ok, err := s.TypicalSeconds(t.Context(), endpoint)
	require.NoError(t, err)
	require.False(t, ok)
	for _, seconds := range []int{100, 10, 5000} {
		require.NoError(t, s.RecordDuration(t.Context(), endpoint, 1000, 12, seconds))
	}
	seconds, ok, err := s.TypicalSeconds(t.Context(), endpoint)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 100, seconds)
	for range 50 {
		require.NoError(t, s.RecordDuration(t.Context(), endpoint, 1000, 12, 7))
	}
	seconds, _, err = s.TypicalSeconds(t.Context(), endpoint)
	require.NoError(t, err)
	require.Equal(t, 7, seconds, "old ones no longer count")
}
