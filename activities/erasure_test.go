package activities_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/storage"
)

// temporal gives the erasures of a bed a Temporal.
func (b *bed) temporal() *fakeTemporal {
	f := &fakeTemporal{schedules: map[string]bool{}}
	b.all.Erasure.Temporal, b.all.Erasure.Namespace = f, "test"
	return f
}

// erase begins the erasure of a persona.
func (b *bed) erase(in contract.TrainPersonaInput) contract.ErasePersonaInput {
	b.t.Helper()
	e, err := b.Store.RequestErasure(b.t.Context(), in.UserID, in.PersonaID)
	require.NoError(b.t, err)
	return contract.ErasePersonaInput{ErasureID: e.ID}
}

// steps returns what an erasure has written down as done.
func (b *bed) steps(erasureID string) map[string]int {
	b.t.Helper()
	e, err := b.Store.ErasureForWorker(b.t.Context(), erasureID)
	require.NoError(b.t, err)
	steps := map[string]int{}
	for _, s := range e.Steps {
		require.NotContains(b.t, steps, s.Name)
		steps[s.Name] = s.Count
	}
	return steps
}

func requireNotErased(t *testing.T, err error) *temporal.ApplicationError {
	t.Helper()
	app := requireType(t, err, contract.NotErased, false)
	require.Equal(t, time.Second, app.NextRetryDelay())
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, app.Category())
	return app
}

func TestWorkflowsOfAPersonaAreStopped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		runs    []fakeRun
		overdue bool // the time in which they may end by themselves is over
		open    int  // attempts that find one running
	}{
		{name: "never trained"},
		{name: "trained before", runs: []fakeRun{{}}},
		{name: "ends when cancelled", runs: []fakeRun{{}, {running: true}}, open: 1},
		{name: "takes its time", runs: []fakeRun{{running: true, slow: true}}, open: 2},
		{name: "is terminated when overdue", runs: []fakeRun{{running: true, deaf: true}}, overdue: true, open: 1},
		{name: "a cleaning too", runs: []fakeRun{{workflow: "clean-job/x", running: true}}, open: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			in := b.persona([]byte("a photo"))
			erasure := b.erase(in)
			f := b.temporal()
			for _, r := range c.runs {
				r.persona = in.PersonaID
				r.workflow = cmp.Or(r.workflow, contract.TrainPersonaID(in.PersonaID))
				f.add(r)
			}
			other := f.add(fakeRun{workflow: contract.TrainPersonaID(uuid.NewString()), running: true})
			if c.overdue {
				b.all.Erasure.Buyer.Timing.Cancel = -1
			}
			for i := range c.open {
				requireNotErased(t, do(b, b.all.Erasure.StopTraining, erasure))
				require.Empty(t, b.steps(erasure.ErasureID))
				if i > 0 {
					f.sweep()
				}
			}
			for range 2 {
				require.NoError(t, do(b, b.all.Erasure.StopTraining, erasure))
				require.Equal(t, map[string]int{"training_stopped": 1}, b.steps(erasure.ErasureID))
			}
			require.True(t, other.running)
		})
	}
}

func TestATrainingIsNotCalledStoppedWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.persona([]byte("a photo"))
	erasure := b.erase(in)
	f := b.temporal()
	f.away = errors.New("dial tcp 127.0.0.1:7233: connection refused")
	for range 2 {
		for _, step := range []func() error{
			func() error { return do(b, b.all.Erasure.StopTraining, erasure) },
			func() error { return do(b, b.all.Erasure.EraseHistories, erasure) },
			func() error { _, err := run(b, b.all.Erasure.Certify, erasure); return err },
		} {
			requireType(t, step(), "Fault", false)
		}
	}
	require.Empty(t, b.steps(erasure.ErasureID))
}

