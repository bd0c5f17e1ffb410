package photo

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/inflio/persona/internal/persona"
)

// Measures are everything that is kept of a judged photo. They survive as JSON, so that a set can be chosen without
// decoding its photos again. They are biometric data: store them encrypted, and never log them.
type Measures struct {
	Width      int               `json:"width"` // of the upright picture, in pixels
	Height     int               `json:"height"`
	Taken      *time.Time        `json:"taken,omitempty"` // by the camera's clock; nil when the file does not tell
	Faces      int               `json:"faces"`           // people in the picture; small faces in the background are not counted
	Face       Face              `json:"face"`            // the main face; zero when Faces is 0
	Score      persona.Score     `json:"score"`
	Quality    Quality           `json:"quality"`
	Findings   []persona.Finding `json:"findings,omitempty"`
	Hash       Hash              `json:"hash"`
	Descriptor Descriptor        `json:"descriptor,omitempty"` // of the main face; nil without a clear one

	DescribedBy string `json:"described_by,omitempty"` // name of the Describer; descriptors of two describers cannot be compared
}

// Accepted reports whether the photo by itself is good enough: nothing refuses it, it shows one person, and its overall
// score is above p.MinScore.
func (m Measures) Accepted(p persona.PhotoPolicy) bool {
	return !persona.Refuses(m.Findings) && m.Faces == 1 && m.Score.Overall > float64(p.MinScore)
}

// Judge judges photos by one policy, with one Describer. It is safe for concurrent use; the photos that are judged at
// one time share the policy's MaxMemory.
type Judge struct {
	Policy    persona.PhotoPolicy
	describer Describer
	memory    *budget
}

// NewJudge returns a Judge. If d is nil, faces are described by Classical.
func NewJudge(p persona.PhotoPolicy, d Describer) *Judge {
	if d == nil {
		d = Classical()
	}
	return &Judge{Policy: p, describer: d, memory: newBudget(p.MaxMemory)}
}

// DescribedBy is the name of the describer: descriptors of another name cannot be compared with those of this judge.
func (j *Judge) DescribedBy() string { return j.describer.Name() }

// Judgement is a judged photo. It holds the decoded picture, and the memory for it, until it is closed.
type Judgement struct {
	Measures

	// Fault describes the fault of this program for which the photo has the finding PhotoCannotBeJudged, for the log:
	// what failed and in which functions, without any data of the photo. It is empty otherwise.
	Fault string

	pic    *picture // nil if nothing was decoded
	seed   uint64   // of the photo's content
	closed func()
}

// Decoded reports whether the picture was decoded and is still in memory.
func (j *Judgement) Decoded() bool { return j.pic != nil }

// Close releases the picture and its memory. The Measures stay valid; Prepare, TrainingFiles and Thumbnail must not be
// called any more. Closing twice is allowed.
func (j *Judgement) Close() {
	j.pic = nil
	if j.closed != nil {
		j.closed()
		j.closed = nil
	}
}

// Photo decodes a picture and measures it, whatever the policy says about the size of files: pictures that were
// generated are measured, too. Use Bytes or File for photos that somebody sent. Age is counted up to at; a zero at means
// that age does not matter.
//
// The error is a *persona.Error with findings if the picture cannot be decoded, or if a fault of this program keeps it
// from being judged. A picture without a face is no error: it is a Judgement with findings, and must be closed as well.
// Photo waits while other photos use the policy's memory. Any other error is that of ctx.
func (j *Judge) Photo(ctx context.Context, data []byte, at time.Time) (*Judgement, error) {
	f, err := inspectFile(data, j.Policy)
	if err != nil {
		return nil, err
	}
	return j.judge(ctx, f, at)
}

// judge acquires the memory for an inspected file, and decodes and measures it.
func (j *Judge) judge(ctx context.Context, f *file, at time.Time) (*Judgement, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// The policy may have been changed after the budget was made. More than all of it would never be free.
	if !f.plan.fits(j.memory.all) {
		p := j.Policy
		p.MaxMemory = j.memory.all
		return nil, unusable(append(f.facts.Findings,
			persona.NewFinding(persona.PhotoTooManyPixels, true, f.header.tooLarge(f.plan, p))))
	}
	if err := j.memory.acquire(ctx, f.plan.bytes); err != nil {
		return nil, err
	}
	out := &Judgement{closed: func() { j.memory.release(f.plan.bytes) }}
	if err := guard(f.facts.Findings, func() error { return j.measure(ctx, out, f, at) }); err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// measure decodes and measures an inspected file.
func (j *Judge) measure(ctx context.Context, out *Judgement, f *file, at time.Time) error {
	pic, err := f.decode(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(f.data)
	out.seed = binary.BigEndian.Uint64(sum[:])
	out.pic, out.Measures = pic, Measures{Width: pic.w, Height: pic.h, Findings: f.facts.Findings}
	if !f.facts.Taken.IsZero() {
		out.Taken = &f.facts.Taken
	}
	out.findAge(at)
	small, scale := pic.overview(overviewSide)
	out.Hash = hashOf(small)
	if err := ctx.Err(); err != nil { // searching takes the most time after decoding
		return err
	}
	faces, doubtful := pic.closer(small, scale)
	defer releaseTiles(faces, doubtful)
	out.Quality = pic.measure(small, faces)
	if len(faces) == 0 {
		out.Findings = append(out.Findings, out.explain(small, scale, doubtful)...)
		return nil
	}
	main, q := faces[0], out.Quality
	out.Face, out.Faces = main.Face, q.People
	out.Score = score(pic.w, pic.h, main, q)
	out.Hash.addFace(main.grey)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := out.describe(j.describer, main); err != nil {
		return err
	}
	out.Findings = append(out.Findings, findFaults(out.Face, q)...)
	out.findLowScore(j.Policy)
	return nil
}

func (j *Judgement) describe(d Describer, f seen) error {
	descriptor, err := d.Describe(f.aligned())
	if err != nil {
		return &fault{what: err.Error()}
	}
	j.Descriptor, j.DescribedBy = descriptor, d.Name()
	return nil
}

// tooOld is the age from which a photo is warned about (the guide: people change within two years).
const tooOld = 2 // years

// findAge warns about a photo that was taken long before at, unless at is zero. A photo from the future says nothing:
// the camera's clock is wrong.
func (j *Judgement) findAge(at time.Time) {
	if at.IsZero() || j.Taken == nil || !j.Taken.AddDate(tooOld, 0, 0).Before(at) {
		return
	}
	j.Findings = append(j.Findings, persona.NewFinding(persona.PhotoTooOld, false, "in "+j.Taken.Format("January 2006")))
}

// findLowScore refuses a photo with a low overall score if no other finding refuses it.
func (j *Judgement) findLowScore(p persona.PhotoPolicy) {
	if !persona.Refuses(j.Findings) && j.Score.Overall <= float64(p.MinScore) {
		j.Findings = append(j.Findings, persona.NewFinding(
			persona.PhotoLowScore, true, fmt.Sprintf("%.0f", j.Score.Overall)))
	}
}

// Report returns the judgement of one photo as it is shown to the person who sent it.
func (m Measures) Report(photo string, index int, p persona.PhotoPolicy) persona.PhotoReport {
	return persona.PhotoReport{
		Photo: photo, Index: index, Accepted: m.Accepted(p), Verdict: persona.VerdictOf(m.Accepted(p), m.Findings),
		Width: m.Width, Height: m.Height, Face: m.Face.Box, Score: m.Score, Findings: persona.RefusalsFirst(m.Findings),
	}
}
