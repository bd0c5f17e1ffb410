package photo

import "math"

// detail measures sharpness on the face of a chip: the energy between Gaussians of .8 and 1.6 pixels over that between
// 1.6 and 3.2. Light, size, skin tone and JPEG of quality 25 do not change the ratio. eyes is the distance between the
// eyes in the photo, in pixels.
//
// Measured on 110 faces of HELEN and AFW, sharp ones against blurred ones:
//
//	eyes apart      sharp                                   blurred                                        AUC
//	110 to 260 px   as they are, noise of 10 levels, JPEG   Gaussian of 2 or 3 % of the eye distance, with  .989
//	                of quality 25, two stops darker         noise, motion of 8 %, reduced to 25 px
//	65 px           noise of 0, 5 and 10 levels             the same and a Gaussian of 3 %                  .992
//	both                                                                                                    .990
//	both, with coarse detail between 3.2 and 6.4 pixels                                                     .971
func (q *Quality) detail(g plane, eyes float64) {
	const margin = 10
	x0, x1 := int(ovalX-ovalRX)-margin, int(ovalX+ovalRX)+margin
	y0, y1 := int(ovalY-ovalRY)-margin, int(ovalY+ovalRY)+margin
	f := g.window(x0, y0, x1, y1)
	a := f.blurred(0.8)
	b := a.blurred(math.Sqrt(1.6*1.6 - 0.8*0.8))
	c := b.blurred(math.Sqrt(3.2*3.2 - 1.6*1.6))
	var fine, coarse band
	var lids, cheeks energy
	for y := margin; y < f.h-margin; y++ {
		for x := margin; x < f.w-margin; x++ {
			if !inOval(x0+x, y0+y) {
				continue
			}
			i := y*f.w + x
			e := a.pix[i] - b.pix[i]
			fine.add(e)
			coarse.add(b.pix[i] - c.pix[i])
			switch dx, dy := math.Abs(float64(x0+x)-chipWidth/2)/chipIED, (float64(y0+y)-chipEyeY)/chipIED; {
			case dx > 0.2 && dx < 0.8 && math.Abs(dy) < 0.2:
				lids.add(e)
			case dx > 0.3 && dx < 0.75 && dy > 0.4 && dy < 0.8:
				cheeks.add(e)
			}
		}
	}
	even := evenShare * clamp((reducedIED-eyes)/(reducedIED-chipIED), 0, 1)
	// A face without coarse structure is no face, or too dark: it counts as blurred.
	if left := coarse.without(even); left*coarse.n >= 1 {
		q.Fineness = max(0, fine.without(even)) / left
	}
	q.SmoothSkin = math.Log2((lids.mean() + leastEnergy) / (cheeks.mean() + leastEnergy))
}

// The noise of single pixels averages out if a face is reduced to the size of a chip. If it is enlarged, noise is as coarse
// as detail and hides blur; but it is the same everywhere, while a face's detail is at eyes, mouth and brows. So a share of
// the energy that is everywhere is subtracted: evenShare up to an eye distance of chipIED, nothing from reducedIED.
const (
	evenShare  = 0.85
	reducedIED = 120.0

	normalMedian = 0.6745 // of the absolute of a standard normal variable
)

// band is the energy of a band of detail, and how it is spread.
type band struct {
	energy
	spread [4096]int // how many values lie in each 32nd of a level
}

func (b *band) add(v float32) {
	b.energy.add(v)
	b.spread[min(int(32*max(v, -v)), len(b.spread)-1)]++
}

// without is the mean energy less a share of that of normally distributed values with the same median.
func (b *band) without(share float64) float64 {
	even := float64(middleOf(b.spread[:])) / 32 / normalMedian
	return b.mean() - share*even*even
}

// middleOf is the median of counted values.
func middleOf(counts []int) int {
	n, seen := 0, 0
	for _, k := range counts {
		n += k
	}
	for v, k := range counts {
		if seen += k; 2*seen >= n {
			return v
		}
	}
	return 0
}

// leastEnergy keeps the ratio of two energies finite: that of rounding to whole levels.
const leastEnergy = 0.01

type energy struct{ sum, n float64 }

func (e *energy) add(v float32) {
	e.sum += float64(v) * float64(v)
	e.n++
}

func (e energy) mean() float64 { return e.sum / max(e.n, 1) }
