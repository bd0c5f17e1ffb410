package activities_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/localtrainer"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

// bed is a store, a local trainer and the activities on them, as a worker would run them.
type bed struct {
	*storagetest.Bed
	t       *testing.T
	trainer string
	all     activities.All
	timing  activities.Timing
}

func newBed(t *testing.T) *bed {
	t.Helper()
	local, err := localtrainer.New(localtrainer.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	server := httptest.NewServer(local.Handler())
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = local.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })

	b := &bed{Bed: storagetest.NewBed(t), t: t, trainer: server.URL}
	b.timing = activities.Timing{Poll: time.Second, Submit: 2 * time.Second, AbsenceProof: time.Hour, DatasetLife: time.Hour}
	b.wire()
	return b
}

func (b *bed) wire() {
	provider := trainer.New(trainer.Config{
		Key: "id:secret", QueueURL: b.trainer, RESTURL: b.trainer, APIURL: b.trainer + "/v1", Backoff: time.Millisecond,
	})
	policy := persona.DefaultPhotoPolicy()
	b.all = activities.All{
		Records:    &activities.Records{Store: b.Store, Policy: policy},
		Photos:     &activities.Photos{Store: b.Store, Policy: policy, Fetch: http.DefaultClient},
		Training:   &activities.Training{Store: b.Store, Provider: provider, Timing: b.timing, WebhookURL: "http://127.0.0.1:9/webhooks/fal"},
		Validation: &activities.Validation{Store: b.Store, Provider: provider},
		Models:     &activities.Models{Store: b.Store, Provider: provider},
		Erasure:    &activities.Erasure{Store: b.Store, Provider: provider},
	}
}

// run executes one activity as a worker would, its errors typed as on the wire.
func run[In, Out any](b *bed, activity func(context.Context, In) (Out, error), in In) (Out, error) {
	b.t.Helper()
	var out Out
	value, err := b.env().ExecuteActivity(activity, in)
	if err != nil {
		return out, err
	}
	return out, value.Get(&out)
}

// do is run for an activity without a result.
func do[In any](b *bed, activity func(context.Context, In) error, in In) error {
	b.t.Helper()
	_, err := b.env().ExecuteActivity(activity, in)
	return err
}

func (b *bed) env() *testsuite.TestActivityEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{activities.Interceptor()}})
	b.all.Register(env)
	return env
}

// persona stores a persona with these photos, as the API would.
func (b *bed) persona(photos ...[]byte) contract.TrainPersonaInput {
	b.t.Helper()
	user := uuid.NewString()
	upload, err := b.Store.BeginUpload(b.t.Context(), user)
	require.NoError(b.t, err)
	person := storage.NewPersona{
		Name: "Somebody", Tier: persona.TierBasic, Config: persona.DefaultTrainingConfig(),
		Consent: persona.Consent{AgreedToTerms: true, Items: persona.ConsentItems{
			FacialRecognition: true, AITraining: true, LikenessUsage: true, DataRetention: true,
		}},
		Signature: persona.Signature{SignedAt: time.Now(), IPAddress: "192.0.2.1", UserAgent: "test"},
	}
	for i, data := range photos {
		id := uuid.NewString()
		info, err := upload.WritePhoto(b.t.Context(), id, bytes.NewReader(data))
		require.NoError(b.t, err)
		person.Photos = append(person.Photos, storage.NewPhoto{
			ID: id, Index: i, Bytes: info.Bytes, SHA256: info.SHA256, Width: 1024, Height: 1024, Format: "jpeg",
		})
	}
	made, _, err := upload.Commit(b.t.Context(), person)
	require.NoError(b.t, err)
	return contract.TrainPersonaInput{UserID: user, PersonaID: made.ID, Version: 1}
}

// job gives a persona a training job whose pictures are at some address, ready to be bought.
func (b *bed) job() activities.JobInput {
	b.t.Helper()
	in := b.persona([]byte("a photo"))
	job, err := b.Store.EnsureJob(b.t.Context(), in.UserID, in.PersonaID, 1, trainer.TrainingEndpoint, persona.DefaultTrainingConfig())
	require.NoError(b.t, err)
	require.NoError(b.t, b.Store.SetDataset(b.t.Context(), in.UserID, job.ID, b.trainer+"/files/"+uuid.NewString()+"/x.zip"))
	return activities.JobInput{TrainPersonaInput: in, JobID: job.ID}
}

// fault makes the trainer misbehave.
func (b *bed) fault(on, effect string, times int) {
	b.t.Helper()
	b.local(http.MethodPost, "/_local/faults", map[string]any{"on": on, "effect": effect, "times": times}, nil)
}

// bought counts the training jobs that the trainer has.
func (b *bed) bought() int {
	b.t.Helper()
	var answer struct {
		Jobs []struct {
			Endpoint string `json:"endpoint"`
		} `json:"jobs"`
	}
	b.local(http.MethodGet, "/_local/jobs", nil, &answer)
	n := 0
	for _, j := range answer.Jobs {
		if j.Endpoint == trainer.TrainingEndpoint {
			n++
		}
	}
	return n
}

func (b *bed) local(method, path string, in, out any) {
	b.t.Helper()
	body, err := json.Marshal(in)
	require.NoError(b.t, err)
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.trainer+path, bytes.NewReader(body))
	require.NoError(b.t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(b.t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Less(b.t, resp.StatusCode, 300)
	if out != nil {
		require.NoError(b.t, json.NewDecoder(resp.Body).Decode(out))
	}
}
