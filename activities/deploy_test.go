package activities_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

func TestWeightsComeHomeEncrypted(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.persona([]byte("a photo"))
	job := b.trained(in, model())
	path := "personas/" + in.PersonaID + "/model/v1.safetensors"
	sum := sha256.Sum256(model())
	deployed := func() {
		t.Helper()
		v := b.version(in)
		require.Equal(t, persona.VersionActive, v.Status)
		require.Equal(t, []any{path, hex.EncodeToString(sum[:]), int64(len(model()))}, []any{v.ModelRef, v.ModelSHA256, v.ModelBytes})
		require.Equal(t, 90, *v.TrainingSeconds)
		require.Equal(t, []string{"v1.safetensors"}, b.blobs(in.PersonaID, "model/"))
		require.Equal(t, model(), b.blob(in, path))
		owner, err := b.Store.Persona(t.Context(), in.UserID, in.PersonaID)
		require.NoError(t, err)
		require.Equal(t, persona.StatusReady, owner.Status)
		require.Equal(t, path, owner.ModelRef)
	}
	deploy := activities.DeployInput{JobInput: job, TrainingSeconds: 90}
	for range 2 {
		require.NoError(t, do(b, b.all.Models.DeployModel, deploy))
		deployed()
	}
	raw, err := b.Bucket.ReadAll(t.Context(), path)
	require.NoError(t, err)
	require.NotContains(t, string(raw), "data_offsets")
	require.NotContains(t, string(raw), string(model()[len(model())-64:]))

	// The reply of a run was lost, and what the provider gives by now is no longer whole.
	damaged := b.host(model()[:len(model())-1])
	_, err = b.Store.MoveJob(t.Context(), in.UserID, job.JobID, persona.PurchaseCompleted, persona.ActorPoller,
		storage.JobChange{WeightsURL: &damaged})
	require.NoError(t, err)
	require.NoError(t, do(b, b.all.Models.DeployModel, deploy))
	deployed()
}

func TestDamagedWeightsLeaveNothing(t *testing.T) {
	t.Parallel()
	for name, weights := range map[string][]byte{
		"cut off":    model()[:len(model())/2],
		"one byte":   append(model()[:len(model()):len(model())], 0),
		"a web page": []byte("<!DOCTYPE html><html><body>Not found</body></html>"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			in := b.persona([]byte("a photo"))
			deploy := activities.DeployInput{JobInput: b.trained(in, weights)}
			for range 2 {
				err := do(b, b.all.Models.DeployModel, deploy)
				requireType(t, err, contract.ModelDamaged, false)
				require.Empty(t, b.blobs(in.PersonaID, "model"))
				require.Equal(t, persona.VersionTraining, b.version(in).Status)
			}
			left, err := filepath.Glob(filepath.Join(b.BucketDir, "personas", in.PersonaID, "model*", "*"))
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// deployments makes attempts of DeployModel, each with the heartbeat of the one before, as a policy does.
func (b *bed) deployments(in activities.JobInput) func() error {
	var counted struct{ Damaged, Gone int }
	return func() error {
		b.t.Helper()
		env := b.env()
		env.SetHeartbeatDetails(counted)
		env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
			if details.HasValues() {
				require.NoError(b.t, details.Get(&counted))
			}
		})
		_, err := env.ExecuteActivity(b.all.Models.DeployModel, activities.DeployInput{JobInput: in})
		b.discreet(err)
		return err
	}
}

// movedTo is a provider's file server whose answer a test can change.
func (b *bed) movedTo(in activities.JobInput) *atomic.Pointer[http.HandlerFunc] {
	b.t.Helper()
	var answer atomic.Pointer[http.HandlerFunc]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*answer.Load())(w, r) }))
	b.t.Cleanup(server.Close)
	address := server.URL + "/weights.safetensors"
	_, err := b.Store.MoveJob(b.t.Context(), in.UserID, in.JobID, persona.PurchaseCompleted, persona.ActorPoller,
		storage.JobChange{WeightsURL: &address})
	require.NoError(b.t, err)
	return &answer
}

func serveBytes(data []byte) *http.HandlerFunc {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
	return &h
}

func serveStatus(status int) *http.HandlerFunc {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	return &h
}

func TestWeightsThatStayDamagedAreFinal(t *testing.T) {
	t.Parallel()
	announced := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(2<<30))
		w.WriteHeader(http.StatusOK)
	})
	for _, c := range []struct {
		name     string
		answer   *http.HandlerFunc
		attempts int // of which the last is final
	}{
		{"damaged", serveBytes([]byte("<html>")), 5},
		{"larger than weights can be", &announced, 5},
		{"gone", serveStatus(http.StatusNotFound), 30},
		{"gone for good", serveStatus(http.StatusGone), 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			job := b.trained(b.persona([]byte("a photo")), model())
			b.movedTo(job).Store(c.answer)
			deploy := b.deployments(job)
			for i := range c.attempts {
				requireType(t, deploy(), contract.ModelDamaged, i == c.attempts-1)
			}
			require.Empty(t, b.blobs(job.PersonaID, "model"))
		})
	}
}

// An outage says nothing about the weights: it neither makes the first damaged download final nor resets the count.
func TestAnOutageIsNoDamage(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	job := b.trained(b.persona([]byte("a photo")), model())
	answer := b.movedTo(job)
	answer.Store(serveStatus(http.StatusServiceUnavailable))
	deploy := b.deployments(job)
	attempt := func(kind string) { t.Helper(); requireType(t, deploy(), kind, false) }
	for range 7 {
		attempt(contract.Unavailable)
	}
	answer.Store(serveBytes(model()[:100]))
	attempt(contract.ModelDamaged)
	answer.Store(serveStatus(http.StatusBadGateway))
	attempt(contract.Unavailable)
	answer.Store(serveStatus(http.StatusForbidden))
	attempt(contract.ProviderDenied)
	answer.Store(serveBytes(model()[:100]))
	for range 3 {
		attempt(contract.ModelDamaged)
	}
	answer.Store(serveBytes(model()))
	require.NoError(t, deploy())
	require.Equal(t, persona.VersionActive, b.version(job.TrainPersonaInput).Status)
}
