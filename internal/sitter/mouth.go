package sitter

import "math"

// A mouth that is wide open, in eye distances: the gap between the lips, and how far the chin has gone down.
const (
	widestGap = 0.52
	jawDrop   = 0.36
)

// dropJaw moves the chin down as far as the mouth is open.
func (s *shape) dropJaw() { s.chin += jawDrop * s.mouthOpen }

// mouthHalf is half the width of the mouth: a smile draws it out, an open mouth pulls it in.
func (s *shape) mouthHalf() float64 {
	return s.mouthWidth * (1 + 0.14*s.smile - 0.14*s.mouthOpen*(1-0.6*s.smile))
}

// mouthLine is the y at which closed lips meet: the corners lift with a smile.
func (s *shape) mouthLine(x float64) float64 {
	q := x / s.mouthWidth
	return s.mouthY - (0.015+0.13*s.smile)*q*q + 0.04*s.smile
}

// lipEdges are the y of the lower edge of the upper lip and of the upper edge of the lower lip. They meet when the
// mouth is closed, and at its corners.
func (s *shape) lipEdges(x float64) (upper, lower float64) {
	line := s.mouthLine(x)
	laugh := 0.15 * step(0.45, 1, s.smile)
	if laugh == 0 && s.mouthOpen == 0 {
		return line, line
	}
	q := x / s.mouthHalf()
	arch := math.Pow(max(0, 1-q*q*1.15), 0.6)
	return line - arch*(0.25*laugh+0.04*s.mouthOpen), line + arch*(0.75*laugh+(widestGap-0.04)*s.mouthOpen)
}

func (s *shape) mouth(out *surface, x, y float64) {
	w := s.mouthHalf()
	q := x / w
	if math.Abs(q) > 1.15 || y < s.mouthY-0.4 || y > s.mouthY+0.4+widestGap*s.mouthOpen {
		return
	}
	upper, lower := s.lipEdges(x)
	gap := lower - upper
	taper := math.Pow(max(0, 1-math.Abs(q)), 0.55)
	bow := 1 - 0.28*bump(x, 0, 0.05, 1) + 0.12*bump(math.Abs(x)-0.09, 0, 0.06, 1)
	top := upper - s.lipUpper*taper*bow*(1-0.25*s.smile)
	bottom := lower + s.lipLower*math.Pow(max(0, 1-q*q), 0.7)*(1-0.15*s.smile)
	const soft = 0.012
	lip := step(top-soft, top+soft, y) * step(bottom+soft*1.6, bottom-soft*1.6, y) * step(1.02, 0.96, math.Abs(q))
	creases := 1 + 0.09*noise2(x*60, y*7, s.seed^51)
	colour := s.lips.scale(creases)
	if y < (upper+lower)/2 {
		colour = colour.scale(0.84)
	}
	out.colour = out.colour.mix(colour, 0.9*lip)
	out.shine += 0.09 * lip * step(lower, lower+0.05, y)
	if gap > 0.004 && y > upper && y < lower {
		edge := step(0, 0.012, y-upper) * step(0, 0.012, lower-y)
		out.colour = s.lips.scale(0.14).mix(s.insideMouth(x, q, y-upper, gap), edge)
		out.hollow, out.shine, out.noCast = 0.2, 0, true
		return
	}
	dark := bump(y-upper, 0, 0.014, 1)
	if gap > 0.004 {
		dark = max(bump(y-upper, 0, 0.01, 1), bump(y-lower, 0, 0.01, 1))
	}
	dark *= step(1.06, 0.9, math.Abs(q))
	corner := bump(math.Abs(x)-w, y-s.mouthLine(w), 0.035, 0.03)
	out.colour = out.colour.scale(1 - 0.72*dark - 0.45*corner*(1-dark))
	out.hollow += 0.4 * bump(y-bottom-0.07, x, 0.05, w*0.7)
}

// insideMouth is what is seen between the lips: the upper teeth, below them the tongue in the dark.
func (s *shape) insideMouth(x, q, deep, gap float64) vec {
	row := min(0.72*gap, 0.125) * (1 - 0.3*q*q)
	if deep < row {
		between := math.Abs(math.Mod(math.Abs(x)*7.5+0.5, 1) - 0.5)
		light := mix(0.62, 1, step(0.5, 0.4, between)) * mix(1, 0.45, q*q) * mix(0.8, 1, deep/row)
		return srgb(0xe6dfd2).scale(light * mix(0.75, 1, step(row, row-0.012, deep)))
	}
	if gap < 0.18 {
		return s.lips.scale(0.25)
	}
	throat := vec{0.016, 0.006, 0.006}
	tongue := vec{0.30, 0.085, 0.08}.scale(0.75 + 0.15*noise2(x*22, deep*22, s.seed^52))
	rise := gap - 0.42*gap*math.Sqrt(max(0, 1-q*q*1.6))
	return throat.mix(tongue, step(rise-0.02, rise+0.07, deep))
}
