package activities

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/purchase"
	"github.com/inflio/persona/internal/trainer"
)

// Training makes the training job of a version, buys it and waits for it.
type Training struct {
	Buyer *purchase.Buyer
}

// JobInput names the training job of a version.
type JobInput struct {
	contract.TrainPersonaInput
	JobID string
}

func (in JobInput) ref() purchase.Ref { return purchase.Ref{UserID: in.UserID, JobID: in.JobID} }

// MakeJob makes the training job of a version, or finds it. Safe to run twice: a version has one job.
func (a *Training) MakeJob(ctx context.Context, in contract.TrainPersonaInput) (JobInput, error) {
	version, err := a.Buyer.Store.Version(ctx, in.UserID, in.PersonaID, in.Version)
	if err != nil {
		return JobInput{}, err
	}
	job, err := a.Buyer.Store.EnsureJob(ctx, in.UserID, in.PersonaID, in.Version, trainer.TrainingEndpoint, version.Config)
	return JobInput{TrainPersonaInput: in, JobID: job.ID}, err
}

// UploadDataset hands the pictures of a job to the provider: a zip of pictures with captions. Safe to run twice: a job
// that has its pictures keeps them; a retry after a lost reply uploads again, and both are taken away in the end.
func (a *Training) UploadDataset(ctx context.Context, in JobInput) error {
	job, err := a.Buyer.Store.Job(ctx, in.UserID, in.JobID)
	if err != nil || job.DatasetURL != "" {
		return err
	}
	archive, err := a.dataset(ctx, in.TrainPersonaInput)
	if err != nil {
		return err
	}
	url, err := a.Buyer.Provider.Upload(ctx, trainer.File{
		Name: job.ID + ".zip", ContentType: "application/zip", Size: int64(len(archive)),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil },
	}, a.Buyer.Timing.DatasetLife, func(address string) error {
		// On record before the first byte: pictures that nobody can find any more could not be taken away.
		return a.Buyer.Store.PlaceDataset(ctx, in.UserID, job.ID, address)
	})
	if err != nil {
		return err
	}
	_, err = a.Buyer.Store.SetDataset(ctx, in.UserID, job.ID, url)
	return err
}

// dataset zips the prepared pictures of the used photos. It is held in memory, for it must not lie on a disk in
// clear: 20 photos in three variants of about 300 KB are 20 MB.
func (a *Training) dataset(ctx context.Context, in contract.TrainPersonaInput) ([]byte, error) {
	owner, err := a.Buyer.Store.Persona(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return nil, err
	}
	photos, err := a.Buyer.Store.Photos(ctx, in.UserID, in.PersonaID)
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
	blob, err := a.Buyer.Store.OpenBlob(ctx, in.UserID, in.PersonaID, path)
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
