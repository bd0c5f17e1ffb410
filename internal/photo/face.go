package photo

import (
	"cmp"
	"image"
	"math"
	"slices"

	"github.com/inflio/persona/internal/persona"
)

// Face is a face found in a picture. Positions are in pixels of the upright picture.
type Face struct {
	Box       persona.Rect `json:"box"`       // the detector's square, clipped to the picture: brows to chin
	Eyes      [2]Point     `json:"eyes"`      // pupils, the one on the left of the picture first
	Landmarks []Point      `json:"landmarks"` // in the order of the Landmark constants
	Roll      float64      `json:"roll"`      // degrees clockwise, -180 to 180
	Yaw       float64      `json:"yaw"`       // degrees, roughly; positive when the nose points to the picture's right
	Pitch     float64      `json:"pitch"`     // degrees, very roughly (see pitch); positive looks down
	Q         float64      `json:"q"`         // the detector's confidence: a face from about 15, median 280, no upper end

	scatter scatter
}

// The landmarks of a Face. Left and right are those of the picture.
const (
	OuterEyeLeft = iota
	OuterEyeRight
	InnerEyeLeft
	InnerEyeRight
	BrowInnerLeft
	BrowInnerRight
	BrowMiddleLeft
	BrowMiddleRight
	BrowOuterLeft
	BrowOuterRight
	NoseTip
	MouthLeft
	MouthRight
	UpperLip
	LowerLip
	landmarkCount
)

// pairs names the cascade of each symmetric pair, in the order of the constants.
var pairs = [5]string{"lp312", "lp38", "lp42", "lp44", "lp46"}

// scatter is the spread of repeated searches for a point, in eye distances: large if the point is hidden.
type scatter struct{ pupils, corners, nose, mouth float64 }

// IED is the distance between the eye centres, in pixels.
func (f Face) IED() float64 { return distance(f.Eyes[0], f.Eyes[1]) }

// A chip is the face drawn with the eyes at fixed places, chipIED apart. Faces are measured on chips, so that the
// measures do not depend on the size of the photo.
const (
	chipIED    = 80.0
	chipWidth  = 352
	chipHeight = 320
	chipEyeY   = 128.0
)

var chipEyes = [2]Point{{chipWidth/2 - chipIED/2, chipEyeY}, {chipWidth/2 + chipIED/2, chipEyeY}}

// Geometry of Pigo's square, measured on hand-annotated faces: the side is 2.8 eye distances, and the eyes' middle lies
// 7.4 % of it above the centre.
const (
	sidePerIED = 2.8
	eyesAbove  = 0.074
)

// FindFaces finds the faces of an upright picture that are at least 8 % of its shorter side, best first. Each has two
// pupils and landmarks that agree with each other. Faces turned away by more than about 60 degrees are not found.
func FindFaces(img image.Image) []Face {
	pic := view(img)
	found, _ := pic.closer(pic.overview(overviewSide))
	faces := make([]Face, len(found))
	for i, s := range found {
		faces[i] = s.Face
	}
	return faces
}

// seen is a face with the pictures that it is measured on.
type seen struct {
	Face
	tile   *tile
	chip   *image.RGBA
	grey   plane   // the chip's luma
	turned float64 // degrees clockwise by which the picture was turned to find it
	alike  float64 // likeness, if Q is below certainQ
}

// closer refines each candidate of the overview in the full picture. faces are those that are plausible, the main one
// first; the others are doubtful.
func (p *picture) closer(small plane, scale float64) (faces, doubtful []seen) {
	look := func(candidates []candidate) {
		for i, c := range candidates {
			if c.q < lowestQ || i == maxCandidates {
				break
			}
			c.x, c.y, c.side = c.x*scale, c.y*scale, c.side*scale
			if f := p.refine(c, small, scale); f.plausible() {
				faces = append(faces, f)
			} else {
				doubtful = append(doubtful, f)
			}
		}
	}
	look(search(small))
	if len(faces) == 0 {
		look(searchSideways(small))
	}
	slices.SortStableFunc(faces, func(a, b seen) int { return cmp.Compare(b.weight(), a.weight()) })
	return faces, doubtful
}

