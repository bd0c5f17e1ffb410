package photo

import "math"

// The part of a chip that is described, and the size to which it is reduced: eyes 50 pixels apart, brows to below the
// mouth, so that hair, background and jaw line do not decide.
const (
	descHalf, descUp, descDown = 0.8, 0.5, 1.5 // eye distances to the sides, above and below the eyes
	descWidth, descHeight      = 80, 100
	cellSide                   = 10
	cellsAcross, cellsDown     = descWidth / cellSide, descHeight / cellSide
	orientations               = 8
	patternsAcross             = 5
	patternsDown               = 6
	patternRadius              = 2
	uniformPatterns            = 59
	patternShare               = 0.6
	gradientShare              = 0.4
)

// describe joins two classical descriptions of the aligned face, each of length 1 before it is weighed: uniform local
// binary patterns at radius 2 (Ahonen et al. 2006) and histograms of oriented gradients (Dalal and Triggs 2005), after
// the light was levelled (Tan and Triggs 2010).
//
// Each is the sum over the face and its mirror image. Turning the head left or right, or moving the light to the other
// side, changes a face more than swapping it for another person's; the sum takes most of that away. On drawn people in
// varied poses it lifts the area under the curve for "same person" from .76 to .95, and on real portraits as clearly.
func describe(chip plane) Descriptor {
	const x0, x1 = int(chipWidth/2 - descHalf*chipIED), int(chipWidth/2 + descHalf*chipIED)
	const y0, y1 = int(chipEyeY - descUp*chipIED), int(chipEyeY + descDown*chipIED)
	cut := newPlane(x1-x0, y1-y0)
	for y := range cut.h {
		copy(cut.pix[y*cut.w:][:cut.w], chip.pix[(y0+y)*chip.w+x0:])
	}
	f := cut.reduced(descWidth, descHeight).levelled()
	m := f.mirrored()
	d := appendShare(nil, symmetric(f.patterns(), m.patterns()), patternShare)
	d = appendShare(d, symmetric(f.gradients(), m.gradients()), gradientShare)
	d.normalise()
	return d
}

// symmetric adds the description of the mirror image to that of the face.
func symmetric(d, mirror Descriptor) Descriptor {
	d.normalise()
	mirror.normalise()
	for i, v := range mirror {
		d[i] += v
	}
	return d
}

func (f field) mirrored() field {
	m := field{make([]float32, len(f.pix)), f.w, f.h}
	for y := range f.h {
		for x := range f.w {
			m.pix[y*f.w+x] = f.pix[y*f.w+f.w-1-x]
		}
	}
	return m
}

func appendShare(d, part Descriptor, share float64) Descriptor {
	part.normalise()
	k := float32(math.Sqrt(share))
	for _, v := range part {
		d = append(d, k*v)
	}
	return d
}

// levelled takes the light out of a face: gamma, difference of Gaussians, contrast equalised and limited.
func (g plane) levelled() field {
	f := g.window(0, 0, g.w, g.h)
	for i, v := range f.pix {
		f.pix[i] = float32(math.Pow(float64(v)/255, 0.2))
	}
	fine, coarse := f.blurred(1), f.blurred(4)
	var sum float64
	for i := range f.pix {
		f.pix[i] = fine.pix[i] - coarse.pix[i]
		sum += math.Pow(math.Abs(float64(f.pix[i])), 0.1)
	}
	k := math.Pow(sum/float64(len(f.pix)), -10)
	sum = 0
	for i, v := range f.pix {
		f.pix[i] = float32(float64(v) * k)
		sum += math.Pow(min(10, math.Abs(float64(f.pix[i]))), 0.1)
	}
	k = math.Pow(sum/float64(len(f.pix)), -10)
	for i, v := range f.pix {
		f.pix[i] = float32(math.Tanh(float64(v) * k / 5))
	}
	return f
}

// gradients are the cells' histograms of oriented gradients, each normalised by the energy around its cell.
func (f field) gradients() Descriptor {
	var cells [cellsDown][cellsAcross][orientations]float64
	for y := 1; y < f.h-1; y++ {
		for x := 1; x < f.w-1; x++ {
			i := y*f.w + x
			dx, dy := float64(f.pix[i+1]-f.pix[i-1]), float64(f.pix[i+f.w]-f.pix[i-f.w])
			strength := math.Hypot(dx, dy)
			at := (math.Atan2(dy, dx)/(2*math.Pi) + 1) * orientations
			bin := int(at)
			share := at - float64(bin)
			// Each gradient counts in the four nearest cells, so that a shift of a pixel changes little.
			cy, cx := (float64(y)+0.5)/cellSide-0.5, (float64(x)+0.5)/cellSide-0.5
			y0, x0 := int(math.Floor(cy)), int(math.Floor(cx))
			for _, n := range [4][2]int{{y0, x0}, {y0, x0 + 1}, {y0 + 1, x0}, {y0 + 1, x0 + 1}} {
				if n[0] < 0 || n[0] >= cellsDown || n[1] < 0 || n[1] >= cellsAcross {
					continue
				}
				w := strength * (1 - math.Abs(cy-float64(n[0]))) * (1 - math.Abs(cx-float64(n[1])))
				cells[n[0]][n[1]][bin%orientations] += w * (1 - share)
				cells[n[0]][n[1]][(bin+1)%orientations] += w * share
			}
		}
	}
	out := make(Descriptor, 0, cellsDown*cellsAcross*orientations)
	for y := range cellsDown {
		for x := range cellsAcross {
			energy := 1e-6
			for ny := max(0, y-1); ny <= min(y+1, cellsDown-1); ny++ {
				for nx := max(0, x-1); nx <= min(x+1, cellsAcross-1); nx++ {
					for _, v := range cells[ny][nx] {
						energy += v
					}
				}
			}
			for _, v := range cells[y][x] {
				out = append(out, float32(math.Sqrt(v/energy)))
			}
		}
	}
	return out.centred()
}

// centred takes the mean away: what all values share tells nobody apart.
func (d Descriptor) centred() Descriptor {
	var sum float64
	for _, v := range d {
		sum += float64(v)
	}
	mean := float32(sum / float64(len(d)))
	for i := range d {
		d[i] -= mean
	}
	return d
}

// uniform numbers the 58 binary patterns with at most two changes around the circle; all others share the last.
var uniform = func() (t [256]uint8) {
	next := uint8(0)
	for code := range 256 {
		changes := 0
		for i := range 8 {
			if code>>i&1 != code>>((i+1)%8)&1 {
				changes++
			}
		}
		if changes <= 2 {
			t[code] = next
			next++
		} else {
			t[code] = uniformPatterns - 1
		}
	}
	return t
}()

// patterns are the regions' histograms of local binary patterns, as square roots (so that the cosine compares
// distributions).
func (f field) patterns() Descriptor {
	const r = patternRadius
	around := [8][2]int{{0, r}, {1, 1}, {r, 0}, {1, -1}, {0, -r}, {-1, -1}, {-r, 0}, {-1, 1}}
	out := make(Descriptor, patternsDown*patternsAcross*uniformPatterns)
	for y := r; y < f.h-r; y++ {
		for x := r; x < f.w-r; x++ {
			i := y*f.w + x
			code := 0
			for bit, n := range around {
				if f.pix[i+n[0]*f.w+n[1]] > f.pix[i] {
					code |= 1 << bit
				}
			}
			region := (y*patternsDown/f.h)*patternsAcross + x*patternsAcross/f.w
			out[region*uniformPatterns+int(uniform[code])]++
		}
	}
	for i, v := range out {
		out[i] = float32(math.Sqrt(float64(v)))
	}
	return out.centred()
}
