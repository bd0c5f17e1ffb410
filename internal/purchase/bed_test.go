package purchase_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/purchase"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// bed is a training job that is ready to be bought, and the provider to buy it from.
type bed struct {
	*storagetest.Bed
	queue   *queue
	buyer   *purchase.Buyer
	ref     purchase.Ref
	persona string
	dataset string
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{Bed: storagetest.NewBed(t), queue: newQueue(t)}
	b.buyer = &purchase.Buyer{
		Store: b.Store, Provider: b.queue.client(), WebhookURL: "http://127.0.0.1:9/webhooks/fal",
		Timing: purchase.Timing{Poll: time.Millisecond, Submit: 10 * time.Second, AbsenceProof: time.Hour},
	}
	b.job(t)
	return b
}

// job makes a persona with a training job.
func (b *bed) job(t testing.TB) {
	t.Helper()
	user := uuid.NewString()
	upload, err := b.Store.BeginUpload(t.Context(), user)
	require.NoError(t, err)
	id := uuid.NewString()
	info, err := upload.WritePhoto(t.Context(), id, bytes.NewReader([]byte("a photo")))
	require.NoError(t, err)
	made, _, err := upload.Commit(t.Context(), storage.NewPersona{
		Name: "Somebody", Tier: persona.TierBasic, Config: persona.DefaultTrainingConfig(),
		Consent: persona.Consent{AgreedToTerms: true, Items: persona.ConsentItems{
			FacialRecognition: true, AITraining: true, LikenessUsage: true, DataRetention: true,
		}},
		Signature: persona.Signature{SignedAt: time.Now(), IPAddress: "192.0.2.1", UserAgent: "test"},
		Photos:    []storage.NewPhoto{{ID: id, Bytes: info.Bytes, SHA256: info.SHA256, Width: 640, Height: 640, Format: "jpeg"}},
	})
	require.NoError(t, err)
	job, err := b.Store.EnsureJob(t.Context(), user, made.ID, 1, trainer.TrainingEndpoint, persona.DefaultTrainingConfig())
	require.NoError(t, err)
	b.dataset = b.queue.URL + "/files/" + job.ID + ".zip"
	_, err = b.Store.SetDataset(t.Context(), user, job.ID, b.dataset)
	require.NoError(t, err)
	b.ref, b.persona = purchase.Ref{UserID: user, JobID: job.ID}, made.ID
}

func (b *bed) read(t testing.TB) storage.Job {
	t.Helper()
	job, err := b.Store.Job(t.Context(), b.ref.UserID, b.ref.JobID)
	require.NoError(t, err)
	return job
}

func (b *bed) submit(t testing.TB, kept purchase.Reply) (purchase.State, error) {
	t.Helper()
	return b.buyer.Submit(t.Context(), b.ref, "word", kept, func(purchase.Reply) {})
}
