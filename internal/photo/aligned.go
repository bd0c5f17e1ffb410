package photo

import (
	"math"
	"slices"
)

// An aligned view is a grey picture of a face and what is around it, the eyes at fixed places and 20 pixels apart.
// Cropping, turning, borders and size do not change it, so it tells copies of a photo from other photos of the same
// moment, which a hash of the whole picture cannot.
const (
	alignedWidth  = chipWidth / 4
	alignedHeight = chipHeight / 4
)

// faceView is an aligned view prepared for comparisons.
type faceView struct {
	coarse, fine layer // reduced by two, and at full size
	detail       layer // what is finer than a third of the eye distance
}

// layer is a plane of which a part may lie outside the photo.
type layer struct {
	plane
	inside []bool
}

// newFaceView returns false for a photo without an aligned view.
func newFaceView(m Measures) (faceView, bool) {
	if len(m.Hash.Aligned) != alignedWidth*alignedHeight {
		return faceView{}, false
	}
	fine := plane{m.Hash.Aligned, alignedWidth, alignedHeight}
	coarse := fine.reduced(alignedWidth/2, alignedHeight/2)
	inside := insidePhoto(m, fine.w, fine.h)
	return faceView{
		layer{coarse, insidePhoto(m, coarse.w, coarse.h)}, layer{fine, inside}, layer{fine.detail(), inside},
	}, true
}

// insidePhoto tells which pixels of an aligned view of w by h pixels show a part of the photo.
func insidePhoto(m Measures, w, h int) []bool {
	k := chipWidth / float64(w)
	up := similarity(chipEyes[0], chipEyes[1], m.Face.Eyes[0], m.Face.Eyes[1])
	inside := make([]bool, w*h)
	for i := range inside {
		x, y := up.at(k*(float64(i%w)+0.5), k*(float64(i/w)+0.5))
		inside[i] = x >= 0 && y >= 0 && x < float64(m.Width) && y < float64(m.Height)
	}
	return inside
}

func (v faceView) mirrored() faceView {
	return faceView{v.coarse.mirrored(), v.fine.mirrored(), v.detail.mirrored()}
}

func (g layer) mirrored() layer {
	out := layer{newPlane(g.w, g.h), make([]bool, len(g.inside))}
	for i := range out.pix {
		from := i - i%g.w + g.w - 1 - i%g.w
		out.pix[i], out.inside[i] = g.pix[from], g.inside[from]
	}
	return out
}

// detail returns the difference of each pixel from the mean around it, doubled and centred on grey.
func (g plane) detail() plane {
	const around = 3
	out := newPlane(g.w, g.h)
	for y := range g.h {
		for x := range g.w {
			sum, n := 0, 0
			for j := max(0, y-around); j <= min(g.h-1, y+around); j++ {
				for i := max(0, x-around); i <= min(g.w-1, x+around); i++ {
					sum += int(g.pix[j*g.w+i])
					n++
				}
			}
			out.pix[y*g.w+x] = uint8(min(max(128+2*(int(g.pix[y*g.w+x])-sum/n), 0), 255))
		}
	}
	return out
}

// shift aligns one view with another, because the eyes are not found at exactly the same place in two copies. dx and dy
// are in pixels.
type shift struct{ dx, dy, scale, turn float64 }

var shiftDirections = [...]shift{{dx: 1}, {dx: -1}, {dy: 1}, {dy: -1}, {scale: 1}, {scale: -1}, {turn: 1}, {turn: -1}}

// The first step of the search for the best shift: a twelfth of the eye distance, 4 % and 2 degrees.
const (
	stepPixels = 0.8 // of the coarse view
	stepScale  = 0.04
	stepTurn   = 0.035
)

// Correlations that the coarse views must reach before finer ones are compared. Copies have at least .5 before shifting
// and .97 after; 92 % of pairs of different people stay below worthShifting.
const (
	worthShifting = 0.45
	worthDetail   = 0.92
)

