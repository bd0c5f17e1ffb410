package photo

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/inflio/persona/internal/persona"
)

// Measures are everything that is kept of a judged photo. They survive as JSON, so that a set can be chosen without
// decoding its photos again. They are biometric data: store them encrypted, and never log them.
type Measures struct {
	Width      int               `json:"width"` // upright
	Height     int               `json:"height"`
	Taken      *time.Time        `json:"taken,omitempty"` // by the camera's clock; nil when the file does not tell
	Faces      int               `json:"faces"`           // people in the picture; passers-by far behind are not counted
	Face       Face              `json:"face"`            // the main face; zero when Faces is 0
	Score      persona.Score     `json:"score"`
	Quality    Quality           `json:"quality"`
	Findings   []persona.Finding `json:"findings,omitempty"`
	Hash       Hash              `json:"hash"`
	Descriptor Descriptor        `json:"descriptor,omitempty"` // of the main face; nil without a clear one

	DescribedBy string `json:"described_by,omitempty"` // name of the Describer: others' descriptors cannot be compared
}

// Accepted reports whether the photo by itself is good enough: nothing refuses it, and its overall score is above
// p.MinScore.
func (m Measures) Accepted(p persona.PhotoPolicy) bool {
	return !persona.Refuses(m.Findings) && m.Faces == 1 && m.Score.Overall > float64(p.MinScore)
}

// Judge looks at photos by one policy and with one way to describe faces. Any number of goroutines may use it at once;
// what their photos take together stays within the policy's memory.
type Judge struct {
	Policy    persona.PhotoPolicy
	describer Describer
	memory    *semaphore.Weighted // bytes
	budget    int64               // all of memory
}

// NewJudge returns a Judge. Faces are described by d, or in the classical way if d is nil.
func NewJudge(p persona.PhotoPolicy, d Describer) *Judge {
	if d == nil {
		d = Classical()
	}
	budget := max(p.MaxMemory, 1)
	return &Judge{Policy: p, describer: d, memory: semaphore.NewWeighted(budget), budget: budget}
}

// DescribedBy is the name of the describer: descriptors of another name cannot be compared with those of this judge.
func (j *Judge) DescribedBy() string { return j.describer.Name() }

// Judgement is a judged photo whose decoded picture is still at hand, and in memory: keep the Measures, and close this.
type Judgement struct {
	Measures
	pic    *picture
	closed func()
}

// Close gives the picture's memory back. The Judgement's Measures stay valid; Prepare must not be called any more.
func (j *Judgement) Close() {
	if j.closed != nil {
		j.closed()
		j.closed, j.pic = nil, nil
	}
}

// Photo decodes a photo and measures it; at is the moment to which a photo's age is counted, and zero when age does not
// matter. What cannot be decoded is an *persona.Error with the findings; everything else, also a photo without any
// face, is a Judgement that says what is wrong, and that must be closed. Photo waits while other photos fill the
// memory that the policy grants; any other error is that of ctx, of the describer, or a fault of the judge itself.
func (j *Judge) Photo(ctx context.Context, data []byte, at time.Time) (*Judgement, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := inspectFile(data, j.Policy)
	if err != nil {
		return nil, err
	}
	// The policy may have been changed since the budget was set; a larger share than all of it would be waited for in vain.
	if !f.plan.fits(j.budget) {
		p := j.Policy
		p.MaxMemory = j.budget
		return nil, unusable(append(f.facts.Findings,
			persona.NewFinding(persona.PhotoTooManyPixels, true, f.header.tooLarge(f.plan, p))))
	}
	if err := j.memory.Acquire(ctx, f.plan.bytes); err != nil {
		return nil, err
	}
	out := &Judgement{closed: func() { j.memory.Release(f.plan.bytes) }}
	if err := j.judge(out, f, at); err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// judge decodes and measures an inspected file. One photo that the measures are not up to must not end the process, nor
// keep its memory: a panic is an error. It does not carry what was thrown unless that is worded for people: anything else
// could be pixels or a descriptor.
func (j *Judge) judge(out *Judgement, f *file, at time.Time) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case error:
			err = fmt.Errorf("photo: judging failed: %w", r)
		case string:
			err = fmt.Errorf("photo: judging failed: %s", r)
		default:
			err = fmt.Errorf("photo: judging failed: a panic with %T", r)
		}
	}()
	pic, err := f.decode()
	if err != nil {
		return err
	}
	out.pic, out.Measures = pic, Measures{Width: pic.w, Height: pic.h, Findings: f.facts.Findings}
	if !f.facts.Taken.IsZero() {
		out.Taken = &f.facts.Taken
	}
	out.findAge(at)
	small, scale := pic.overview(overviewSide)
	out.Hash = hashOf(small)
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
		return err
	}
	j.Descriptor, j.DescribedBy = descriptor, d.Name()
	return nil
}

// tooOld is the age from which a photo is warned about (the guide: people change within two years).
const tooOld = 2 // years

// findAge warns about a photo that was taken long before the given moment, which is zero when age does not matter. A
// camera whose clock is ahead tells nothing.
func (j *Judgement) findAge(at time.Time) {
	if at.IsZero() || j.Taken == nil || !j.Taken.AddDate(tooOld, 0, 0).Before(at) {
		return
	}
	j.Findings = append(j.Findings, persona.NewFinding(persona.PhotoTooOld, false, "in "+j.Taken.Format("January 2006")))
}

// findLowScore adds the last resort: a photo that nothing in particular is wrong with, but that is not good either.
func (j *Judgement) findLowScore(p persona.PhotoPolicy) {
	if !persona.Refuses(j.Findings) && j.Score.Overall <= float64(p.MinScore) {
		j.Findings = append(j.Findings, persona.NewFinding(
			persona.PhotoLowScore, true, fmt.Sprintf("%.0f", j.Score.Overall)))
	}
}

// Report words the judgement of one photo for the people whose photo it is.
func (m Measures) Report(photo string, index int, p persona.PhotoPolicy) persona.PhotoReport {
	return persona.PhotoReport{
		Photo: photo, Index: index, Accepted: m.Accepted(p), Verdict: persona.VerdictOf(m.Accepted(p), m.Findings),
		Width: m.Width, Height: m.Height, Face: m.Face.Box, Score: m.Score, Findings: persona.RefusalsFirst(m.Findings),
	}
}
