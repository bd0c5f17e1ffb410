package photo

import (
	"cmp"
	"math"
	"slices"
)

// How faces are searched for. A cluster's Q is a sum over windows, so every threshold on Q holds for this shift and
// scale only. Measured on 601 hand-annotated faces: 94 to 99 % of near-frontal ones are found at Q >= 20.
const (
	overviewSide  = 640  // longer side of the picture that is searched: a smaller one loses faces, a larger one finds no more
	padShare      = 0.2  // border added on each side: windows must lie inside it, and a close-up fills more than the picture
	windowShift   = 0.07 // of the window's size
	windowScale   = 1.07
	smallestShare = 0.055 // smallest square looked for, of the shorter side: a face that is 5 % wide fills .065
	largestShare  = 1.25  // largest one: a face that is 95 % wide fills it
	sameFace      = 0.2   // windows whose intersection over union exceeds this show the same face
	certainQ      = 150   // always taken for a face
	sureQ         = 50    // almost certainly a face: no turned pictures are searched
	possibleQ     = 15    // perhaps a face
	lowestQ       = 8     // candidates below are ignored
	maxCandidates = 6     // candidates that are refined
)

// The quick search takes larger steps, and searches again with the steps above around what it found. On 73 photos of 1 to
// 6 people with 291 clusters it takes a fifth of the time of the whole search, and finds:
//
//	Q >= 150   46 of 46 clusters, with 99 % of their Q
//	above 50   24 of 25
//	above 20   18 of 18
//	false      46 of 202, mostly below 20
const (
	quickShift = 0.1
	quickScale = 1.12
	nearPlace  = 0.4 // of the size found: distance from its middle up to which is searched again
	nearLess   = 0.6 // of the size found: how much smaller or larger faces are searched for
	nearMore   = 1.7
)

// Faces that are much smaller than a certain one are people in the background, and searching for them would take half of
// the time.
const (
	largeShare  = 0.2 // of the shorter side: larger sizes are searched first
	passerShare = 0.3 // of the certain face
)

// candidate is a square that probably holds a face, in pixels of the searched picture.
type candidate struct {
	x, y, side float64 // centre and side
	q          float64
	roll       float64 // degrees clockwise that the face is turned
}

// search finds candidates in an upright overview, best first. If the quick search finds nothing sure, it does the whole
// search, also on mirrored and turned copies. Pigo finds 95 % of faces tilted by 10 degrees, but 70 % at 20 and none at
// 90. It is not symmetric: 16 of 1445 hand-marked faces are found in the mirrored picture only.
func search(g plane) []candidate {
	pad := padding(g)
	padded := g.padded(pad)
	found := quickSearch(padded, limits(g), pad)
	if len(found) == 0 || found[0].q < sureQ {
		l := limits(g)
		found = mergeCandidates(found, scan(padded, l, pad))
		found = mergeCandidates(found, scanMirror(padded, l, pad))
		l.smallest = max(l.smallest, int(turnedShare*float64(min(g.w, g.h))))
		for _, degrees := range []float64{-25, 25} {
			found = mergeCandidates(found, turnedBack(padded, degrees, func(g plane) []candidate { return scan(g, l, 0) }))
		}
	}
	return shifted(found, pad)
}

// turnedShare is the smallest square looked for in turned copies, of the shorter side.
const turnedShare = 0.08

// searchSideways finds candidates in a picture that lies on its side or stands on its head, best first.
func searchSideways(g plane) []candidate {
	pad := padding(g)
	padded := g.padded(pad)
	l := limits(g)
	l.smallest = max(l.smallest, int(turnedShare*float64(min(g.w, g.h))))
	var found []candidate
	for _, degrees := range []float64{90, 180, 270} {
		found = mergeCandidates(found, turnedBack(padded, degrees, func(g plane) []candidate { return scan(g, l, 0) }))
	}
	return shifted(found, pad)
}

func padding(g plane) int { return int(math.Round(padShare * float64(max(g.w, g.h)))) }

// shifted takes the padding off the positions.
func shifted(found []candidate, pad int) []candidate {
	for i := range found {
		found[i].x -= float64(pad)
		found[i].y -= float64(pad)
	}
	return found
}

// limit is the range of window sizes in pixels.
type limit struct{ smallest, largest int }

// limits are those of faces from 5 to 95 % of the picture, but not under the 20 pixels that the cascade can tell apart.
func limits(g plane) limit {
	short := float64(min(g.w, g.h))
	return limit{max(20, int(smallestShare*short)), int(largestShare * short)}
}

// scan runs the upright detector over all of g whose middle is border inside.
func scan(g plane, l limit, border int) []candidate {
	s := loadDetectors().face.scanner(g, windowShift, border)
	var windows []window
	for _, side := range sizes(l.smallest, l.largest, windowScale) {
		windows = s.run(windows, side, g.area())
	}
	return cluster(windows)
}