// agreement compares the details of two views at the shift at which they match best as a whole. It is the lower quartile
// of the correlations of their windows, -1 to 1, so that it is low if any part differs. Light, contrast, filters and
// compression hardly change it. It is 0 if the views do not match as a whole.
func (v faceView) agreement(o faceView) float64 {
	s, reached := v.coarse.overlay(o.coarse, shift{}, 1, 3, worthShifting)
	if reached < worthDetail {
		return 0
	}
	s.dx, s.dy = 2*s.dx, 2*s.dy
	s, _ = v.fine.overlay(o.fine, s, 0.25, 3, -1)
	return v.detail.leastAgreement(o.detail, s)
}

// overlay searches for the shift at which o agrees best with g, from a start and a share of the first step on, each
// round with half the step of the last. A start that is worse than least is returned as it is.
func (g layer) overlay(o layer, from shift, first float64, rounds int, least float64) (s shift, correlation float64) {
	s, correlation = from, g.overlap(o, from)
	if correlation < least {
		return s, correlation
	}
	for k := first; rounds > 0; rounds, k = rounds-1, k/2 {
		for better := true; better; {
			better = false
			for _, d := range shiftDirections {
				next := shift{
					s.dx + k*d.dx*stepPixels, s.dy + k*d.dy*stepPixels, s.scale + k*d.scale*stepScale, s.turn + k*d.turn*stepTurn,
				}
				if c := g.overlap(o, next); c > correlation+1e-4 {
					correlation, s, better = c, next, true
				}
			}
		}
	}
	return s, correlation
}

// sampler takes the pixels of a plane of w by h to those of the one that is laid over it.
func (s shift) sampler(w, h int) affine {
	sin, cos := math.Sincos(s.turn)
	k := math.Exp(s.scale)
	cx, cy := float64(w)/2, float64(h)/2
	return affine{
		k * cos, -k * sin, cx + s.dx - k*(cos*cx-sin*cy),
		k * sin, k * cos, cy + s.dy - k*(sin*cx+cos*cy),
	}
}

// overlap is the correlation of the middle of g with o laid over it.
func (g layer) overlap(o layer, s shift) float64 {
	mx, my := g.w/9, g.h/9
	c, _ := g.correlation(o, s.sampler(g.w, g.h), mx, my, g.w-mx, g.h-my)
	return c
}

// correlation compares a window of g with what m finds in o, -1 to 1, and tells how much contrast there is, in levels;
// none when less than half of the window lies in both photos.
func (g layer) correlation(o layer, m affine, x0, y0, x1, y1 int) (c, contrast float64) {
	var n, sa, sb, saa, sbb, sab float64
	for y := y0; y < y1; y++ {
		ox, oy := m.at(float64(x0)+0.5, float64(y)+0.5)
		for x := x0; x < x1; x++ {
			if g.inside[y*g.w+x] && o.shows(ox, oy) {
				a, b := float64(g.pix[y*g.w+x]), float64(o.bilinear(ox-0.5, oy-0.5))
				n, sa, sb, saa, sbb, sab = n+1, sa+a, sb+b, saa+a*a, sbb+b*b, sab+a*b
			}
			ox, oy = ox+m.a, oy+m.d
		}
	}
	if 2*n < float64((x1-x0)*(y1-y0)) {
		return 0, 0
	}
	va, vb := max(0, saa/n-sa*sa/(n*n)), max(0, sbb/n-sb*sb/(n*n))
	contrast = math.Sqrt(max(va, vb))
	if va*vb == 0 {
		return 0, contrast
	}
	return (sab/n - sa*sb/(n*n)) / math.Sqrt(va*vb), contrast
}

func (g layer) shows(x, y float64) bool {
	at := int(y)*g.w + int(x)
	return x >= 0 && y >= 0 && x < float64(g.w) && y < float64(g.h) && g.inside[at]
}

// leastAgreement is the lower quartile of the correlations of windows of 1.2 eye distances. Windows without any detail
// say nothing.
func (g layer) leastAgreement(o layer, s shift) float64 {
	const side, step, detail = 24, 14, 4
	m := s.sampler(g.w, g.h)
	var all []float64
	for y := 0; y+side <= g.h; y += step {
		for x := 0; x+side <= g.w; x += step {
			if c, contrast := g.correlation(o, m, x, y, x+side, y+side); contrast > detail {
				all = append(all, c)
			}
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[(len(all)-1)/4]
}