func TestAPersonaIsErasedEverywhereAndCertified(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	f := b.temporal()
	in := b.judged(0)
	neighbour := b.persona([]byte("somebody else's photo"))
	job := b.uploaded(in)
	b.fault("submit", "stuck", 1)
	_, err := run(b, b.all.Training.SubmitTraining, job)
	require.NoError(t, err)
	dataset := b.storedJob(job).DatasetURL
	blobs := len(b.blobs(in.PersonaID, ""))
	require.Positive(t, blobs)

	for range 3 { // on three pages
		f.add(fakeRun{workflow: contract.TrainPersonaID(in.PersonaID), persona: in.PersonaID})
	}
	for _, schedule := range []string{contract.RetrainScheduleID(in.PersonaID)} {
		f.schedules[schedule] = true
		f.add(fakeRun{workflow: "temporal-sys-scheduler:" + schedule})
	}
	f.schedules[contract.RetrainScheduleID(neighbour.PersonaID)] = true
	f.add(fakeRun{workflow: contract.TrainPersonaID(neighbour.PersonaID), persona: neighbour.PersonaID})

	erasure := b.erase(in)
	var rows int
	for range 2 {
		require.NoError(t, do(b, b.all.Erasure.DestroyStored, erasure))
		require.Empty(t, b.blobs(in.PersonaID, ""))
		steps := b.steps(erasure.ErasureID)
		require.Equal(t, blobs, steps["blobs_deleted"])
		require.Equal(t, 1, steps["key_destroyed"])
		require.Greater(t, steps["rows_deleted"], len(album()))
		rows = steps["rows_deleted"]
	}
	certify := func() (contract.EraseResult, error) { return run(b, b.all.Erasure.Certify, erasure) }
	_, err = certify()
	require.Equal(t, "still found in: purchases at the provider, workflow histories", requireNotErased(t, err).Message())
	require.NotContains(t, f.schedules, contract.RetrainScheduleID(in.PersonaID))

	require.NoError(t, do(b, b.all.Erasure.StopTraining, erasure))
	b.fault("cancel", "error_503", 4) // as often as the client asks by itself
	err = do(b, b.all.Erasure.EraseAtProvider, erasure)
	requireType(t, err, contract.Unavailable, false)
	require.NotContains(t, b.steps(erasure.ErasureID), "provider_erased")
	require.Eventually(t, func() bool { return do(b, b.all.Erasure.EraseAtProvider, erasure) == nil }, time.Minute, 10*time.Millisecond)
	for range 2 {
		require.NoError(t, do(b, b.all.Erasure.EraseAtProvider, erasure))
		status, _ := b.get(dataset)
		require.Equal(t, http.StatusNotFound, status)
		require.Contains(t, b.steps(erasure.ErasureID), "provider_erased")
	}
	require.True(t, b.erasedAtProvider(), "the running job was stopped and forgotten")
	_, err = certify()
	require.Equal(t, "still found in: workflow histories", requireNotErased(t, err).Message())

	requireNotErased(t, do(b, b.all.Erasure.EraseHistories, erasure))
	requireNotErased(t, do(b, b.all.Erasure.EraseHistories, erasure)) // Temporal deletes in the background
	f.sweep()
	for range 2 {
		require.NoError(t, do(b, b.all.Erasure.EraseHistories, erasure))
	}
	require.Equal(t, []string{contract.TrainPersonaID(neighbour.PersonaID)}, f.left())
	require.Equal(t, map[string]bool{contract.RetrainScheduleID(neighbour.PersonaID): true}, f.schedules)

	// Steps that run again after everything is gone change nothing.
	require.NoError(t, do(b, b.all.Erasure.EraseAtProvider, erasure))
	require.NoError(t, do(b, b.all.Erasure.DestroyStored, erasure))
	var proof json.RawMessage
	for range 2 {
		result, err := certify()
		require.NoError(t, err)
		require.Equal(t, contract.EraseResult{Personas: 1, Blobs: blobs, Rows: rows, Histories: 4}, result)
		e, err := b.Store.Erasure(t.Context(), in.UserID, erasure.ErasureID)
		require.NoError(t, err)
		require.Equal(t, storage.ErasureCompleted, e.Status)
		if proof == nil {
			proof = e.Certificate
		}
		require.Equal(t, string(proof), string(e.Certificate))
	}
	requireCertificate(t, proof, in, erasure, b.steps(erasure.ErasureID))
	require.NotEmpty(t, b.photos(neighbour))
	require.NotEmpty(t, b.blobs(neighbour.PersonaID, ""))
}

func requireCertificate(
	t *testing.T, proof json.RawMessage, in contract.TrainPersonaInput, erasure contract.ErasePersonaInput, steps map[string]int,
) {
	t.Helper()
	var certificate struct {
		ErasureID   string                `json:"erasure_id"`
		PersonaID   string                `json:"persona_id"`
		RequestedAt time.Time             `json:"requested_at"`
		Steps       []storage.ErasureStep `json:"steps"`
		Verified    []string              `json:"verified_absent"`
		Kept        []string              `json:"kept"`
	}
	require.NoError(t, json.Unmarshal(proof, &certificate))
	require.Equal(t, []string{erasure.ErasureID, in.PersonaID}, []string{certificate.ErasureID, certificate.PersonaID})
	require.WithinDuration(t, time.Now(), certificate.RequestedAt, time.Hour)
	require.Len(t, certificate.Steps, 6)
	require.Equal(t, "key_destroyed", certificate.Steps[0].Name, "the key goes first")
	for _, s := range certificate.Steps {
		require.Equal(t, steps[s.Name], s.Count)
		require.False(t, s.At.IsZero())
	}
	require.Equal(t,
		[]string{"database rows", "blobs", "data key", "schedules", "workflow histories"}, certificate.Verified)
	require.Equal(t, []string{"this erasure record", "the audit log"}, certificate.Kept)
	for _, secret := range []string{personName, trigger, "http", in.UserID} {
		require.NotContains(t, string(proof), secret)
	}
}

