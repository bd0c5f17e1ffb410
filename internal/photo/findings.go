package photo

import (
	"slices"

	"github.com/inflio/persona/internal/persona"
)

// Distance, size and confidence from which another face counts as a second person.
const (
	otherFaceAway = 0.6  // of the main face's side: how far away another face's middle must lie
	otherFaceSide = 0.35 // of the main face's side: smaller ones are people in the background
	otherFaceQ    = 30   // 1.6 % false alarms, 72 % of group photos
	smallestFace  = 160  // pixels: the side of the detector's square
)

// findFaults applies the rules to the measures of the main face and of the picture.
func findFaults(f Face, q Quality) []persona.Finding {
	var out []persona.Finding
	found := func(code persona.PhotoCode) bool {
		return slices.ContainsFunc(out, func(f persona.Finding) bool { return f.Code == code })
	}
	for _, r := range rules {
		v := r.measure(f, q)
		if v <= min(r.warn, r.refuse) || slices.ContainsFunc(r.unless, found) {
			continue
		}
		detail := ""
		if r.detail != nil {
			detail = r.detail(f, q)
		}
		out = append(out, persona.NewFinding(r.code, v > r.refuse, detail))
		if r.last {
			break
		}
	}
	return out
}

// people counts the people in a picture: the main face, and others that are large enough and not the main face again.
func people(faces []seen) int {
	main, n := faces[0], 1
	for _, f := range faces[1:] {
		if main.apart(f) && f.IED() >= otherFaceSide*main.IED() {
			n++
		}
	}
	return n
}

// apart reports whether other is surely a face and lies apart from f.
func (f seen) apart(other seen) bool {
	away := distance(middle(f.Eyes[0], f.Eyes[1]), middle(other.Eyes[0], other.Eyes[1]))
	return other.Q >= otherFaceQ && away > otherFaceAway*sidePerIED*f.IED()
}
