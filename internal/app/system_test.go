package app_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/inflio/persona/internal/app"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/embedded/temporal"
	"github.com/inflio/persona/internal/localtrainer"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

// system is a worker and a relay on a real Temporal server, a real database and the local trainer.
type system struct {
	*storagetest.Bed
	t        *testing.T
	temporal client.Client
	provider *trainer.Client
	config   app.Config
	trainer  string
}

// photoSide is the side of the photos in pixels.
const photoSide = 640

// patience bounds every wait of these tests; on a quiet machine they take seconds.
const patience = 5 * time.Minute

func newSystem(t *testing.T) *system {
	t.Helper()
	server, err := temporal.Start(t.Context(), temporal.Options{})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	s := &system{Bed: storagetest.NewBed(t), t: t}
	s.temporal, err = client.Dial(client.Options{
		HostPort: server.Addr(), Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	require.NoError(t, err)
	t.Cleanup(s.temporal.Close)

	local, err := localtrainer.New(localtrainer.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	web := httptest.NewServer(local.Handler())
	t.Cleanup(web.Close)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = local.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	s.trainer = web.URL
	s.provider = trainer.New(trainer.Config{Key: "id:secret", QueueURL: web.URL, RESTURL: web.URL, APIURL: web.URL + "/v1"})

	s.config = app.Config{
		Roles: []app.Role{app.RoleWorker}, MetricsAddr: "off", PublicURL: "http://127.0.0.1:9", FalQueueURL: web.URL,
		PollInterval: time.Second, SubmitWait: 5 * time.Second, AbsenceProof: 10 * time.Second, DatasetLife: time.Hour,
		Photos: persona.DefaultPhotoPolicy(),
	}
	// Small photos keep the tests quick.
	s.config.Photos.MinBytes, s.config.Photos.MinSide, s.config.Photos.CropSide, s.config.Photos.Augment = 10_000, 256, 256, 1
	return s
}

// run runs an App until the test ends, or until the returned function is called, which waits for its end.
func (s *system) run(fetch *http.Client, slots int) (stop func()) {
	s.t.Helper()
	a := app.Assemble(s.config, app.Parts{Store: s.Store, Temporal: s.temporal, Provider: s.provider, Fetch: fetch, Slots: slots})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	var stopped bool
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		require.NoError(s.t, <-done)
	}
	s.t.Cleanup(stop)
	return stop
}

// persona commits a persona of a user, as the API would: with these photos, or with photos at these addresses.
func (s *system) persona(user string, files [][]byte, addresses ...string) storage.Persona {
	s.t.Helper()
	upload, err := s.Store.BeginUpload(s.t.Context(), user)
	require.NoError(s.t, err)
	person := storage.NewPersona{
		Name: "Somebody", Tier: persona.TierBasic, Config: persona.DefaultTrainingConfig(),
		Consent: persona.Consent{AgreedToTerms: true, Items: persona.ConsentItems{
			FacialRecognition: true, AITraining: true, LikenessUsage: true, DataRetention: true,
		}},
		Signature: persona.Signature{SignedAt: time.Now(), IPAddress: "192.0.2.1", UserAgent: "test"},
	}
	for i, file := range files {
		id := uuid.NewString()
		info, err := upload.WritePhoto(s.t.Context(), id, bytes.NewReader(file))
		require.NoError(s.t, err)
		person.Photos = append(person.Photos, storage.NewPhoto{
			ID: id, Index: i, Bytes: info.Bytes, SHA256: info.SHA256, Width: photoSide, Height: photoSide, Format: "jpeg",
		})
	}
	for i, address := range addresses {
		person.Photos = append(person.Photos, storage.NewPhoto{ID: uuid.NewString(), Index: i, URL: address})
	}
	made, _, err := upload.Commit(s.t.Context(), person)
	require.NoError(s.t, err)
	return made
}

// train starts a training and returns what waits for its end.
func (s *system) train(p storage.Persona) client.WorkflowRun {
	s.t.Helper()
	in := contract.TrainPersonaInput{UserID: p.UserID, PersonaID: p.ID, Version: 1}
	require.NoError(s.t, contract.StartTrainPersona(s.t.Context(), s.temporal, in))
	return s.temporal.GetWorkflow(s.t.Context(), contract.TrainPersonaID(p.ID), "")
}

// fault makes the trainer misbehave.
func (s *system) fault(f string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.trainer+"/_local/faults", strings.NewReader(f))
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	require.NoError(s.t, resp.Body.Close())
	require.Less(s.t, resp.StatusCode, 300)
}
