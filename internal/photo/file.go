package photo

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/inflio/persona/internal/persona"
)

// File judges a file as an upload and a training would. At most the policy's MaxBytes of it are held in memory: a larger
// file is looked through and refused for its size. What cannot be decoded is a Judgement with findings and without a
// face, too. The error is that of r, of ctx or of the describer.
func (j *Judge) File(ctx context.Context, r io.Reader, at time.Time) (*Judgement, error) {
	data, err := io.ReadAll(io.LimitReader(r, j.Policy.MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) <= j.Policy.MaxBytes {
		return j.Bytes(ctx, data, at)
	}
	inspector := NewInspector(j.Policy)
	_, _ = inspector.Write(data) // never fails
	if _, err := io.Copy(inspector, r); err != nil {
		return nil, err
	}
	facts := inspector.Facts()
	return &Judgement{Measures: Measures{Width: facts.Width, Height: facts.Height, Findings: facts.Findings}}, nil
}

// Bytes is Photo for those who want a Judgement of everything: what cannot be decoded is one with findings and without
// a face.
func (j *Judge) Bytes(ctx context.Context, data []byte, at time.Time) (*Judgement, error) {
	judged, err := j.Photo(ctx, data, at)
	e, undecodable := errors.AsType[*persona.Error](err)
	if !undecodable {
		return judged, err
	}
	var m Measures
	for _, p := range e.Photos {
		m.Findings = append(m.Findings, p.Findings...)
	}
	return &Judgement{Measures: m}, nil
}
