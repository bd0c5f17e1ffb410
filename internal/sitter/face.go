package sitter

import "math"

// skinAt is bare skin: tone, mottling, pores.
func (s *shape) skinAt(p vec) surface {
	m := 0.05*noise3(p.scale(2.6), s.seed^1) + 0.035*noise3(p.scale(8), s.seed^2)
	pores := 0.045*noise3(p.scale(34), s.seed^3) + 0.05*noise3(p.scale(70), s.seed^4)
	red := 0.5 * noise3(p.scale(4.5), s.seed^5)
	c := s.skin.scale(1 + m + pores*(0.7+0.6*s.age))
	c = c.times(vec{1, 1 - 0.06*s.redness*red, 1 - 0.05*s.redness*red})
	return surface{colour: c, shine: 0.055 + 0.3*pores, tight: 14, wrap: vec{0.34, 0.16, 0.12}}
}

// face paints the front of the head; it returns a turned normal where the eye or a strand has its own.
func (s *shape) face(p, n vec) (surface, vec) {
	out := s.skinAt(p)
	if p.z < 0 {
		return out, n
	}
	x, y := p.x, p.y
	side := math.Abs(x)
	flush := bump(side-0.62, y-0.5, 0.32, 0.26) + 0.8*bump(x, y-s.noseLength, 0.17, 0.13) + 0.3*bump(x, y-s.chin+0.3, 0.25, 0.2)
	rings := bump(side-s.eyeGap+0.03, y-0.17, 0.22, 0.07)*(0.35+0.5*s.age) + 0.45*bump(side-s.eyeGap+0.2, y+0.03, 0.08, 0.12)
	shade := 0.22 * bump(side-s.eyeGap, y+0.02, 0.36, 0.2) // the sockets
	out.colour = out.colour.times(vec{1 - 0.8*shade, 1 - shade, 1 - shade})
	out.colour = out.colour.times(vec{1, 1 - 0.20*s.redness*flush, 1 - 0.18*s.redness*flush})
	out.colour = out.colour.times(vec{1 - 0.22*rings, 1 - 0.30*rings, 1 - 0.26*rings})
	out.shine += 0.06*bump(x, y-s.noseLength+0.04, 0.1, 0.14) + 0.03*bump(x, y+0.8, 0.5, 0.25)
	s.spots(&out, x, y)
	s.wrinkles(&out, x, y)
	s.nose(&out, x, y)
	s.beardOn(&out, p)
	s.mouth(&out, x, y)
	s.brows(&out, x, y)
	n = s.eye(&out, x, y, n)
	if cover := s.maskCover(x, y); cover > 0 {
		fold := 1 + 0.05*math.Sin(y*26+1)
		out.colour = out.colour.mix(srgb(0xb9d3de).scale(fold*(1+0.03*noise2(x*60, y*60, 9))), cover)
		out.shine *= 1 - cover
		out.hollow *= 1 - cover
	}
	if s.bald { // what is shaved shows
		out.colour = out.colour.mix(s.skin.mix(s.brow, 0.8), 0.5*step(-0.06, 0.12, s.hairEdge(p)-y)*(0.85+0.15*noise3(p.scale(40), s.seed^6)))
	} else { // hair throws a soft shade on the skin beside it
		edge := y - s.hairEdge(p)
		out.hollow = max(out.hollow, 0.45*step(0.28, 0, edge))
	}
	return out, n
}

func (s *shape) spots(out *surface, x, y float64) {
	if s.freckles > 0 {
		where := bump(math.Abs(x)-0.38, y-0.42, 0.5, 0.25)
		f := step(0.55, 0.8, noise2(x*26, y*26, s.seed^21)) + 0.7*step(0.6, 0.8, noise2(x*45, y*45, s.seed^22))
		out.colour = out.colour.times(vec{1, 0.9, 0.8}.scale(0.85).mix(vec{1, 1, 1}, 1-min(1, f)*where*s.freckles))
	}
	for _, m := range s.moles {
		if q := math.Hypot(x-m.x, y-m.y); q < m.z*1.4 {
			out.colour = out.colour.mix(vec{0.09, 0.05, 0.035}, 0.75*step(m.z*1.4, m.z*0.7, q))
		}
	}
}

func (s *shape) wrinkles(out *surface, x, y float64) {
	if s.age < 0.3 || y > 0.4 {
		return
	}
	k := s.age - 0.3
	wave := y + 0.05*noise2(x*2.5, 3, s.seed^31)
	lines := 0.0
	for _, at := range [3]float64{-0.62, -0.77, -0.92} {
		lines += bump(wave-at, x, 0.016, 0.5)
	}
	crow := 0.0
	side := math.Abs(x) - s.eyeGap - s.eyeWidth - 0.08
	if side > -0.05 && side < 0.3 {
		for _, slope := range [3]float64{-0.5, -0.1, 0.35} {
			crow += bump(y-side*slope, side-0.08, 0.012, 0.08)
		}
	}
	out.hollow += 0.7 * min(0.5, (lines*0.5+crow*(0.6+s.smile))*k)
	out.colour = out.colour.scale(1 - 0.18*k*min(1, lines+crow))
}

