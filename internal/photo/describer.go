package photo

import "image"

// Describer turns faces into descriptors, and knows from which similarity on two of its descriptors show one person.
// Implementations may be used by many goroutines at once.
type Describer interface {
	// Name tells describers apart, for descriptors of two describers cannot be compared. It is kept with each photo.
	Name() string
	// Describe returns the descriptor of a face, of length 1. An error is a fault of the describer, not of the photo.
	Describe(f Aligned) (Descriptor, error)
	// Cuts are this describer's own.
	Cuts() Cuts
}

// Cuts are the similarities at which photos of a set are judged. They belong to one Describer and were measured with it.
type Cuts struct {
	// A photo is warned of when its mean similarity to the others lies UnlikeDeviations robust deviations (1.4826 times
	// the median absolute deviation) below the set's median, and at least UnlikeLeast below it.
	UnlikeDeviations, UnlikeLeast float64

	// A set is called two people's when photos are more alike inside the two groups than between them by
	// TwoGroupsGap + TwoGroupsSlack / number of photos: few photos split apart by chance.
	TwoGroupsGap, TwoGroupsSlack float64

	// A photo is refused when its similarity to the middle of the others is below Stranger: the value below which less
	// than 1 % of a person's own photos lie. -1 when the describer cannot be that sure of anybody.
	Stranger float64
}

// Aligned is a face as describers get it. Every position is in pixels of Chip, where the eyes lie at fixed places,
// 80 pixels apart.
type Aligned struct {
	Chip      *image.RGBA // the face with some surroundings, 352 x 320 pixels
	Landmarks []Point     // in the order of the Landmark constants
	Eyes      [2]Point    // pupils, the one on the left of the picture first

	grey plane
	face seen
	toUp affine // chip to upright photo
}

// Draw draws the face anew from the photo, so that the pixel at q of the w by h result shows what lies at m(q) of the
// chip. A crop that is finer than the chip keeps the photo's own detail.
func (a Aligned) Draw(m [6]float64, w, h int) *image.RGBA {
	inner := affine{m[0], m[1], m[2], m[3], m[4], m[5]}
	return a.face.tile.draw(inner.then(a.toUp), w, h)
}

// aligned is the face as describers get it.
func (f seen) aligned() Aligned {
	up := similarity(chipEyes[0], chipEyes[1], f.Eyes[0], f.Eyes[1])
	down := similarity(f.Eyes[0], f.Eyes[1], chipEyes[0], chipEyes[1])
	a := Aligned{Chip: f.chip, Eyes: chipEyes, grey: f.grey, face: f, toUp: up}
	for _, p := range f.Landmarks {
		var q Point
		q.X, q.Y = down.at(p.X, p.Y)
		a.Landmarks = append(a.Landmarks, q)
	}
	return a
}

// Classical returns the describer that needs no model.
func Classical() Describer { return classical{} }

type classical struct{}

func (classical) Name() string { return "classical-1" }

func (classical) Describe(f Aligned) (Descriptor, error) { return describe(f.grey), nil }

func (classical) Cuts() Cuts {
	return Cuts{
		UnlikeDeviations: unlikeDeviations, UnlikeLeast: unlikeLeast,
		TwoGroupsGap: twoGroupsGap, TwoGroupsSlack: twoGroupsSlack, Stranger: -1,
	}
}
