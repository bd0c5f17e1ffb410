package activities_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"gocloud.dev/blob"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/localtrainer"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/purchase"
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
	timing  purchase.Timing
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
	b.timing = purchase.Timing{Poll: time.Second, Submit: 2 * time.Second, AbsenceProof: time.Hour, Cancel: 200 * time.Millisecond, DatasetLife: time.Hour}
	b.wire()
	return b
}

// policy is the real one with sizes that keep the tests quick.
func policy() persona.PhotoPolicy {
	p := persona.DefaultPhotoPolicy()
	p.MinBytes, p.MaxBytes, p.MinSide, p.CropSide = 10_000, 1<<20, 256, 256
	return p
}

func (b *bed) wire() {
	provider := trainer.New(trainer.Config{
		Key: "id:secret", QueueURL: b.trainer, RESTURL: b.trainer, APIURL: b.trainer + "/v1",
		Backoff: time.Millisecond,
	})
	judge := photo.NewJudge(policy(), nil)
	buyer := &purchase.Buyer{Store: b.Store, Provider: provider, Timing: b.timing, WebhookURL: "http://127.0.0.1:9/webhooks/fal"}
	b.all = activities.All{
		Records:  &activities.Records{Store: b.Store, Policy: policy()},
		Photos:   &activities.Photos{Store: b.Store, Judge: judge, Fetch: http.DefaultClient},
		Training: &activities.Training{Buyer: buyer},
		Models:   &activities.Models{Buyer: buyer},
		Samples:  &activities.Samples{Store: b.Store, Judge: judge},
		Erasure:  &activities.Erasure{Buyer: buyer},
	}
}

// run executes one activity as a worker would, its errors typed as on the wire.
func run[In, Out any](b *bed, activity func(context.Context, In) (Out, error), in In) (Out, error) {
	b.t.Helper()
	return runIn(b, b.env(), activity, in)
}

// runIn is run in an environment that was prepared.
func runIn[In, Out any](
	b *bed, env *testsuite.TestActivityEnvironment, activity func(context.Context, In) (Out, error), in In,
) (Out, error) {
	b.t.Helper()
	var out Out
	value, err := env.ExecuteActivity(activity, in)
	if err != nil {
		b.discreet(err)
		return out, err
	}
	return out, value.Get(&out)
}

// do is run for an activity without a result.
func do[In any](b *bed, activity func(context.Context, In) error, in In) error {
	b.t.Helper()
	_, err := b.env().ExecuteActivity(activity, in)
	b.discreet(err)
	return err
}

// discreet checks every error of every test: on the wire none holds an address, a name or a secret.
func (b *bed) discreet(err error) {
	b.t.Helper()
	if err == nil {
		return
	}
	text := err.Error()
	var app *temporal.ApplicationError
	var details []string
	if errors.As(err, &app) && app.HasDetails() && app.Details(&details) == nil {
		text += strings.Join(details, " ")
	}
	for _, secret := range []string{"://", "127.0.0.1", "192.0.2.1", "localhost", personName, "somebody", ".jpg", ".zip", "id:secret"} {
		assert.NotContains(b.t, strings.ToLower(text), strings.ToLower(secret))
	}
}

// requireType checks the type of an error on the wire and whether it is final.
func requireType(t *testing.T, err error, kind string, final bool) *temporal.ApplicationError {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, kind, app.Type(), app.Message())
	require.Equal(t, final, app.NonRetryable())
	return app
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

// personName and trigger stand for what must not be told.
const (
	personName = "Somebody Secret"
	trigger    = "somebodyqwerty"
)

// persona stores a persona with these photos, as the API would.
func (b *bed) persona(photos ...[]byte) contract.TrainPersonaInput {
	b.t.Helper()
	return b.commit(uuid.NewString(), len(photos), func(upload *storage.Upload, i int) storage.NewPhoto {
		id := uuid.NewString()
		info, err := upload.WritePhoto(b.t.Context(), id, bytes.NewReader(photos[i]))
		require.NoError(b.t, err)
		return storage.NewPhoto{
			ID: id, Index: i, Bytes: info.Bytes, SHA256: info.SHA256, Width: 640, Height: 640, Format: "jpeg",
		}
	})
}

