package photo

import "math"

// Weights of a logistic regression that separates faces from other candidates below certainQ. It was fitted to 608
// candidates on 1445 hand-marked faces (HELEN, AFW) and 637 candidates on 782 pictures without people, half of them of
// animals. AUC with one half of the pictures held out in turn:
//
//	all weights            .994
//	the confidence alone   .964
//	the likeness alone     .953
//
// Rates with perEven half a unit below the fitted -59.3, and of the rule before, which had confidence and the scatter of
// nose and mouth:
//
//	                                                          this   before
//	found of faces at least a tenth as wide as the picture     .949    .922
//	  of these, within 25 degrees of yaw and 15 of roll        .962    .936
//	false faces in a picture without people                    .007    .024
//	false faces in a picture of an animal                      .022    .075
//
// The scatter of the other points, the symmetry of the face, the distance between the eyes and the square, and the best
// window alone do not improve it.
const (
	perLogQ     = 2.41
	perLikeness = 55.1
	perNose     = -21.2 // of its scatter
	perContrast = 1.49
	perTurned   = -2.3 // found in a picture turned by 25 degrees: more are found by chance
	perLying    = -3.7 // found in a picture turned by 90 degrees or more
	perEven     = -59.8
)

// mostScatter is the scatter from which a landmark counts as not found; larger values have no meaning.
const mostScatter = 0.15

// plausible decides whether a candidate is a face, by the detector's confidence and by its likeness to a face after it was
// warped by its landmarks: folds, logos and pets that the detector takes for faces do not look like one then.
func (f seen) plausible() bool {
	switch {
	case f.IED() <= 0:
		return false
	case f.Q >= certainQ:
		return true
	}
	sum := perEven + perLogQ*math.Log(f.Q) + perLikeness*f.alike + perNose*min(f.scatter.nose, mostScatter) +
		perContrast*math.Log(1+f.contrast())
	switch {
	case f.turned == 0:
	case math.Abs(f.turned) < 45:
		sum += perTurned
	default:
		sum += perLying
	}
	return sum > 0
}

// likeness is the similarity of the face's raw description to the mean of drawn faces, 0 to 1: the median of real faces is
// .92, of other things .86. It takes 3 ms. The weights above must be fitted again when common.bin changes.
func (f seen) likeness() float64 {
	return f.aligned().rawDescription().Similarity(known().mean)
}

// contrast is the standard deviation of luma around the face, without fine detail: low contrast is rare on faces.
func (f seen) contrast() float64 {
	const k = 8 // pixels of the chip
	g := f.grey.reduced(chipWidth/k, chipHeight/k)
	const reach = int(chipIED) / k
	cx, cy := g.w/2, int(chipEyeY+0.6*chipIED)/k
	var n, sum, squares float64
	for y := cy - reach; y < cy+reach; y++ {
		for _, v := range g.pix[y*g.w+cx-reach:][:2*reach] {
			n, sum, squares = n+1, sum+float64(v), squares+float64(v)*float64(v)
		}
	}
	return math.Sqrt(max(0, squares/n-sum*sum/(n*n)))
}
