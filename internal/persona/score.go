package persona

import "slices"

// Score is the guide's PhotoQualityScore: each part and the weighted overall, 0 to 100.
type Score struct {
	Resolution    float64 `json:"resolution" minimum:"0" maximum:"100" doc:"From the dimensions of picture and face."`
	Sharpness     float64 `json:"sharpness" minimum:"0" maximum:"100" doc:"From the detail of the aligned face."`
	Lighting      float64 `json:"lighting" minimum:"0" maximum:"100" doc:"From the exposure of the face."`
	FaceDetection float64 `json:"face_detection" minimum:"0" maximum:"100" doc:"How sure the detector is of the face."`
	Overall       float64 `json:"overall" minimum:"0" maximum:"100" doc:"Weighted average of the four."`
}

// Rect is a rectangle in pixels of the upright picture, origin at the top left.
type Rect struct {
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

// PhotoReport is what is known of one photo after it was judged. It holds no pixels and no name.
type PhotoReport struct {
	Photo    string    `json:"photo_id,omitempty"`
	Index    int       `json:"index" doc:"Position of the photo in the request, from 0."`
	Accepted bool      `json:"accepted"`
	Verdict  Verdict   `json:"verdict,omitempty" enum:"accept,warn,refuse"`
	Primary  bool      `json:"is_primary"`
	Width    int       `json:"width"`
	Height   int       `json:"height"`
	Face     Rect      `json:"face_bounds,omitzero"`
	Score    Score     `json:"score"`
	Findings []Finding `json:"findings,omitempty"`
}

// WithChoice returns the report with the findings of the comparison with the other photos of the set. The choice may reject a
// photo that was accepted by itself; it never accepts one that was not.
func (r PhotoReport) WithChoice(use, primary bool, findings []Finding) PhotoReport {
	r.Findings = RefusalsFirst(slices.Concat(r.Findings, findings))
	r.Primary = primary
	if !use && Refuses(findings) {
		r.Accepted = false
	}
	r.Verdict = VerdictOf(r.Accepted, r.Findings)
	return r
}

// Verdict sums a photo's findings up.
type Verdict string

// The verdicts: fine, usable with something to know, and not usable.
const (
	VerdictAccept Verdict = "accept"
	VerdictWarn   Verdict = "warn"
	VerdictRefuse Verdict = "refuse"
)

// Words returns the text that is shown to people instead of the code.
func (v Verdict) Words() string {
	switch v {
	case VerdictAccept:
		return "good"
	case VerdictWarn:
		return "good, with a note"
	default:
		return "refused"
	}
}

// VerdictOf is the verdict on a photo with these findings; accepted tells whether it is used.
func VerdictOf(accepted bool, findings []Finding) Verdict {
	switch {
	case !accepted:
		return VerdictRefuse
	case len(findings) > 0:
		return VerdictWarn
	default:
		return VerdictAccept
	}
}

// CheckScores are the three automatic checks of a trained model, each a share of 0 to 1.
type CheckScores struct {
	FaceConsistency      float64 `json:"face_consistency" doc:"Share of pictures whose one face is as close to the person as the own photos are."`
	QualityScore         float64 `json:"quality_score" doc:"Mean overall photo score over 100."`
	TriggerEffectiveness float64 `json:"trigger_effectiveness" doc:"Share of same-seed pairs in which the trigger brings the picture closer to the person."`
}

// PassMark is what each check must exceed.
const PassMark = 0.8

// Passed reports whether each check exceeds PassMark.
func (c CheckScores) Passed() bool {
	return c.FaceConsistency > PassMark && c.QualityScore > PassMark && c.TriggerEffectiveness > PassMark
}
