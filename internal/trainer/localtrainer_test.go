package trainer_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	_ "image/jpeg" // the format of generated pictures
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/sitter"
	"github.com/inflio/persona/internal/trainer"
)

// local returns a client of a running local trainer, and the trainer's address.
func local(t *testing.T, pace time.Duration) (*trainer.Client, string) {
	t.Helper()
	server, err := localtrainer.New(localtrainer.Options{
		Dir: t.TempDir(), Key: "id:secret", Pace: pace, Keys: map[string][]localtrainer.Permission{
			"submit:only": {localtrainer.PermitSubmit}, "read:only": {localtrainer.PermitRead},
			"all:but-admin": {localtrainer.PermitSubmit, localtrainer.PermitRead, localtrainer.PermitCancel},
		},
	})
	require.NoError(t, err)
	http := httptest.NewServer(server.Handler())
	ctx, cancel := context.WithCancel(context.Background()) // the server ends after its clients
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		http.Close()
	})
	return clientOf(http.URL, "id:secret"), http.URL
}

func clientOf(server, key string) *trainer.Client {
	return trainer.New(trainer.Config{
		Key: key, QueueURL: server, RESTURL: server, APIURL: server + "/v1", Backoff: time.Millisecond,
	})
}

// dataset is a zip of photos of one drawn person with captions.
func dataset(t *testing.T, trigger string) trainer.File {
	t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for i, portrait := range sitter.New(7).Set(5, 400) {
		photo, err := w.Create(fmt.Sprintf("%02d.jpg", i))
		require.NoError(t, err)
		_, err = photo.Write(sitter.EncodePhoto(portrait))
		require.NoError(t, err)
		caption, err := w.Create(fmt.Sprintf("%02d.txt", i))
		require.NoError(t, err)
		_, err = io.WriteString(caption, "a photo of "+trigger)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return trainer.File{
		Name: "set.zip", ContentType: "application/zip", Size: int64(archive.Len()),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive.Bytes())), nil },
	}
}

func status(t *testing.T, address string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}

func order(t *testing.T, server, fault string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server+"/_local/faults", strings.NewReader(fault))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, res.Body.Close()) }()
	require.Less(t, res.StatusCode, 300)
}

// completed asks for a status until the job has ended, and returns it.
func completed(t *testing.T, ask func(context.Context, string) (trainer.Status, error), requestID string) trainer.Status {
	t.Helper()
	var last trainer.Status
	require.Eventually(t, func() bool {
		var err error
		last, err = ask(t.Context(), requestID)
		return err == nil && last.State == trainer.Completed
	}, 5*time.Minute, 10*time.Millisecond)
	return last
}

