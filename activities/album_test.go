package activities_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/localtrainer/facemodel"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// picture is a photo of the album that was judged before, for tests that are about something else.
type picture struct {
	file     []byte
	judged   photo.Measures
	prepared []byte // a JPEG
	crop     *image.RGBA
}

// album is five photos of one person.
var album = sync.OnceValue(func() []picture {
	const side = 640
	var pictures []picture
	for _, portrait := range sitter.New(4).Set(5, side) {
		p := picture{file: sitter.EncodePhoto(portrait)}
		judged, err := photo.NewJudge(policy(), nil).Photo(context.Background(), p.file, time.Time{})
		if err != nil {
			panic(err)
		}
		if p.crop, err = judged.Prepare(512); err != nil {
			panic(err)
		}
		var jpeg bytes.Buffer
		if err := photo.EncodeJPEG(&jpeg, p.crop, 90); err != nil {
			panic(err)
		}
		p.judged, p.prepared = judged.Measures, jpeg.Bytes()
		pictures = append(pictures, p)
	}
	return pictures
})

// model is what a training on the album gives.
var model = sync.OnceValue(func() []byte {
	var pictures []facemodel.Picture
	for _, p := range album() {
		pictures = append(pictures, facemodel.Picture{Image: p.crop, Caption: persona.Caption(trigger)})
	}
	weights, err := facemodel.Train(context.Background(), pictures, trigger, facemodel.TrainOptions{Steps: 10})
	if err != nil {
		panic(err)
	}
	return weights
})

// judged stores a persona with the album's photos as PreparePhoto leaves them; the last unused of them are not used.
func (b *bed) judged(unused int) contract.TrainPersonaInput {
	b.t.Helper()
	var files [][]byte
	for range album() {
		files = append(files, []byte("a photo"))
	}
	in := b.persona(files...)
	photos := b.photos(in)
	var choices []storage.Choice
	for i, p := range album() {
		b.keepJudged(in, photos[i], p)
		choices = append(choices, storage.Choice{Photo: photos[i].ID, Used: i < len(files)-unused, Primary: i == 0})
	}
	require.NoError(b.t, b.Store.SaveChoices(b.t.Context(), in.UserID, in.PersonaID, 1, choices, nil))
	// The word of a persona is random; the model that the tests share knows one.
	_, err := b.Owner.Exec(b.t.Context(), `UPDATE personas SET trigger_word = $2 WHERE id = $1`, in.PersonaID, trigger)
	require.NoError(b.t, err)
	return in
}

// keepJudged stores what judging a photo would.
func (b *bed) keepJudged(in contract.TrainPersonaInput, row storage.Photo, p picture) {
	b.t.Helper()
	measures, err := json.Marshal(p.judged)
	require.NoError(b.t, err)
	folder := "personas/" + in.PersonaID
	path, prepared := folder+"/measures/"+row.ID+".json", folder+"/prepared/"+row.ID+"/0.jpg"
	for name, data := range map[string][]byte{path: measures, prepared: p.prepared} {
		_, err := b.Store.WriteBlob(b.t.Context(), in.UserID, in.PersonaID, name, bytes.NewReader(data))
		require.NoError(b.t, err)
	}
	report := p.judged.Report(row.ID, row.Index, policy())
	row.Report, row.Measures, row.Prepared = &report, &path, []string{prepared}
	require.NoError(b.t, b.Store.SavePhoto(b.t.Context(), in.UserID, in.PersonaID, row))
}

// trained gives a persona a completed job with these weights at the provider.
func (b *bed) trained(in contract.TrainPersonaInput, weights []byte) activities.JobInput {
	b.t.Helper()
	ctx := b.t.Context()
	job, err := b.Store.EnsureJob(ctx, in.UserID, in.PersonaID, 1, trainer.TrainingEndpoint, persona.DefaultTrainingConfig())
	require.NoError(b.t, err)
	_, err = b.Store.BeginSubmit(ctx, in.UserID, job.ID)
	require.NoError(b.t, err)
	id, address := uuid.NewString(), b.host(weights)
	_, err = b.Store.MoveJob(ctx, in.UserID, job.ID, persona.PurchaseQueued, persona.ActorSender,
		storage.JobChange{RequestID: &id})
	require.NoError(b.t, err)
	_, err = b.Store.MoveJob(ctx, in.UserID, job.ID, persona.PurchaseCompleted, persona.ActorPoller,
		storage.JobChange{WeightsURL: &address})
	require.NoError(b.t, err)
	return activities.JobInput{TrainPersonaInput: in, JobID: job.ID}
}

// host puts a file where the provider serves it.
func (b *bed) host(data []byte) string {
	b.t.Helper()
	address, err := b.all.Training.Buyer.Provider.Upload(b.t.Context(), trainer.File{
		Name: "weights.safetensors", ContentType: "application/octet-stream", Size: int64(len(data)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	}, time.Hour, nil)
	require.NoError(b.t, err)
	return address
}
