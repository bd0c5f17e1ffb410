package activities_test

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

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
