package activities

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// Training buys a training and waits for it.
type Training struct {
	Store    *storage.Store
	Provider *trainer.Client
	Timing   Timing
	// WebhookURL is our public address for the provider's news, without the token; "" where nobody can reach us.
	WebhookURL string
}

// Timing says how patient we are with a provider.
type Timing struct {
	Poll   time.Duration // between two questions about a running job
	Submit time.Duration // for the provider's answer to a purchase; after it the outcome is unknown
	// AbsenceProof is how long after a lost reply a job that the provider's request list does not show is known not
	// to exist. It must exceed Submit, and for a list that shows a job only once it has ended the longest training.
	AbsenceProof time.Duration
	// Cancel is how long a training that is to be erased gets to settle its job before it is terminated: longer than
	// Submit, so that a purchase on its way is not cut off.
	Cancel      time.Duration
	DatasetLife time.Duration // after which the provider forgets the uploaded pictures by itself
}

// DefaultTiming fits the real provider: trainings of 2 to 90 minutes.
func DefaultTiming() Timing {
	return Timing{
		Poll: 15 * time.Second, Submit: 45 * time.Second, AbsenceProof: 6 * time.Hour,
		Cancel: 90 * time.Second, DatasetLife: 24 * time.Hour,
	}
}

// JobInput names the training job of a version.
type JobInput struct {
	contract.TrainPersonaInput
	JobID string
}

// MakeJob makes the training job of a version, or finds it. Safe to run twice: a version has one job.
func (a *Training) MakeJob(ctx context.Context, in contract.TrainPersonaInput) (JobInput, error) {
	version, err := a.Store.Version(ctx, in.UserID, in.PersonaID, in.Version)
	if err != nil {
		return JobInput{}, err
	}
	job, err := a.Store.EnsureJob(ctx, in.UserID, in.PersonaID, in.Version, trainer.TrainingEndpoint, version.Config)
	return JobInput{TrainPersonaInput: in, JobID: job.ID}, err
}

// UploadDataset hands the pictures of a job to the provider: a zip of pictures with captions. Safe to run twice: a job
// that has its pictures keeps them; a retry after a lost reply uploads again, and both are taken away in the end.
func (a *Training) UploadDataset(ctx context.Context, in JobInput) error {
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	if err != nil || job.DatasetURL != "" {
		return err
	}
	archive, err := a.dataset(ctx, in.TrainPersonaInput)
	if err != nil {
		return err
	}
	url, err := a.Provider.Upload(ctx, trainer.File{
		Name: job.ID + ".zip", ContentType: "application/zip", Size: int64(len(archive)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil },
	}, a.Timing.DatasetLife, func(address string) error {
		// On record before the first byte: pictures that nobody can find any more could not be taken away.
		return a.Store.PlaceDataset(ctx, in.UserID, job.ID, address)
	})
	if err != nil {
		return err
	}
	_, err = a.Store.SetDataset(ctx, in.UserID, job.ID, url)
	return err
}

// dataset zips the prepared pictures of the used photos. It is held in memory, for it must not lie on a disk in
// clear: 20 photos in three variants of about 300 KB are 20 MB.
func (a *Training) dataset(ctx context.Context, in contract.TrainPersonaInput) ([]byte, error) {
	owner, err := a.Store.Persona(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return nil, err
	}
	photos, err := a.Store.Photos(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	caption := []byte(persona.Caption(owner.TriggerWord))
	n := 0
	for _, p := range photos {
		if !p.Used {
			continue
		}
		for _, path := range p.Prepared {
			n++
			if err := a.addPicture(ctx, z, in, path, fmt.Sprintf("%03d", n), caption); err != nil {
				return nil, err
			}
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}

func (a *Training) addPicture(
	ctx context.Context, z *zip.Writer, in contract.TrainPersonaInput, path, name string, caption []byte,
) error {
	blob, err := a.Store.OpenBlob(ctx, in.UserID, in.PersonaID, path)
	if err != nil {
		return err
	}
	defer blob.Close()
	picture, err := z.CreateHeader(&zip.FileHeader{Name: name + ".jpg", Method: zip.Store}) // JPEG does not shrink
	if err != nil {
		return err
	}
	if _, err := io.Copy(picture, blob); err != nil {
		return err
	}
	text, err := z.Create(name + ".txt")
	if err != nil {
		return err
	}
	_, err = text.Write(caption)
	return err
}
