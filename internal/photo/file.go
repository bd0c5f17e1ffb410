package photo

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/inflio/persona/internal/persona"
)

// File reads and judges a photo that somebody sent. It holds at most the policy's MaxBytes of it in memory: the rest of
// a larger file is only inspected, and the file refused. A photo that cannot be used is not an error but a Judgement
// with findings. The error is that of r or of ctx.
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
	return refused(inspector.Facts()), nil
}

// Bytes judges a photo that somebody sent. A file that its header already refuses is not decoded, so it has no findings
// about what it shows. A photo that cannot be used is not an error but a Judgement with findings. The error is that of
// ctx.
func (j *Judge) Bytes(ctx context.Context, data []byte, at time.Time) (*Judgement, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := inspectFile(data, j.Policy)
	facts := f.facts
	if err != nil || persona.Refuses(facts.Findings) {
		return refused(facts), nil //nolint:nilerr // a file that cannot be read is a finding of facts
	}
	judged, err := j.judge(ctx, f, at)
	e, undecodable := errors.AsType[*persona.Error](err)
	if !undecodable {
		return judged, err
	}
	facts.Findings = e.Photos[0].Findings
	judged = refused(facts)
	if f, ok := errors.AsType[*fault](err); ok {
		judged.Fault = f.what
	}
	return judged, nil
}

// refused is the Judgement of a file that was not decoded.
func refused(facts Facts) *Judgement {
	return &Judgement{Measures: Measures{Width: facts.Width, Height: facts.Height, Findings: facts.Findings}}
}