// The client and the local trainer share no code; both implement the same description of the service.
func TestWholeTrainingWithTheLocalTrainer(t *testing.T) {
	t.Parallel()
	client, server := local(t, 0)
	ctx, began := t.Context(), time.Now()

	set, err := client.Upload(ctx, dataset(t, "annaqwerty"), time.Hour, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status(t, set))

	// The reply is lost, so the job has to be found.
	order(t, server, `{"on":"submit","effect":"lost_reply","times":1}`)
	_, err = client.SubmitTraining(ctx, trainer.TrainingRequest{DatasetURL: set, TriggerWord: "annaqwerty", Steps: 100})
	require.Equal(t, trainer.Unknown, submitError(t, err).Outcome)
	id, found, err := client.FindTraining(ctx, set, began)
	require.NoError(t, err)
	require.True(t, found)
	_, found, err = client.FindTraining(ctx, set+"x", began)
	require.NoError(t, err)
	require.False(t, found)

	_, err = client.TrainingStatus(ctx, id)
	require.NoError(t, err)
	dataset, known, err := client.TrainingDataset(ctx, id, began)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, set, dataset)

	done := completed(t, client.TrainingStatus, id)
	require.Empty(t, done.Error)
	require.Equal(t, 100, done.StepsTotal, "read from the log")
	require.Equal(t, 100, done.StepsDone)
	result, err := client.TrainingResult(ctx, id)
	require.NoError(t, err)
	weights, err := client.Download(ctx, result.WeightsURL, 1<<30)
	require.NoError(t, err)
	content, err := io.ReadAll(weights)
	require.NoError(t, err)
	require.NoError(t, weights.Close())
	require.Len(t, content, int(result.WeightsBytes))
	outcome, err := client.CancelTraining(ctx, id)
	require.NoError(t, err)
	require.Equal(t, trainer.TooLate, outcome)

	drawn, err := client.SubmitGeneration(ctx, trainer.GenerateRequest{
		Prompt: "annaqwerty at a desk", LoRAURL: result.WeightsURL, Scale: 0.8, Seed: 3, Images: 2, Width: 128, Height: 128,
	})
	require.NoError(t, err)
	order(t, server, `{"on":"status","effect":"error_503","times":2}`)
	_, err = client.GenerationStatus(ctx, drawn)
	require.NoError(t, err, "the client repeats the call")
	completed(t, client.GenerationStatus, drawn)
	pictures, err := client.GenerationResult(ctx, drawn)
	require.NoError(t, err)
	require.Equal(t, drawn, pictures.RequestID)
	require.Equal(t, int64(3), pictures.Seed)
	require.Equal(t, []bool{false, false}, pictures.NSFW)
	require.Len(t, pictures.ImageURLs, 2)
	picture, err := client.Download(ctx, pictures.ImageURLs[0], 10<<20)
	require.NoError(t, err)
	config, _, err := image.DecodeConfig(picture)
	require.NoError(t, err)
	require.NoError(t, picture.Close())
	require.Equal(t, []int{128, 128}, []int{config.Width, config.Height})
	again, err := client.GenerationResult(ctx, drawn)
	require.NoError(t, err)
	require.Equal(t, pictures, again)

	for range 2 { // erasing what is gone succeeds too
		require.NoError(t, client.ErasePayload(ctx, id))
		require.NoError(t, client.ErasePayload(ctx, drawn))
		require.NoError(t, client.HideFile(ctx, set))
	}
	for _, address := range []string{set, result.WeightsURL, result.ConfigURL, pictures.ImageURLs[0]} {
		require.Equal(t, http.StatusNotFound, status(t, address))
	}
	_, err = client.Download(ctx, result.WeightsURL, 1<<30)
	require.ErrorIs(t, err, trainer.ErrGone)
	dataset, known, err = client.TrainingDataset(ctx, id, began)
	require.NoError(t, err)
	require.True(t, known)
	require.Empty(t, dataset, "erased")
	bills, err := client.BillingEvents(ctx, trainer.BillingQuery{RequestIDs: []string{id, drawn}})
	require.NoError(t, err)
	require.Len(t, bills, 2, "the charges stay when the payloads are erased")
	require.Equal(t, []string{drawn, id}, []string{bills[0].RequestID, bills[1].RequestID})
	require.InDelta(t, 0.2, bills[1].CostUSD, 1e-9, "100 of 1000 steps at 2 USD")
	require.Equal(t, int64(200_000_000), bills[1].CostNanoUSD)
}

func TestFailuresOfTheLocalTrainer(t *testing.T) {
	t.Parallel()
	client, server := local(t, 0)
	ctx := t.Context()
	submit := func() (string, error) {
		return client.SubmitTraining(ctx, trainer.TrainingRequest{DatasetURL: server + "/files/none/x.zip", Steps: 10})
	}

	for fault, want := range map[string]trainer.Outcome{
		"reject_429": trainer.NotSent, "error_500": trainer.Unknown, "error_503": trainer.Unknown,
	} {
		order(t, server, `{"on":"submit","effect":"`+fault+`","times":1}`)
		_, err := submit()
		require.Equal(t, want, submitError(t, err).Outcome)
	}

	id, err := submit()
	require.NoError(t, err, "the service does not check the input of a submit")
	completed(t, client.TrainingStatus, id)
	_, err = client.TrainingResult(ctx, id)
	var failed *trainer.JobError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "file_download_error", failed.Type)

	_, err = client.TrainingStatus(ctx, "00000000-0000-0000-0000-000000000000")
	require.Equal(t, persona.NotFound, public(t, err).Kind)
	require.ErrorIs(t, err, trainer.ErrUnknownRequest)
	outcome, err := client.CancelTraining(ctx, "00000000-0000-0000-0000-000000000000")
	require.NoError(t, err)
	require.Equal(t, trainer.Unknown404, outcome)

	bills, err := client.BillingEvents(ctx, trainer.BillingQuery{})
	require.NoError(t, err)
	require.Empty(t, bills, "a failed job is not charged")

	wrong := clientOf(server, "other")
	_, err = wrong.SubmitTraining(ctx, trainer.TrainingRequest{DatasetURL: "x", Steps: 1})
	require.Equal(t, trainer.Denied, submitError(t, err).Outcome)
	_, err = wrong.TrainingStatus(ctx, id)
	require.ErrorIs(t, err, trainer.ErrNotPermitted)
}