func (s *shape) nose(out *surface, x, y float64) {
	side := math.Abs(x)
	ny := y - s.noseLength - 0.105
	hole := bump(side-s.noseWidth*0.5, ny-0.15*(side-s.noseWidth*0.5), 0.062, 0.032)
	out.colour = out.colour.mix(out.colour.times(vec{0.12, 0.06, 0.05}), min(1, 1.6*hole))
	out.shine *= 1 - min(1, hole)
	under := bump(x, ny, s.noseWidth, 0.05)
	crease := bump(side-s.noseWidth*1.22, y-s.noseLength-0.01, 0.028, 0.09)
	out.hollow += 0.3*under + 0.3*crease
	out.colour = out.colour.scale(1 - 0.06*under - 0.12*crease)
	line := s.noseWidth + 0.1 + (y-s.noseLength)/(s.mouthY+0.1-s.noseLength)*(s.mouthWidth*1.12-s.noseWidth)
	fold := bump(side-line, y-(s.noseLength+s.mouthY)/2-0.02, 0.022, 0.2) * (0.15 + 0.5*s.smile + 0.5*s.age)
	out.hollow += 0.3 * fold
	out.colour = out.colour.scale(1 - 0.2*fold)
}

func (s *shape) beardOn(out *surface, p vec) {
	amount := max(s.beard, 0.35*s.stubble)
	if amount == 0 {
		return
	}
	x, y := p.x, p.y
	side := math.Abs(x)
	edge := 0.5 + 0.62*step(1.02, 0.36, side) // the cheek line falls towards the mouth
	where := step(edge-0.10, edge+0.26, y+0.05*noise2(x*9, y*9, s.seed^41))
	where = max(where, bump(x, y-(s.noseLength+s.mouthY)/2-0.06, 0.36, 0.085)*1.3)
	upper, lower := s.lipEdges(x)
	where *= step(0.16, 0.24, math.Hypot(x/2.2, y-max(upper, min(lower, y))-0.02)) + 0.9*step(s.mouthY, s.mouthY-0.05, y)
	where *= 1 - step(0.86, 1.02, side)*step(0.5, 0.3, y)
	where = max(0, min(1, where)) * step(-0.05, 0.3, p.z)
	hairs := 0.5 + 0.5*noise2(x*34+y*6, y*17, s.seed^42) + 0.35*noise2(x*75-y*9, y*30, s.seed^43)
	k := where * amount
	if s.beard > 0 {
		k *= min(1, 0.62+0.5*hairs)
		out.colour = out.colour.mix(s.brow.scale(0.7+0.8*max(0, hairs)), min(0.95, 1.15*k))
	} else {
		k *= 0.35 + 0.65*max(0, hairs)
		out.colour = out.colour.mix(s.skin.mix(s.brow, 0.85), 0.8*k)
	}
	out.shine *= 1 - 0.8*k
}

// browLine is the y of the middle of an eyebrow, by where along it: -1 is at the nose, 1 at the temple.
func (s *shape) browLine(t float64) float64 {
	bend := (t - 0.3) * (t - 0.3)
	if t < 0.3 {
		bend *= 0.3 // the inner half is nearly straight
	}
	return -s.browHeight - s.browArch*(1-1.4*bend) - s.browTilt*t - 0.02*s.smile
}

func (s *shape) brows(out *surface, x, y float64) {
	side := math.Abs(x)
	t := (side - s.eyeGap) / s.browLength // -1 at the nose, 1 at the temple
	if t < -1.25 || t > 1.3 {
		return
	}
	centre := s.browLine(t)
	thick := s.browThick * (1 - 0.55*step(0, 1.2, t)) * step(-1.22, -0.8, t) * step(1.28, 0.9, t)
	if thick < 0.003 {
		return
	}
	slant := (y - centre) + side*0.6*(1-0.6*step(-1, 1, t))
	hairs := 0.5*noise2(slant*20-side*26, side*7, s.seed^61) + 0.6*noise2(side*70-slant*34, slant*16, s.seed^62)
	d := math.Abs(y-centre) / (thick * (1 + 0.30*hairs))
	k := step(1.3, 0.45, d) * min(1, 0.82+0.3*hairs)
	out.colour = out.colour.mix(s.brow.scale(1+0.35*hairs), max(0, 0.9*k))
	out.shine *= 1 - 0.8*max(0, k)
}
