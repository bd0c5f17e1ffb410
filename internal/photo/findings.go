package photo

import (
	"fmt"
	"math"

	"github.com/inflio/persona/internal/persona"
)

// The one table of cuts: beyond these a photo is refused, or warned of where the name says so.
const (
	otherFaceAway  = 0.6   // of the main face's side: how far away another face's middle must lie to be somebody else
	otherFaceSide  = 0.35  // of the main face's side: smaller ones are passers-by
	otherFaceQ     = 30    // 1.6 % false alarms, 72 % of group photos
	smallestFace   = 160   // pixels: an eye distance of 57; the crop would have to be enlarged more than four times
	extremeYaw     = 50    // degrees: beyond, the far eye hides behind the nose and the landmarks are guesses
	tiltedWarn     = 25    // degrees
	tiltedRefuse   = 45    // degrees
	blurredDetail  = 0.085 // fine over coarse: 95 % of faces blurred by 2 % of the eye distance measure less than .086
	darkHighlights = 90    // p95 of the face's luma, when also flat: two stops under has a median of 95
	darkSpread     = 22    //
	blackHighlight = 60    // p95 of the face's luma: dark whatever the spread
	burntRefuse    = 0.10  // share of the face without detail: one and a half stops over
	hazySpread     = 15    // standard deviation of the face's luma ...
	hazyShadows    = 100   // ... with the 5th percentile above this
	unevenSides    = 2.0   // |log2| of cheek over cheek, 95 % of normal faces measure less
	vividChroma    = 48.0  // mean CIELAB chroma of the cheeks: natural skin measures 15 to 40
	clippedColours = 0.20  // share of the face whose colour is cut off although its luma is not
	posterised     = 0.30  // share of the face without any gradient
)

// findFaults judges what was measured on the main face of a picture with faces.
func findFaults(faces []seen, q Quality) []persona.Finding {
	var out []persona.Finding
	add := func(code persona.PhotoCode, refuses bool, detail string) {
		out = append(out, persona.NewFinding(code, refuses, detail))
	}
	f := faces[0]
	if n := people(faces); n > 1 {
		add(persona.PhotoSeveralFaces, true, fmt.Sprintf("%d faces", n))
	}
	// What is said about light and sharpness of a face of a few pixels would mislead: only its size counts then.
	if side := int(math.Round(f.IED() * sidePerIED)); side < smallestFace {
		add(persona.PhotoFaceTooSmall, true, fmt.Sprintf("about %d pixels wide", side))
		return out
	}
	if roll := math.Abs(f.Roll); roll > tiltedWarn {
		add(persona.PhotoTilted, roll > tiltedRefuse, fmt.Sprintf("by %.0f degrees", roll))
	}
	if turned := math.Abs(f.Yaw); turned > extremeYaw {
		add(persona.PhotoExtremeAngle, true, fmt.Sprintf("by about %.0f degrees", turned))
	}
	out = append(out, findLightFaults(q)...)
	switch dark := q.Highlights < blackHighlight; {
	case dark: // what cannot be seen for darkness is not hidden by anything
	case eyesHidden(f, q):
		add(persona.PhotoEyesHidden, true, "")
	case faceCovered(f.scatter, f.Yaw, q):
		add(persona.PhotoFaceCovered, true, "")
	}
	if q.Fineness < blurredDetail {
		add(persona.PhotoBlurred, true, "")
	}
	if vivid, clipped := q.Chroma > vividChroma, q.Clipped > clippedColours; vivid || clipped || q.Flat > posterised {
		add(persona.PhotoHeavilyEdited, vivid && clipped || q.Flat > posterised && q.Highlights > darkHighlights, "")
	}
	return out
}

func findLightFaults(q Quality) []persona.Finding {
	var out []persona.Finding
	add := func(code persona.PhotoCode, refuses bool) {
		out = append(out, persona.NewFinding(code, refuses, ""))
	}
	switch {
	case q.Highlights < blackHighlight || q.Highlights < darkHighlights && q.Contrast < darkSpread:
		add(persona.PhotoTooDark, true)
	case q.Burnt > burntRefuse:
		add(persona.PhotoOverexposed, true)
	case q.Contrast < hazySpread && q.Shadows > hazyShadows:
		add(persona.PhotoFlat, true)
	}
	if math.Abs(q.SideLight) > unevenSides {
		add(persona.PhotoUnevenLight, false)
	}
	return out
}

// people counts the faces that are not the main face again and not passers-by.
func people(faces []seen) int {
	main, n := faces[0], 1
	side := main.IED() * sidePerIED
	for _, f := range faces[1:] {
		away := distance(middle(main.Eyes[0], main.Eyes[1]), middle(f.Eyes[0], f.Eyes[1]))
		if f.Q >= otherFaceQ && away > otherFaceAway*side && f.IED() >= otherFaceSide*main.IED() {
			n++
		}
	}
	return n
}

// eyesHidden tells dark glasses by the darkness around the eyes: sunglasses measure .60 and more, bare eyes up to .46 in
// hard light. In between, eye corners that cannot be found decide.
func eyesHidden(f seen, q Quality) bool {
	return q.EyesDark > 0.55 || q.EyesDark > 0.45 && f.scatter.corners > 0.045
}

// faceCovered tells masks, scarves and hands by a mouth that cannot be found, together with a nose that cannot be found
// either or a colour that is not the skin's. Masks measure a colour distance of 24 and more, beards up to 17. The far
// corner of the mouth of a turned head scatters too, so the nose counts for frontal faces only.
func faceCovered(s scatter, yaw float64, q Quality) bool {
	switch {
	case s.mouth > 0.13:
		return true
	case s.mouth > 0.065 && q.LowerColour > 20:
		return true
	default:
		return math.Abs(yaw) < 25 && s.mouth > 0.085 && s.nose > 0.085
	}
}
