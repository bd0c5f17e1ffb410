package photo

import "math"

// plane is a grey picture without gaps between rows.
type plane struct {
	pix  []uint8
	w, h int
}

func newPlane(w, h int) plane { return plane{make([]uint8, w*h), w, h} }

// overview is the luminance of p, upright, reduced by averaging so that its longer side is at most side. scale is how
// many pixels of the file one pixel of it stands for.
func (p *picture) overview(side int) (small plane, scale float64) {
	if p.coded != nil && max(p.sw, p.sh) < side {
		p = p.at(p.enoughFor(side))
	}
	fit := max(1, float64(max(p.sw, p.sh))/float64(side))
	w, h := max(1, int(math.Round(float64(p.sw)/fit))), max(1, int(math.Round(float64(p.sh)/fit)))
	buf := borrow(5 * p.sw)
	defer giveBack(buf)
	small = reduce(p.sw, p.sh, w, h, func(y int) []uint8 { return p.lumaRow(y, buf) })
	scale = fit * float64(p.reduce)
	return small.turned(p.turn), scale
}

// reduced averages g down to w by h pixels, neither more than it has.
func (g plane) reduced(w, h int) plane {
	return reduce(g.w, g.h, w, h, func(y int) []uint8 { return g.pix[y*g.w:][:g.w] })
}

// turned returns the plane upright.
func (g plane) turned(t turn) plane {
	if t <= 1 {
		return g
	}
	out := newPlane(g.w, g.h)
	if t.swaps() {
		out.w, out.h = g.h, g.w
	}
	m := t.toStored(float64(g.w), float64(g.h))
	for y := range out.h {
		for x := range out.w {
			sx, sy := m.at(float64(x)+0.5, float64(y)+0.5)
			out.pix[y*out.w+x] = g.pix[int(sy)*g.w+int(sx)]
		}
	}
	return out
}

// padded repeats the border pixels n wide on every side.
func (g plane) padded(n int) plane {
	out := newPlane(g.w+2*n, g.h+2*n)
	for y := range out.h {
		src := g.pix[min(max(y-n, 0), g.h-1)*g.w:][:g.w]
		dst := out.pix[y*out.w:][:out.w]
		copy(dst[n:], src)
		for x := range n {
			dst[x], dst[n+g.w+x] = src[0], src[g.w-1]
		}
	}
	return out
}

// sampled draws a plane of w by h pixels whose pixel at p shows g at m(p), bilinearly; outside, the border repeats.
func (g plane) sampled(m affine, w, h int) plane {
	out := newPlane(w, h)
	for y := range h {
		sx, sy := m.at(0.5, float64(y)+0.5)
		for x := range w {
			out.pix[y*w+x] = g.bilinear(sx-0.5, sy-0.5)
			sx += m.a
			sy += m.d
		}
	}
	return out
}

func (g plane) bilinear(x, y float64) uint8 {
	x, y = clamp(x, 0, float64(g.w-1)), clamp(y, 0, float64(g.h-1))
	x0, y0 := int(x), int(y)
	x1, y1 := min(x0+1, g.w-1), min(y0+1, g.h-1)
	fx, fy := int((x-float64(x0))*256), int((y-float64(y0))*256)
	top := int(g.pix[y0*g.w+x0])*(256-fx) + int(g.pix[y0*g.w+x1])*fx
	bottom := int(g.pix[y1*g.w+x0])*(256-fx) + int(g.pix[y1*g.w+x1])*fx
	return uint8((top*(256-fy) + bottom*fy + 1<<15) >> 16)
}