// weight orders the faces of one picture: size and confidence.
func (f Face) weight() float64 { return f.IED() * min(f.Q, certainQ) }

// The pupils are looked for in a strip of the size of a chip's eyes and what is around them.
const (
	stripWidth, stripHeight = 240, 160
	stripLeft, stripTop     = (chipWidth - stripWidth) / 2, chipEyeY - stripHeight/2
)

var stripEyes = [2]Point{{chipEyes[0].X - stripLeft, chipEyes[0].Y - stripTop}, {chipEyes[1].X - stripLeft, chipEyes[1].Y - stripTop}}

// refine finds pupils and landmarks of a candidate. The pupils are searched for twice: in the overview, and then in
// the photo, turned upright by the first result (57 % instead of 43 % of eyes are within 5 % of the eye distance).
func (p *picture) refine(c candidate, small plane, scale float64) seen {
	sin, cos := math.Sincos(c.roll * math.Pi / 180)
	ied := c.side / sidePerIED
	mid := Point{c.x + sin*eyesAbove*c.side, c.y - cos*eyesAbove*c.side}
	var f seen
	f.Eyes = [2]Point{
		{mid.X - cos*ied/2, mid.Y - sin*ied/2},
		{mid.X + cos*ied/2, mid.Y + sin*ied/2},
	}
	reduced := affine{a: 1 / scale, e: 1 / scale}
	f.findPupils(firstWindow, func(m affine) plane { return small.sampled(m.then(reduced), stripWidth, stripHeight) })
	f.tile = p.around(f.Eyes, ied)
	f.findPupils(chipIED, func(m affine) plane { return grey(f.tile.draw(m, stripWidth, stripHeight)) })
	f.findLandmarks()
	f.Q, f.turned = c.q, c.roll
	dx, dy := f.Eyes[0].to(f.Eyes[1])
	f.Roll = math.Atan2(dy, dx) * 180 / math.Pi
	f.Box = box(c, p.w, p.h)
	if f.Q < certainQ && f.IED() > 0 {
		f.alike = f.likeness()
	}
	return f
}

// around cuts out the part of the picture for a chip with these eyes, with room for the eyes to move.
func (p *picture) around(eyes [2]Point, ied float64) *tile {
	const room = 0.35 // of the eye distance
	m := similarity(chipEyes[0], chipEyes[1], eyes[0], eyes[1])
	low, high := corners(m, chipWidth, chipHeight)
	r := room * ied
	return p.tile(Point{low.X - r, low.Y - r}, Point{high.X + r, high.Y + r}, int(ied/chipIED))
}

// firstWindow is the first window of the pupils' cascade, as it was trained: a quarter of the detector's square.
const firstWindow = 0.25 * sidePerIED * chipIED

// findPupils moves the eyes to the pupils, looked for in windows of that many pixels of a strip.
func (f *seen) findPupils(window float64, strip func(affine) plane) {
	d := loadDetectors()
	m := similarity(stripEyes[0], stripEyes[1], f.Eyes[0], f.Eyes[1])
	g := strip(m)
	left, s0 := d.pupil.find(g, stripEyes[0], window, false)
	right, s1 := d.pupil.find(g, stripEyes[1], window, true)
	f.scatter.pupils = (s0 + s1) / (2 * chipIED)
	// Eyes that are found far from their usual place in the detector's square are wrong; the usual place is better.
	if dx, dy := left.to(right); dx < 0.5*chipIED || dx > 1.6*chipIED || math.Abs(dy) > 0.6*dx {
		f.scatter.pupils = 1
		return
	}
	f.Eyes[0].X, f.Eyes[0].Y = m.at(left.X, left.Y)
	f.Eyes[1].X, f.Eyes[1].Y = m.at(right.X, right.Y)
}

