package photo

import "image"

// Describer turns faces into descriptors, and has the cuts at which they are compared. Implementations must be safe for
// concurrent use.
type Describer interface {
	// Name identifies the describer and is stored with each photo: descriptors of two describers cannot be compared.
	Name() string
	// Describe returns the descriptor of a face, of length 1. The same face must give the same result: a photo for which
	// Describe fails is refused. The text of an error must not contain data of the face.
	Describe(f Aligned) (Descriptor, error)
	// Cuts returns this describer's cuts.
	Cuts() Cuts
}

// Cuts are the similarities at which photos of a set are judged. They were measured with one Describer and hold for it
// alone.
type Cuts struct {
	// A photo is warned of when its mean similarity to the others lies UnlikeDeviations robust deviations (1.4826 times
	// the median absolute deviation) below the set's median, and at least UnlikeLeast below it.
	UnlikeDeviations, UnlikeLeast float64

	// A set shows two people if photos are more alike inside two groups than between them by TwoGroupsGap +
	// TwoGroupsSlack / (photos in the smaller group). The slack is for small groups, which differ by chance.
	TwoGroupsGap, TwoGroupsSlack float64

	// A photo is refused if its similarity to the mean of the others is below Stranger: the value below which less than
	// 1 % of a person's own photos lie. -1 if the describer is not good enough to refuse photos.
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

// Draw draws the face from the photo: the pixel at q of the w by h result shows the point m(q) of the chip. A result that
// is finer than the chip has the photo's own detail. Draw must not be called after Describe has returned.
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

// Classical returns the describer that needs no model. It is good enough to warn that a face looks unlike the others, not
// to refuse a photo.
//
// Measured on all pairs of real photos within a collection, none of which it was fitted to: area under the curve (AUC),
// equal error rate (EER), and share of pairs of one person that are found at 1 % false accepts (TAR). On the right the
// same for local binary patterns and gradients of faces aligned by the eyes only, with nothing removed.
//
//	                                       AUC  EER  TAR      AUC  EER  TAR
//	high resolution, 9 people               .96  .13  .58      .94  .13  .34
//	press photos, 64 people                 .86  .22  .40      .73  .33  .20
//	athletes, one face, yaw under 35°, 5    .84  .22  .37      .72  .34  .22
//	athletes, all, 5 people                 .73  .33  .24      .66  .39  .17
//	film stills, 8 people                   .76  .30  .26      .68  .37  .18
//	faces of 112 pixels, 24 people          .75  .32  .22      .65  .40  .11
//	drawn people, 97                        .97  .09  .62      .80  .27  .31
//
// The drawn people are not those of common.bin. A face takes 3 ms.
func Classical() Describer { return classical{} }

type classical struct{}

func (classical) Name() string { return "classical-2" }

func (classical) Describe(f Aligned) (Descriptor, error) {
	return known().takenOut(f.rawDescription()), nil
}

// Cuts returns cuts with these rates, measured on sets of 6 to 12 photos:
//
//	                                              athletes  press photos  drawn people
//	one person's set said to show two people           1 %           6 %
//	a set of two halves said to show two people       45 %          45 %
//	  the same without the slack                      26 %
//	one stranger among five warned of                 27 %                        52 %
//	one person's set with such a warning               5 %                       1.5 %
//
// There is no cut for strangers: one in twenty pairs of a person's own press photos is less alike than most pairs of two
// people.
func (classical) Cuts() Cuts {
	return Cuts{UnlikeDeviations: 5, UnlikeLeast: 0.2, TwoGroupsGap: 0.08, TwoGroupsSlack: 0.5, Stranger: -1}
}