func TestCancelARunningTrainingOfTheLocalTrainer(t *testing.T) {
	t.Parallel()
	client, _ := local(t, time.Minute)
	ctx := t.Context()
	set, err := client.Upload(ctx, dataset(t, "annaqwerty"), time.Hour, nil)
	require.NoError(t, err)
	id, err := client.SubmitTraining(ctx, trainer.TrainingRequest{DatasetURL: set, Steps: 1000})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		s, err := client.TrainingStatus(ctx, id)
		return err == nil && s.State == trainer.Running
	}, 5*time.Minute, 10*time.Millisecond)
	_, err = client.TrainingResult(ctx, id)
	require.ErrorIs(t, err, trainer.ErrStillRunning)

	outcome, err := client.CancelTraining(ctx, id)

	require.NoError(t, err)
	require.Equal(t, trainer.Requested, outcome)
	completed(t, client.TrainingStatus, id)
	_, err = client.TrainingResult(ctx, id)
	var failed *trainer.JobError
	require.ErrorAs(t, err, &failed)
	require.True(t, failed.Cancelled(), "%v", err)
}

func TestWebhookOfTheLocalTrainer(t *testing.T) {
	t.Parallel()
	client, server := local(t, 0)
	type delivery struct {
		header http.Header
		body   []byte
	}
	arrived := make(chan delivery, 10)
	receiver := serve(t, func(_ http.ResponseWriter, _ *http.Request, _ int) {})
	receiver.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil {
			arrived <- delivery{r.Header.Clone(), body}
		}
	})
	verifier := trainer.NewWebhookVerifier(server+"/.well-known/jwks.json", nil)
	request := trainer.TrainingRequest{DatasetURL: server + "/files/none/x.zip", Steps: 10, WebhookURL: receiver.URL}

	id, err := client.SubmitTraining(t.Context(), request)
	require.NoError(t, err)
	got := <-arrived
	verified, err := verifier.Verify(t.Context(), got.header, got.body, time.Now())
	require.NoError(t, err)
	require.Equal(t, id, verified)
	require.True(t, json.Valid(got.body))

	order(t, server, `{"on":"webhook","effect":"forged","times":1}`)
	_, err = client.SubmitTraining(t.Context(), request)
	require.NoError(t, err)
	got = <-arrived
	_, err = verifier.Verify(t.Context(), got.header, got.body, time.Now())
	require.Equal(t, persona.CodeUnauthorized, public(t, err).Code)
}

// A worker that dies while pictures are made leaves requests behind. They are found by the weights that they use.
func TestLeftGenerationsOfTheLocalTrainer(t *testing.T) {
	t.Parallel()
	client, server := local(t, 0)
	ctx, began := t.Context(), time.Now()
	const weights = "https://files.example/w.safetensors"
	leave := func(fault, address string) string {
		t.Helper()
		order(t, server, fault)
		id, err := client.SubmitGeneration(ctx, trainer.GenerateRequest{Prompt: "p", LoRAURL: address, Scale: 1, Width: 64, Height: 64})
		require.NoError(t, err)
		return id
	}
	const stuck = `{"on":"generate","effect":"stuck","times":1}`
	const late = `{"on":"generate","effect":"late","delay_ms":600000,"times":1}`
	running := leave(stuck, weights)
	waiting := leave(late, weights)
	leave(late, weights+"x")
	found, err := client.FindGenerations(ctx, weights, began)
	require.NoError(t, err)
	require.Equal(t, []string{waiting, running}, found)
	outcome, err := client.CancelGeneration(ctx, waiting)
	require.NoError(t, err)
	require.Equal(t, trainer.Removed, outcome)
	require.Eventually(t, func() bool {
		outcome, err = client.CancelGeneration(ctx, running)
		return err == nil && outcome == trainer.TooLate
	}, time.Minute, 10*time.Millisecond, "the cancellation ends it")

	for _, id := range found {
		require.NoError(t, client.ErasePayload(ctx, id))
	}
	found, err = client.FindGenerations(ctx, weights, began)
	require.NoError(t, err)
	require.Empty(t, found, "an erased request shows no weights")
}