// quickSearch runs the upright detector in large steps, and in small ones around what it finds, large faces first.
func quickSearch(g plane, l limit, border int) []candidate {
	middle := max(l.smallest, int(largeShare*float64(l.largest)/largestShare))
	found := quickScan(g, limit{middle, l.largest}, l, border)
	if len(found) > 0 && found[0].q >= certainQ {
		l.smallest = max(l.smallest, int(passerShare*found[0].side))
	}
	return mergeCandidates(found, quickScan(g, limit{l.smallest, middle - 1}, l, border))
}

// quickScan searches for faces of the sizes l; around a find it searches for all sizes in whole.
func quickScan(g plane, l, whole limit, border int) []candidate {
	s := loadDetectors().face.scanner(g, quickShift, border)
	var windows []window
	for _, side := range sizes(l.smallest, l.largest, quickScale) {
		windows = s.run(windows, side, g.area())
	}
	s.shift = windowShift
	fine := sizes(whole.smallest, whole.largest, windowScale)
	var found []candidate
	for _, c := range cluster(windows) {
		windows = windows[:0]
		reach := nearPlace * c.side
		near := area{int(c.y - reach), int(c.x - reach), int(c.y + reach), int(c.x + reach)}
		for _, side := range fine {
			if v := float64(side); v > nearLess*c.side && v < nearMore*c.side {
				windows = s.run(windows, side, near)
			}
		}
		found = mergeCandidates(found, cluster(windows))
	}
	return found
}

// scanMirror is scan of the mirrored picture.
func scanMirror(g plane, l limit, border int) []candidate {
	m := affine{-1, 0, float64(g.w), 0, 1, 0}
	found := scan(g.sampled(m, g.w, g.h), l, border)
	for i := range found {
		found[i].x, found[i].y = m.at(found[i].x, found[i].y)
	}
	return found
}

// turnedBack searches for faces that are turned clockwise by degrees, in a picture that is turned back: Pigo's own rotated
// detector mixes up rows and columns.
func turnedBack(g plane, degrees float64, look func(plane) []candidate) []candidate {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	w, h := g.w, g.h
	if math.Abs(cos) < 0.1 {
		w, h = h, w
	}
	cx, cy, ox, oy := float64(g.w)/2, float64(g.h)/2, float64(w)/2, float64(h)/2
	m := affine{cos, -sin, cx - cos*ox + sin*oy, sin, cos, cy - sin*ox - cos*oy}
	found := look(g.sampled(m, w, h))
	for i := range found {
		found[i].x, found[i].y = m.at(found[i].x, found[i].y)
		found[i].roll = degrees
	}
	return found
}

// stretch widens the picture for heads in half profile: they are narrower than the faces of the detector's training.
const stretch = 1.25

// searchTurned finds candidates of heads turned far to a side, best first.
func searchTurned(g plane) []candidate {
	pad := padding(g)
	padded := g.padded(pad)
	m := affine{1 / stretch, 0, 0, 0, 1, 0}
	l := limits(g)
	l.smallest = max(l.smallest, int(turnedShare*float64(min(g.w, g.h))))
	found := scan(padded.sampled(m, int(float64(padded.w)*stretch), padded.h), l, pad)
	for i := range found {
		found[i].x, found[i].y = m.at(found[i].x, found[i].y)
	}
	return shifted(found, pad)
}

// cluster joins windows that show the same face, best first, each window used once. (Pigo's own clustering counts
// windows twice and reports 12 % of single faces as two.)
func cluster(windows []window) []candidate {
	slices.SortStableFunc(windows, func(a, b window) int { return cmp.Compare(b.q, a.q) })
	used := make([]bool, len(windows))
	var out []candidate
	for i, lead := range windows {
		if used[i] {
			continue
		}
		var c candidate
		for j := i; j < len(windows); j++ {
			w := windows[j]
			if used[j] || overlap(lead, w) <= sameFace {
				continue
			}
			used[j] = true
			q := float64(w.q)
			c.x += q * float64(w.col)
			c.y += q * float64(w.row)
			c.side += q * float64(w.side)
			c.q += q
		}
		c.x, c.y, c.side = c.x/c.q, c.y/c.q, c.side/c.q
		out = append(out, c)
	}
	return mergeCandidates(nil, out)
}

func overlap(a, b window) float64 {
	side := func(a, sa, b, sb int) float64 {
		low := max(2*a-sa, 2*b-sb)
		high := min(2*a+sa, 2*b+sb)
		return float64(max(0, high-low)) / 2
	}
	both := side(a.row, a.side, b.row, b.side) * side(a.col, a.side, b.col, b.side)
	return both / (float64(a.side*a.side+b.side*b.side) - both)
}

// mergeCandidates merges two lists, keeps the best of candidates that overlap, and returns them best first.
func mergeCandidates(found, more []candidate) []candidate {
	all := append(slices.Clone(found), more...)
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.q, a.q) })
	var out []candidate
	for _, c := range all {
		if !slices.ContainsFunc(out, func(o candidate) bool {
			return math.Hypot(c.x-o.x, c.y-o.y) < 0.4*max(c.side, o.side)
		}) {
			out = append(out, c)
		}
	}
	return out
}