// linked stores a persona whose photos are at these addresses.
func (b *bed) linked(addresses ...string) contract.TrainPersonaInput {
	b.t.Helper()
	return b.commit(uuid.NewString(), len(addresses), func(_ *storage.Upload, i int) storage.NewPhoto {
		return storage.NewPhoto{ID: uuid.NewString(), Index: i, URL: addresses[i]}
	})
}

func (b *bed) commit(
	user string, photos int, photo func(*storage.Upload, int) storage.NewPhoto,
) contract.TrainPersonaInput {
	b.t.Helper()
	upload, err := b.Store.BeginUpload(b.t.Context(), user)
	require.NoError(b.t, err)
	person := storage.NewPersona{
		Name: personName, Tier: persona.TierBasic, Config: persona.DefaultTrainingConfig(),
		Consent: persona.Consent{AgreedToTerms: true, Items: persona.ConsentItems{
			FacialRecognition: true, AITraining: true, LikenessUsage: true, DataRetention: true,
		}},
		Signature: persona.Signature{SignedAt: time.Now(), IPAddress: "192.0.2.1", UserAgent: "test"},
	}
	for i := range photos {
		person.Photos = append(person.Photos, photo(upload, i))
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
	_, err = b.Store.SetDataset(b.t.Context(), in.UserID, job.ID, b.trainer+"/files/"+uuid.NewString()+"/x.zip")
	require.NoError(b.t, err)
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
	return b.requests(trainer.TrainingEndpoint)
}

// requests counts what the trainer was asked for.
func (b *bed) requests(endpoint string) int {
	b.t.Helper()
	return len(b.listed(endpoint))
}

// requestIDs returns the ids of the training jobs that the trainer has.
func (b *bed) requestIDs() []string {
	b.t.Helper()
	return b.listed(trainer.TrainingEndpoint)
}

func (b *bed) listed(endpoint string) (ids []string) {
	b.t.Helper()
	var answer struct {
		Jobs []struct {
			ID       string `json:"id"`
			Endpoint string `json:"endpoint"`
		} `json:"jobs"`
	}
	b.local(http.MethodGet, "/_local/jobs", nil, &answer)
	for _, j := range answer.Jobs {
		if j.Endpoint == endpoint {
			ids = append(ids, j.ID)
		}
	}
	return ids
}

// get fetches a file of the trainer, as anybody can who knows its address.
func (b *bed) get(address string) (int, []byte) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(b.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(b.t, err)
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return resp.StatusCode, data
}

// blob reads what the store keeps under a path of the persona.
func (b *bed) blob(in contract.TrainPersonaInput, path string) []byte {
	b.t.Helper()
	r, err := b.Store.OpenBlob(b.t.Context(), in.UserID, in.PersonaID, path)
	require.NoError(b.t, err)
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(r)
	require.NoError(b.t, err)
	return data
}

// blobs lists what the bucket holds of a persona under a folder, without that prefix.
func (b *bed) blobs(personaID, folder string) []string {
	b.t.Helper()
	prefix := "personas/" + personaID + "/" + folder
	var found []string
	for list := b.Bucket.List(&blob.ListOptions{Prefix: prefix}); ; {
		object, err := list.Next(b.t.Context())
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(b.t, err)
		found = append(found, strings.TrimPrefix(object.Key, prefix))
	}
}

func (b *bed) photos(in contract.TrainPersonaInput) []storage.Photo {
	b.t.Helper()
	photos, err := b.Store.Photos(b.t.Context(), in.UserID, in.PersonaID)
	require.NoError(b.t, err)
	return photos
}

func (b *bed) version(in contract.TrainPersonaInput) storage.Version {
	b.t.Helper()
	version, err := b.Store.Version(b.t.Context(), in.UserID, in.PersonaID, in.Version)
	require.NoError(b.t, err)
	return version
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
