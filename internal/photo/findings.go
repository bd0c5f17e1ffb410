package photo

import (
	"slices"

	"github.com/inflio/persona/internal/persona"
)

// How far away and how large another face must be, and how sure the detector of it, to be somebody else who matters.
const (
	otherFaceAway = 0.6  // of the main face's side: how far away another face's middle must lie
	otherFaceSide = 0.35 // of the main face's side: smaller ones are passers-by
	otherFaceQ    = 30   // 1.6 % false alarms, 72 % of group photos
	smallestFace  = 160  // pixels: the side of the detector's square
)

// findFaults judges what was measured on the main face of a picture and around it, by the table of rules.
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

// people counts the faces that are not the main face again and not passers-by.
func people(faces []seen) int {
	main, n := faces[0], 1
	for _, f := range faces[1:] {
		if main.apart(f) && f.IED() >= otherFaceSide*main.IED() {
			n++
		}
	}
	return n
}

// apart reports whether other is surely a face, and not f again.
func (f seen) apart(other seen) bool {
	away := distance(middle(f.Eyes[0], f.Eyes[1]), middle(other.Eyes[0], other.Eyes[1]))
	return other.Q >= otherFaceQ && away > otherFaceAway*sidePerIED*f.IED()
}
