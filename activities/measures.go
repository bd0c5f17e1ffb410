package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"io"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/vault"
)

// storedMeasures reads and writes what was measured on photos that were judged.
type storedMeasures struct {
	store *storage.Store
	judge *photo.Judge
}

// current reads the measures of a photo. A descriptor of another describer, from before the program or its face model
// was changed, cannot be compared with those of this one: such a photo is measured again, and the result is stored. Its
// verdict stays, because only photos that were accepted then have been prepared.
func (m storedMeasures) current(ctx context.Context, in contract.TrainPersonaInput, row storage.Photo) (photo.Measures, error) {
	old, err := m.read(ctx, in, *row.Measures)
	if err != nil || len(old.Descriptor) == 0 || old.DescribedBy == m.judge.DescribedBy() {
		return old, err
	}
	data, err := readPhoto(ctx, m.store, in, row.StoragePath, m.judge.Policy.MaxBytes)
	if err != nil {
		return old, err
	}
	judged, err := m.judge.Bytes(ctx, data, row.Added)
	if err != nil {
		return old, err
	}
	judged.Close()
	fresh := judged.Measures
	if len(fresh.Descriptor) == 0 { // no face is found any more: the other measures stay, and the photo is compared with none
		fresh = old
		fresh.Descriptor, fresh.DescribedBy = nil, ""
	}
	fresh.Score, fresh.Findings, fresh.Faces = old.Score, old.Findings, old.Faces
	_, err = m.write(ctx, in, row.ID, fresh)
	return fresh, err
}

func (m storedMeasures) read(ctx context.Context, in contract.TrainPersonaInput, path string) (photo.Measures, error) {
	var out photo.Measures
	blob, err := m.store.OpenBlob(ctx, in.UserID, in.PersonaID, path)
	if err != nil {
		return out, err
	}
	defer blob.Close()
	return out, json.NewDecoder(blob).Decode(&out)
}

// write stores measures and returns their path.
func (m storedMeasures) write(ctx context.Context, in contract.TrainPersonaInput, photoID string, measured photo.Measures) (string, error) {
	data, err := json.Marshal(measured)
	if err != nil {
		return "", err
	}
	path := vault.MeasuresPath(in.PersonaID, photoID)
	_, err = m.store.WriteBlob(ctx, in.UserID, in.PersonaID, path, bytes.NewReader(data))
	return path, err
}

// readPhoto reads a stored photo of at most limit bytes.
func readPhoto(ctx context.Context, store *storage.Store, in contract.TrainPersonaInput, path string, limit int64) ([]byte, error) {
	blob, err := store.OpenBlob(ctx, in.UserID, in.PersonaID, path)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	return io.ReadAll(io.LimitReader(blob, limit+1))
}
