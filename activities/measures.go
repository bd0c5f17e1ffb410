package activities

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/vault"
)

// measures reads what was measured on a photo that was judged. A face that another describer has described, before the
// program or its face model was changed, cannot be compared with those of this one: such a photo is measured anew, and
// that is kept. Its verdict stays, for only photos that were accepted then have been prepared.
func (a *Photos) measures(ctx context.Context, in contract.TrainPersonaInput, row storage.Photo) (photo.Measures, error) {
	m, err := a.readMeasures(ctx, in, *row.Measures)
	if err != nil || len(m.Descriptor) == 0 || m.DescribedBy == a.Judge.DescribedBy() {
		return m, err
	}
	data, err := a.read(ctx, in, row.StoragePath)
	if err != nil {
		return m, err
	}
	judged, err := a.Judge.Bytes(ctx, data, row.Added)
	if err != nil {
		return m, err
	}
	judged.Close()
	fresh := judged.Measures
	if len(fresh.Descriptor) == 0 { // no longer a clear face: what else is known of it stays, and it is compared with nobody
		fresh = m
		fresh.Descriptor, fresh.DescribedBy = nil, ""
	}
	fresh.Score, fresh.Findings, fresh.Faces = m.Score, m.Findings, m.Faces
	_, err = a.writeMeasures(ctx, in, row.ID, fresh)
	return fresh, err
}

func (a *Photos) readMeasures(ctx context.Context, in contract.TrainPersonaInput, path string) (photo.Measures, error) {
	var m photo.Measures
	blob, err := a.Store.OpenBlob(ctx, in.UserID, in.PersonaID, path)
	if err != nil {
		return m, err
	}
	defer blob.Close()
	return m, json.NewDecoder(blob).Decode(&m)
}

// writeMeasures returns where it wrote them.
func (a *Photos) writeMeasures(ctx context.Context, in contract.TrainPersonaInput, photoID string, m photo.Measures) (string, error) {
	data, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	path := vault.MeasuresPath(in.PersonaID, photoID)
	_, err = a.Store.WriteBlob(ctx, in.UserID, in.PersonaID, path, bytes.NewReader(data))
	return path, err
}
