package photo

import (
	"fmt"
	"math"

	"github.com/inflio/persona/internal/persona"
)

// Darkness and overexposure hide faces from the detector.
const (
	nightHighlights = 60   // 95th percentile of the picture's luma
	glareShare      = 0.35 // share of the picture that is white
)

// Cuts for explaining why no face was found. They are far below those for using a face. Of the large doubtful candidates,
// 10 of 19 on 60 photos of masks and 5 of 6 on 29 photos of dark glasses are explained; on 58 photos of things and animals,
// none.
const (
	turnedQ      = 10   // in the stretched picture
	turnedYaw    = 30   // degrees; faces that the detector misses are turned further than measured
	turnedEyes   = 0.04 // scatter of the pupils: the eyes are clear
	clearEyes    = 0.03 // scatter of the pupils: surely eyes
	clearMouth   = 0.05 // scatter of the mouth: none of the 58 has both
	hiddenAlike  = 0.84 // likeness of a covered face: 9 of 10 that are explained on 100 photos of masks
	tinyAlike    = 0.89 // likeness of a tiny bare face: above that of three things in 160 pictures
	largeEyes    = 0.13 // eye distance over the picture's shorter side: things that are taken for faces are small
	surelyDark   = 0.3  // share of the eyes' surroundings
	surelyFaulty = 0.88 // EyesHidden or FaceCovered
	smallWindow  = 28   // pixels of the finer overview: about 35 in a picture of 1600
)

// explain searches again when no face was found, because "turned away", "too small" or "too dark" is more helpful than "no
// face". If it finds a face, it sets j.Face.
func (j *Judgement) explain(small plane, scale float64, doubtful []seen) []persona.Finding {
	for _, f := range doubtful {
		if finding, ok := j.explainDoubtful(f); ok {
			j.Face, j.Faces = f.Face, 1
			return []persona.Finding{finding}
		}
	}
	if f, ok := j.look(searchTurned(small), small, scale, func(f seen) bool {
		return f.Q >= turnedQ && math.Abs(f.Yaw) > turnedYaw && f.scatter.pupils < turnedEyes
	}); ok {
		return []persona.Finding{persona.NewFinding(
			persona.PhotoExtremeAngle, true, fmt.Sprintf("by about %.0f degrees", math.Abs(f.Yaw)))}
	}
	finer, scale := j.pic.overview(2 * overviewSide)
	tiny := scan(finer, limit{smallWindow, int(turnedShare * float64(min(finer.w, finer.h)))}, 0)
	if f, ok := j.look(tiny, finer, scale, func(f seen) bool { return f.Q >= possibleQ && f.plausible() }); ok {
		return []persona.Finding{tooSmall(f)}
	}
	return findNoFace(small)
}

func tooSmall(f seen) persona.Finding {
	return persona.NewFinding(persona.PhotoFaceTooSmall, true, fmt.Sprintf("about %.0f pixels wide", f.IED()*sidePerIED))
}

// explainDoubtful explains a candidate that is not plausible only because of its size or of what hides it.
func (j *Judgement) explainDoubtful(f seen) (persona.Finding, bool) {
	s := f.scatter
	if f.IED()*sidePerIED < smallestFace && f.Q >= turnedQ && s.pupils < clearEyes && s.mouth < clearMouth &&
		f.alike > tinyAlike {
		return tooSmall(f), true
	}
	if f.IED() < largeEyes*float64(min(j.pic.w, j.pic.h)) || f.alike < hiddenAlike {
		return persona.Finding{}, false
	}
	q := measureFace(f)
	switch {
	case q.EyesHidden > surelyFaulty && q.EyesDark > surelyDark:
		return persona.NewFinding(persona.PhotoEyesHidden, true, ""), true
	case q.FaceCovered > surelyFaulty && s.pupils < clearEyes && math.Abs(f.Yaw) < turnedYaw:
		return persona.NewFinding(persona.PhotoFaceCovered, true, ""), true
	}
	return persona.Finding{}, false
}

// look refines the best candidates until fits accepts one.
func (j *Judgement) look(candidates []candidate, small plane, scale float64, fits func(seen) bool) (seen, bool) {
	for _, c := range candidates[:min(len(candidates), 3)] {
		c.x, c.y, c.side = c.x*scale, c.y*scale, c.side*scale
		f := j.pic.refine(c, small, scale)
		f.tile.release() // the chip has all that is needed
		if fits(f) {
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