// findLandmarks needs the eyes. The guess and the window of 3 eye distances are those the cascades were trained with.
func (f *seen) findLandmarks() {
	d := loadDetectors()
	m := similarity(chipEyes[0], chipEyes[1], f.Eyes[0], f.Eyes[1])
	f.chip = f.tile.draw(m, chipWidth, chipHeight)
	f.grey = grey(f.chip)
	guess := Point{chipWidth/2 + 0.15*chipIED, chipEyeY + 0.25*chipIED}
	mirror := Point{chipWidth - guess.X, guess.Y}
	f.Landmarks = make([]Point, landmarkCount)
	points := make([]Point, landmarkCount)
	find := func(at int, name string, mirrored bool) float64 {
		from := guess
		if mirrored {
			from = mirror
		}
		q, s := d.points[name].find(f.grey, from, 3*chipIED, mirrored)
		points[at] = q
		f.Landmarks[at].X, f.Landmarks[at].Y = m.at(q.X, q.Y)
		return s / chipIED
	}
	for i, name := range pairs {
		s := find(2*i, name, false) + find(2*i+1, name, true)
		if i < 2 {
			f.scatter.corners += s / 4
		}
	}
	// Each cascade is biased towards its side; points on the middle line are searched for with both.
	central := func(at int, name string) float64 {
		s := find(at, name, false)
		p, q := points[at], f.Landmarks[at]
		s += find(at, name, true)
		points[at], f.Landmarks[at] = middle(points[at], p), middle(f.Landmarks[at], q)
		return s / 2
	}
	f.scatter.nose = central(NoseTip, "lp93")
	f.scatter.mouth = (find(MouthLeft, "lp84", false) + find(MouthRight, "lp84", true) +
		central(UpperLip, "lp81") + central(LowerLip, "lp82")) / 4
	for i, p := range points {
		points[i] = Point{(p.X - chipWidth/2) / chipIED, (p.Y - chipEyeY) / chipIED}
	}
	f.Yaw, f.Pitch = yaw(points), pitch(points)
}

// yaw estimates the turn of the head from landmarks relative to the point between the eyes, in eye distances. It was fitted
// to 563 faces of HELEN and AFW, whose true yaw was computed from six hand-marked points:
//
//	                             correlation   mean error in degrees, held out
//	nose, mouth and brows            .967      3.9
//	the nose alone                   .938      6.5
//	drawn heads of known yaw         .94       5.3
func yaw(p []Point) float64 {
	mouth := (p[MouthLeft].X + p[MouthRight].X + p[UpperLip].X + p[LowerLip].X) / 4
	outer, inner := p[BrowOuterLeft].X+p[BrowOuterRight].X, p[BrowInnerLeft].X+p[BrowInnerRight].X
	return clamp(119*p[NoseTip].X-62*mouth-30*outer+22*inner, -90, 90)
}

// A level head's nose tip stands at this share of the way from the eyes to the mouth's corners: the median of 563 faces.
// On drawn heads the share grows by .0089 a degree.
const (
	levelNose     = 0.57
	noseStepPitch = 0.0089
)

// pitch estimates the nod of the head from the height of the nose tip between eyes and mouth. Because the lengths of noses
// differ, its correlation with the pitch of a rigid head fitted to 68 hand-marked points is only .56, and it may be wrong by
// 10 degrees. It can compare pictures of one person, but no photo is refused for it.
func pitch(p []Point) float64 {
	mouth := (p[MouthLeft].Y + p[MouthRight].Y) / 2
	return clamp((p[NoseTip].Y/max(mouth, 0.1)-levelNose)/noseStepPitch, -60, 60)
}

func box(c candidate, w, h int) persona.Rect {
	x0, y0 := int(clamp(c.x-c.side/2, 0, float64(w))), int(clamp(c.y-c.side/2, 0, float64(h)))
	x1, y1 := int(clamp(c.x+c.side/2, 0, float64(w))), int(clamp(c.y+c.side/2, 0, float64(h)))
	return persona.Rect{X: x0, Y: y0, Width: x1 - x0, Height: y1 - y0}
}

func grey(img *image.RGBA) plane {
	g := newPlane(img.Rect.Dx(), img.Rect.Dy())
	for i := range g.pix {
		g.pix[i] = luma(img.Pix[4*i], img.Pix[4*i+1], img.Pix[4*i+2])
	}
	return g
}
