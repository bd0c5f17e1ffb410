package photo

import "math"

// What speaks for a face, as logistic regression weighs it: from 608 candidates on 1445 hand-marked faces (HELEN, AFW)
// and 637 on 782 pictures without people, half of them animals, all under certainQ. With one half of the pictures held
// out in turn, area under the curve .994; the confidence alone has .964, the likeness alone .953. perEven is half a unit
// below the fitted -59.3. That finds .949 of the faces that are at least a tenth as wide as the picture (.962 of those
// within 25 degrees of yaw and 15 of roll), and sees .007 in a picture without people, .022 in one of an animal. What
// was accepted by confidence and the scatter of nose and mouth were .922 (.936), .024 and .075. The scatter of the other
// points, the symmetry of the face, how well eyes and square agree, and the best window alone add nothing.
const (
	perLogQ     = 2.41
	perLikeness = 55.1
	perNose     = -21.2 // of its scatter
	perContrast = 1.49
	perTurned   = -2.3 // found in a picture turned by 25 degrees: there is more to find by chance
	perLying    = -3.7 // found in one that lies on its side or stands on its head
	perEven     = -59.8
)

// mostScatter is where a landmark counts as lost; how far its runs disagree then says no more.
const mostScatter = 0.15

// plausible weighs the detector's confidence against what the face looks like with the landmarks put in place. Folds,
// logos and pets that the detector takes for faces do not look like one any more when they are bent into its shape.
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

// likeness is how much the face looks like what drawn faces have in common, 0 to 1: .92 in the median of real ones, .86
// of other things. It takes 3 ms. Whoever has common.bin made anew must fit the weights above again.
func (f seen) likeness() float64 {
	return f.aligned().rawDescription().Similarity(known().mean)
}

// contrast is the standard deviation of luma around the face, without its fine detail: what lies out of focus, or in the
// dark, seldom is a face.
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
