package activities_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// unzip returns the files of an archive by name.
func unzip(t *testing.T, archive []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		require.NoError(t, err)
		data, err := io.ReadAll(r)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		files[f.Name] = string(data)
	}
	return files
}

func (b *bed) storedJob(in activities.JobInput) storage.Job {
	b.t.Helper()
	job, err := b.Store.Job(b.t.Context(), in.UserID, in.JobID)
	require.NoError(b.t, err)
	return job
}

// await asks for the end of a training until there is one, as the server does.
func (b *bed) await(in activities.JobInput) (done activities.TrainingDone, err error) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		done, err = run(b, b.all.Training.AwaitTraining, in)
		var app *temporal.ApplicationError
		return !errors.As(err, &app) || app.Type() != contract.TrainingRunning
	}, time.Minute, 20*time.Millisecond)
	return done, err
}

// uploaded makes the job of a version and hands its pictures to the provider.
func (b *bed) uploaded(in contract.TrainPersonaInput) activities.JobInput {
	b.t.Helper()
	job, err := run(b, b.all.Training.MakeJob, in)
	require.NoError(b.t, err)
	require.NoError(b.t, do(b, b.all.Training.UploadDataset, job))
	return job
}

func TestATrainingFromItsPicturesToItsEnd(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.judged(1)
	job := b.uploaded(in)
	dataset := b.storedJob(job).DatasetURL
	require.Equal(t, []string{dataset}, b.storedJob(job).PlacedURLs)
	b.fault("upload", "error_500", 1000)
	require.NoError(t, do(b, b.all.Training.UploadDataset, job), "pictures that are there are not uploaded again")
	again, err := run(b, b.all.Training.MakeJob, in)
	require.NoError(t, err)
	require.Equal(t, job, again, "a version has one job")
	require.Equal(t, dataset, b.storedJob(job).DatasetURL)

	status, archive := b.get(dataset)
	require.Equal(t, http.StatusOK, status)
	want := map[string]string{}
	for i, p := range album()[:4] {
		name := "00" + string(rune('1'+i))
		want[name+".jpg"], want[name+".txt"] = string(p.prepared), "a photo of "+trigger
	}
	require.Equal(t, want, unzip(t, archive))

	_, err = run(b, b.all.Training.SubmitTraining, job)
	require.NoError(t, err)
	done, err := b.await(job)
	require.NoError(t, err)
	again2, err := run(b, b.all.Training.AwaitTraining, job)
	require.NoError(t, err)
	require.Equal(t, done, again2)
	stored := b.storedJob(job)
	require.Equal(t, persona.PurchaseCompleted, stored.Status)
	require.Equal(t, 100, stored.Progress)
	_, known, err := b.Store.TypicalSeconds(t.Context(), trainer.TrainingEndpoint)
	require.NoError(t, err)
	require.True(t, known, "the next training knows how long this one took")

	// As after a worker that died between the provider's answer and its record.
	_, err = b.Owner.Exec(t.Context(), `UPDATE persona_training_jobs SET status = 'training', completed_at = NULL WHERE id = $1`, job.JobID)
	require.NoError(t, err)
	_, err = run(b, b.all.Training.AwaitTraining, job)
	require.NoError(t, err)
	require.Equal(t, stored.WeightsURL, b.storedJob(job).WeightsURL)

	for _, address := range []string{stored.WeightsURL, stored.ConfigURL, dataset} {
		status, _ := b.get(address)
		require.Equal(t, http.StatusOK, status)
	}
	for range 2 {
		require.NoError(t, do(b, b.all.Training.CleanProvider, job))
		for _, address := range []string{stored.WeightsURL, stored.ConfigURL, dataset} {
			status, _ := b.get(address)
			require.Equal(t, http.StatusNotFound, status)
		}
	}
}

func TestARunningTrainingIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		effect string
		stage  persona.Stage
		job    persona.PurchaseStatus
	}{
		{"late", persona.StageQueued, persona.PurchaseQueued},
		{"stuck", persona.StageTraining, persona.PurchaseRunning},
	} {
		t.Run(c.effect, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			job := b.job()
			b.local(http.MethodPost, "/_local/faults", map[string]any{
				"on": "submit", "effect": c.effect, "times": 1, "delay_ms": map[string]int{"late": 3_600_000}[c.effect],
			}, nil)
			_, err := run(b, b.all.Training.SubmitTraining, job)
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				_, err := run(b, b.all.Training.AwaitTraining, job)
				return err != nil && b.version(job.TrainPersonaInput).Stage == c.stage
			}, time.Minute, 10*time.Millisecond)
			before := b.version(job.TrainPersonaInput)
			for range 2 {
				_, err := run(b, b.all.Training.AwaitTraining, job)
				app := requireType(t, err, contract.TrainingRunning, false)
				require.Equal(t, b.timing.Poll, app.NextRetryDelay())
				require.Equal(t, temporal.ApplicationErrorCategoryBenign, app.Category(), "waiting is no failure")
				now := b.version(job.TrainPersonaInput)
				require.Equal(t, c.stage, now.Stage)
				require.GreaterOrEqual(t, now.Progress, before.Progress)
				require.NotNil(t, now.RemainingSeconds)
				require.Equal(t, c.job == persona.PurchaseQueued, now.QueuePosition != nil)
				require.Equal(t, c.job, b.storedJob(job).Status)
			}
		})
	}
}

func TestAFailedTrainingFailsTwiceAlike(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	job := b.job()
	b.fault("submit", "fail", 1)
	_, err := run(b, b.all.Training.SubmitTraining, job)
	require.NoError(t, err)
	_, err = b.await(job)
	first := requireType(t, err, contract.ProviderFailed, true)
	require.Contains(t, first.Message(), "no face", "in words for the person")
	require.Equal(t, persona.PurchaseFailed, b.storedJob(job).Status)
	_, err = run(b, b.all.Training.AwaitTraining, job)
	require.Equal(t, first.Message(), requireType(t, err, contract.ProviderFailed, true).Message())
}

func TestACancelledJobIsNotAwaited(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	job := b.job()
	b.fault("submit", "stuck", 1)
	_, err := run(b, b.all.Training.SubmitTraining, job)
	require.NoError(t, err)
	_, err = run(b, b.all.Training.CancelJob, job)
	require.NoError(t, err)
	for range 2 {
		_, err = run(b, b.all.Training.AwaitTraining, job)
		requireType(t, err, contract.ProviderFailed, true)
	}
}

func TestNothingIsLeftToCleanOfAJobThatIsGone(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := activities.JobInput{TrainPersonaInput: b.persona([]byte("a photo"))}
	in.JobID = in.PersonaID
	for range 2 {
		require.NoError(t, do(b, b.all.Training.CleanProvider, in))
		settlement, err := run(b, b.all.Training.CancelJob, in)
		require.NoError(t, err)
		require.Zero(t, settlement)
	}
}
