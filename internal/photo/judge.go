package photo

import (
	"fmt"

	"github.com/inflio/persona/internal/persona"
)

// Measures are everything that is kept of a judged photo. They survive as JSON, so that a set can be chosen without
// decoding its photos again. They are biometric data: store them encrypted, and never log them.
type Measures struct {
	Width      int               `json:"width"` // upright
	Height     int               `json:"height"`
	Faces      int               `json:"faces"` // people in the picture; passers-by far behind are not counted
	Face       Face              `json:"face"`  // the main face; zero when Faces is 0
	Score      persona.Score     `json:"score"`
	Findings   []persona.Finding `json:"findings,omitempty"`
	Hash       Hash              `json:"hash"`
	Descriptor Descriptor        `json:"descriptor,omitempty"` // nil when Faces is 0
}

// Accepted reports whether the photo by itself is good enough: nothing refuses it, and its overall score is above
// p.MinScore.
func (m Measures) Accepted(p persona.PhotoPolicy) bool {
	for _, f := range m.Findings {
		if f.Refuses {
			return false
		}
	}
	return m.Faces == 1 && m.Score.Overall > float64(p.MinScore)
}

// Judgement is a judged photo whose decoded picture is still at hand, and in memory: keep the Measures, not this.
type Judgement struct {
	Measures
	pic     *picture
	quality quality
}

// Judge decodes a photo and measures it. What cannot be decoded is an *persona.Error with the findings; everything
// else, also a photo without any face, is a Judgement that says what is wrong.
func Judge(data []byte, p persona.PhotoPolicy) (*Judgement, error) {
	pic, facts, err := decode(data, p)
	if err != nil {
		return nil, err
	}
	j := &Judgement{pic: pic, Measures: Measures{Width: pic.w, Height: pic.h, Findings: facts.Findings}}
	small, scale := pic.overview(overviewSide)
	j.Hash = hashOf(small)
	faces, doubtful := pic.closer(small, scale)
	if len(faces) == 0 {
		j.Findings = append(j.Findings, j.explain(small, scale, doubtful)...)
		return j, nil
	}
	main := faces[0]
	q := measure(main.chip, main.grey)
	j.Face, j.Faces = main.Face, people(faces)
	j.quality = q
	j.Score = score(pic.w, pic.h, main, q)
	j.Hash.addFace(main.grey)
	j.Descriptor = describe(main.grey)
	j.Findings = append(j.Findings, findFaults(faces, q)...)
	j.findLowScore(p)
	return j, nil
}

// findLowScore adds the last resort: a photo that nothing in particular is wrong with, but that is not good either.
func (j *Judgement) findLowScore(p persona.PhotoPolicy) {
	for _, f := range j.Findings {
		if f.Refuses {
			return
		}
	}
	if j.Score.Overall <= float64(p.MinScore) {
		j.Findings = append(j.Findings, persona.NewFinding(
			persona.PhotoLowScore, true, fmt.Sprintf("%.0f", j.Score.Overall)))
	}
}

// Report words the judgement of one photo for the people whose photo it is.
func (m Measures) Report(photo string, index int, p persona.PhotoPolicy) persona.PhotoReport {
	return persona.PhotoReport{
		Photo: photo, Index: index, Accepted: m.Accepted(p), Width: m.Width, Height: m.Height,
		Face: m.Face.Box, Score: m.Score, Findings: m.Findings,
	}
}