// erasedAtProvider reports whether every request to the trainer has ended and been forgotten.
func (b *bed) erasedAtProvider() bool {
	b.t.Helper()
	var answer struct {
		Jobs []struct {
			State    string  `json:"state"`
			ErasedAt *string `json:"erased_at"`
		} `json:"jobs"`
	}
	b.local(http.MethodGet, "/_local/jobs", nil, &answer)
	for _, j := range answer.Jobs {
		if j.State != "COMPLETED" || j.ErasedAt == nil {
			return false
		}
	}
	return len(answer.Jobs) > 0
}

func TestAnUncertainPurchaseIsFoundAndErased(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	job := b.job()
	b.fault("submit", "lost_reply", 1)
	_, err := run(b, b.all.Training.SubmitTraining, job)
	require.NoError(t, err)
	erasure := b.erase(job.TrainPersonaInput)
	require.NoError(t, do(b, b.all.Erasure.DestroyStored, erasure))
	require.Eventually(t, func() bool { return do(b, b.all.Erasure.EraseAtProvider, erasure) == nil }, time.Minute, 10*time.Millisecond)
	require.NoError(t, do(b, b.all.Erasure.EraseAtProvider, erasure))
	require.True(t, b.erasedAtProvider())
}

func TestAUserIsErasedWithEveryPersona(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.temporal()
	user := uuid.NewString()
	var personas []contract.TrainPersonaInput
	for range 2 {
		personas = append(personas, b.commit(user, 1, func(*storage.Upload, int) storage.NewPhoto {
			return storage.NewPhoto{ID: uuid.NewString(), URL: "https://example.org/x"}
		}))
	}
	requested, err := b.Store.RequestUserErasure(t.Context(), user)
	require.NoError(t, err)
	in := contract.EraseUserInput{ErasureID: requested.ID}
	children, err := run(b, b.all.Erasure.PlanUserErasure, in)
	require.NoError(t, err)
	require.Len(t, children, len(personas))
	for range 2 {
		again, err := run(b, b.all.Erasure.PlanUserErasure, in)
		require.NoError(t, err)
		require.Equal(t, children, again)
		requireNotErased(t, do(b, b.all.Erasure.CertifyUser, in))
	}
	for _, id := range children {
		child := contract.ErasePersonaInput{ErasureID: id}
		for _, step := range []func() error{
			func() error { return do(b, b.all.Erasure.StopTraining, child) },
			func() error { return do(b, b.all.Erasure.EraseAtProvider, child) },
			func() error { return do(b, b.all.Erasure.DestroyStored, child) },
			func() error { return do(b, b.all.Erasure.EraseHistories, child) },
			func() error { _, err := run(b, b.all.Erasure.Certify, child); return err },
		} {
			require.NoError(t, step())
		}
	}
	var proof string
	for range 2 {
		require.NoError(t, do(b, b.all.Erasure.CertifyUser, in))
		again, err := run(b, b.all.Erasure.PlanUserErasure, in)
		require.NoError(t, err)
		require.Equal(t, children, again)
		e, err := b.Store.Erasure(t.Context(), user, requested.ID)
		require.NoError(t, err)
		require.Equal(t, storage.ErasureCompleted, e.Status)
		proof = cmp.Or(proof, string(e.Certificate))
		require.Equal(t, proof, string(e.Certificate))
		for _, id := range slices.Concat(children, []string{requested.ID, personas[0].PersonaID, personas[1].PersonaID}) {
			require.Contains(t, proof, id, "the certificate of a user lists the personas")
		}
		require.NotContains(t, proof, user)
		require.Contains(t, b.steps(requested.ID), "rows_deleted")
	}
}

func TestAnErasureThatIsNoneIsGone(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.temporal()
	none := contract.ErasePersonaInput{ErasureID: uuid.NewString()}
	for name, err := range map[string]error{
		"stop":      do(b, b.all.Erasure.StopTraining, none),
		"provider":  do(b, b.all.Erasure.EraseAtProvider, none),
		"stored":    do(b, b.all.Erasure.DestroyStored, none),
		"histories": do(b, b.all.Erasure.EraseHistories, none),
		"user":      do(b, b.all.Erasure.CertifyUser, contract.EraseUserInput{ErasureID: uuid.NewString()}),
	} {
		require.Equal(t, contract.RecordGone, requireType(t, err, contract.RecordGone, true).Type(), name)
	}
}
