package sitter

import "math"

// hairEdge is the y above which hair grows, by azimuth around the head: 0 in front, +-pi at the back.
func (s *shape) hairEdge(p vec) float64 {
	az := math.Atan2(p.x, p.z)
	side := math.Abs(az)
	front := -s.hairline + 0.05*math.Cos(az*6+s.part)
	if s.fringe > 0 {
		front += s.fringe * (1 + 0.3*math.Sin(2.2*(az-s.part))) * step(1.1, 0.7, side)
	}
	front = mix(front, 0.15+0.05*math.Sin(az*7+s.part), s.overEyes*step(0.9, 0.7, side))
	burns := 0.05 + 0.4*s.beard
	edge := mix(front, burns, step(0.72, 1.12, side))
	edge = mix(edge, -0.12, step(1.42, 1.52, side))
	return mix(edge, 1.0, step(1.85, 2.25, side))
}

// hairShell lies a little inside the skull where no hair grows and outside where it does, so that the depth buffer
// draws the hairline.
func (s *shape) hairShell() *mesh {
	m := newMesh(partHair, s.points(110), s.points(150), false, func(v, u float64) vec {
		a, b := v*math.Pi, 2*math.Pi*u
		p, _ := s.skull(a, b)
		depth := s.hairEdge(p) - p.y // how far above the hairline
		top := step(-0.5, -1.5, p.y)
		thick := mix(s.hairSide, s.hairTop, top)
		if s.hairLength == 0 {
			thick *= 1 + 0.25*noise3(p.scale(2.6), s.seed^0x41)
		}
		groove := 0.0
		if s.hairLength > 0 || s.fringe > 0 {
			groove = 0.35 * bump(p.x-s.part*s.width, 0, 0.06, 1) * step(-0.9, -1.2, p.y)
		}
		thick += 0.22 * s.overEyes * step(-0.75, -0.3, p.y) * step(0, 0.4, p.z)
		lift := thick*step(0, 0.32, depth)*(1-groove) + 0.02*step(-0.02, 0.1, depth) - 0.06*step(0.06, -0.1, depth)
		out := vec{p.x, p.y * 0.8, p.z + 0.15}.unit()
		return p.add(out.scale(lift))
	})
	m.joinPole()
	return m
}

// locks is hair that hangs from the crown to hairLength, open in front of the face.
func (s *shape) locks() *mesh {
	return newMesh(partLocks, s.points(60), s.points(110), true, func(v, u float64) vec {
		y := mix(-1.25, s.hairLength, v)
		az := mix(1.02, 2*math.Pi-1.02, u)
		down := step(-1.0, 0.4, y)
		wide := s.width + s.hairSide + 0.05 + 0.16*down - 0.10*step(1.2, 2.6, y)
		deep := 1.45 + s.hairSide
		if y < -0.2 {
			high := y / (s.crown + s.hairTop)
			fit := math.Sqrt(max(0, 1-high*high))
			wide = mix(wide, (s.width+s.hairSide)*min(1, fit*1.08)-0.06, step(-0.2, -0.9, y))
			deep *= min(1, mix(1, fit*1.1, step(-0.2, -1, y)))
		}
		curl := 0.05 * s.wave * math.Sin(y*5+3*noise2(az*2, 0, s.seed)) * down
		curl += 0.05 * noise2(az*7, y*0.7, s.seed^0x77)
		return vec{(wide + curl) * math.Sin(az), y, -0.12 + (deep+curl)*math.Cos(az)*mix(1, 0.85, down)}
	})
}

// strand is the brightness of single hairs at a point, about -1 to 1: noise stretched along the hair.
func (s *shape) strand(p vec, lock bool) float64 {
	if lock {
		az := math.Atan2(p.x, p.z) + 0.05*s.wave*math.Sin(p.y*5)
		return 0.6*noise2(az*26, p.y*0.9, s.seed^0x11) + 0.5*noise2(az*85, p.y*1.6, s.seed^0x12)
	}
	// Short hair and the top run from the part, or forwards, over the head.
	across := math.Atan2(p.x-s.part*s.width, math.Hypot(p.y, p.z)+0.4)
	along := math.Atan2(p.z, -p.y-0.2)
	if s.hairLength > 0 {
		across, along = along, across
	}
	warp := 0.4 * noise3(p.scale(2.2), s.seed^0x13)
	return 0.55*noise2(across*24+warp*5, along*3+warp, s.seed^0x14) + 0.55*noise2(across*75+warp*14, along*6, s.seed^0x15)
}

// cut reports whether a point of hair or hood is not there: a gap between strands at the edge of the hair, or the
// opening of the hood.
func (s *shape) cut(which part, p vec) bool {
	if which == partHood {
		return inHoodOpening(p)
	}
	if which == partHair {
		depth := s.hairEdge(p) - p.y
		if depth > 0.16 {
			return false
		}
		return depth+0.075*s.strand(p, false) < 0.02
	}
	az := math.Abs(math.Atan2(p.x, p.z))
	if az < 1.12 && az-1.02 < 0.04+0.04*s.strand(p, true) {
		return true
	}
	return p.y > s.hairLength-0.35 && p.y > s.hairLength-0.18+0.17*s.strand(p, true)
}
