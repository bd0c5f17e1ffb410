package photo

import (
	"fmt"
	"math"

	"github.com/inflio/persona/internal/persona"
)

// Without a face only the picture as a whole can say why: darkness and overexposure hide faces from the detector.
const (
	nightHighlights = 60   // 95th percentile of the picture's luma
	glareShare      = 0.35 // share of the picture that is white
)

// What is enough to tell why no face was found; much less than is needed to use one.
const (
	turnedQ      = 10   // in the stretched picture
	turnedYaw    = 30   // degrees; what the detector misses is turned further than it measures
	turnedPupils = 0.04 // scatter: at least the eyes are clear
	clearPupils  = 0.03 // scatter: eyes beyond doubt, over something that is no face: a mask
	smallWindow  = 28   // pixels of the finer overview: about 35 in a picture of 1600
)

// explain looks once more when no face was found, because "turned away", "too small" or "too dark" helps people more
// than "no face". The face, where there is one, is put into j.
func (j *Judgement) explain(small plane, scale float64, doubtful []seen) []persona.Finding {
	for _, f := range doubtful {
		q := measureChip(f.chip, f.grey)
		if f.scatter.pupils < clearPupils && f.scatter.mouth > 0.065 && q.LowerColour > 20 {
			j.Face, j.Faces = f.Face, 1
			return []persona.Finding{persona.NewFinding(persona.PhotoFaceCovered, true, "")}
		}
	}
	if f, ok := j.look(searchTurned(small), small, scale, func(f seen) bool {
		return f.Q >= turnedQ && math.Abs(f.Yaw) > turnedYaw && f.scatter.pupils < turnedPupils
	}); ok {
		return []persona.Finding{persona.NewFinding(
			persona.PhotoExtremeAngle, true, fmt.Sprintf("by about %.0f degrees", math.Abs(f.Yaw)))}
	}
	finer, scale := j.pic.overview(2 * overviewSide)
	tiny := scan(finer, limit{smallWindow, int(turnedShare * float64(min(finer.w, finer.h)))}, 0)
	if f, ok := j.look(tiny, finer, scale, func(f seen) bool { return f.Q >= possibleQ && f.plausible() }); ok {
		return []persona.Finding{persona.NewFinding(
			persona.PhotoFaceTooSmall, true, fmt.Sprintf("about %.0f pixels wide", f.IED()*sidePerIED))}
	}
	return findNoFace(small)
}

// look refines the best candidates until one fits.
func (j *Judgement) look(candidates []candidate, small plane, scale float64, fits func(seen) bool) (seen, bool) {
	for _, c := range candidates[:min(len(candidates), 3)] {
		c.x, c.y, c.side = c.x*scale, c.y*scale, c.side*scale
		if f := j.pic.refine(c, small, scale); fits(f) {
			j.Face, j.Faces = f.Face, 1
			return f, true
		}
	}
	return seen{}, false
}

// findNoFace explains why no face was found.
func findNoFace(small plane) []persona.Finding {
	var histogram [256]int
	white := 0
	for _, v := range small.pix {
		histogram[v]++
		if v >= 250 {
			white++
		}
	}
	var out []persona.Finding
	switch {
	case percentile(histogram, 0.95) < nightHighlights:
		out = append(out, persona.NewFinding(persona.PhotoTooDark, true, ""))
	case float64(white) > glareShare*float64(len(small.pix)):
		out = append(out, persona.NewFinding(persona.PhotoOverexposed, true, ""))
	}
	return append(out, persona.NewFinding(persona.PhotoNoFace, true, ""))
}
