package photo

import "math"

// The part of a chip that is described, and the size to which it is reduced: eyes 40 pixels apart, so that soft and
// sharp pictures of one face differ little.
const (
	descLeft, descTop  = chipWidth/2 - 80, chipEyeY - 60
	descWidth          = 80  // of 160 chip pixels
	descHeight         = 100 // of 200 chip pixels
	cellSide           = 10
	cellsAcross        = descWidth / cellSide
	cellsDown          = descHeight / cellSide
	orientations       = 12
	patternsAcross     = 5
	patternsDown       = 6
	uniformPatterns    = 59
	pixelsAcross       = 20
	pixelsDown         = 25
	hogShare, lbpShare = 0.5, 0.3
	pixelShare         = 0.2
	gradientClip       = 0.2 // as in Dalal and Triggs, so that one strong edge does not drown the rest
)

// describe joins three classical descriptions of the aligned face, each of length 1 before it is weighed: histograms of
// oriented gradients (Dalal and Triggs 2005), uniform local binary patterns at radius 2 (Ahonen et al. 2006), and the
// band-passed pixels themselves (Tan and Triggs 2010).
func describe(chip plane) Descriptor {
	cut := newPlane(2*descWidth, 2*descHeight)
	for y := range cut.h {
		copy(cut.pix[y*cut.w:][:cut.w], chip.pix[(int(descTop)+y)*chip.w+int(descLeft):])
	}
	f := cut.reduced(descWidth, descHeight).levelled()
	var d Descriptor
	d = appendShare(d, f.gradients(), hogShare)
	d = appendShare(d, f.patterns(), lbpShare)
	d = appendShare(d, f.coarse(), pixelShare)
	d.normalise()
	return d
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

// gradients are the cells' histograms of oriented gradients, each block of 2 x 2 cells normalised.
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
	var out Descriptor
	for y := range cellsDown - 1 {
		for x := range cellsAcross - 1 {
			var block Descriptor
			for _, cell := range [4]*[orientations]float64{&cells[y][x], &cells[y][x+1], &cells[y+1][x], &cells[y+1][x+1]} {
				for _, v := range cell {
					block = append(block, float32(v))
				}
			}
			block.normalise()
			for i, v := range block {
				block[i] = min(v, gradientClip)
			}
			block.normalise()
			out = append(out, block...)
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
	const r = 2
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

// coarse is the levelled face itself, at a quarter of its size.
func (f field) coarse() Descriptor {
	soft := f.blurred(2)
	out := make(Descriptor, 0, pixelsAcross*pixelsDown)
	for y := range pixelsDown {
		for x := range pixelsAcross {
			out = append(out, soft.pix[(4*y+2)*f.w+4*x+2])
		}
	}
	return out.centred()
}
