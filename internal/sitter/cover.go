package sitter

import "math"

// arrangeHair lets a fringe fall over the eyes, and presses the hair flat under a hat or hood.
func (f *figure) arrangeHair() {
	p := f.pose
	if p.Fringe > 0 && !p.Hat && !p.Hood {
		f.bald = false
		f.overEyes = unit(p.Fringe)
	}
	if p.Hat || p.Hood {
		f.hairTop, f.hairSide, f.fringe = min(f.hairTop, 0.08), min(f.hairSide, 0.06), 0
	}
}

// covers are the things that are put on the head or before the face.
func (f *figure) covers() []*mesh {
	var out []*mesh
	if f.pose.Hat {
		out = append(out, f.hat())
	}
	if f.pose.Hood {
		out = append(out, f.hood())
	}
	if f.pose.Hand {
		out = append(out, f.hand()...)
	}
	return out
}

// hatEdge is the y of the rim of the hat: low on the forehead, lower still at the back.
func hatEdge(p vec) float64 { return -0.66 + 0.75*step(0.6, -1.2, p.z) }

// hat is a knitted hat with a turned-up rim.
func (s *shape) hat() *mesh {
	m := newMesh(partHat, s.points(70), 120, false, func(v, u float64) vec {
		p, _ := s.skull(v*math.Pi, 2*math.Pi*u)
		above := hatEdge(p) - p.y
		lift := 0.17*step(-0.02, 0.10, above) - 0.1*step(0.02, -0.1, above)
		lift += 0.06 * step(0.44, 0.36, above) * step(-0.02, 0.06, above)
		lift += 0.16*step(0.5, 1.2, above) + 0.012*math.Sin(60*u*2*math.Pi/2)
		return p.add(vec{p.x, p.y * 0.8, p.z + 0.15}.unit().scale(lift))
	})
	m.joinPole()
	return m
}

// inHoodOpening reports whether a point of the hood lies before the face.
func inHoodOpening(p vec) bool {
	if p.z < -0.2 {
		return false
	}
	x, y := p.x/1.02, (p.y-0.35)/1.75
	return x*x+y*y < 1
}

// hood lies around the head down to the shoulders.
func (s *shape) hood() *mesh {
	return newMesh(partHood, 60, 90, false, func(v, u float64) vec {
		y := mix(-2.2, 3.0, v)
		round := math.Sqrt(max(0, 1-math.Pow(max(0, -y)/2.2, 2.6)))
		wide := (s.width + 0.34 + 0.35*step(1.2, 3, y)) * round
		deep := (1.62 + 0.2*step(1.2, 3, y)) * round
		b := 2 * math.Pi * u
		fold := 0.03 * math.Sin(9*b+2*y)
		return vec{(wide + fold) * math.Cos(b), y, -0.18 + (deep+fold)*math.Sin(b)}
	})
}

// hand is laid over the mouth from the picture's left: four fingers, thumb, back of the hand, wrist.
func (s *shape) hand() []*mesh {
	on := func(x, y, above float64) vec { // a point over the face, which the nose does not lift
		p, _ := s.skull(math.Asin(min(1, math.Hypot(x/s.width, y/s.chin))), math.Atan2(y/s.chin, x/s.width))
		return vec{x, y, p.z + above}
	}
	var out []*mesh
	for i := range 4 {
		k := float64(i)
		y := s.mouthY - 0.34 + 0.245*k
		reach := [4]float64{0.62, 0.74, 0.68, 0.46}[i]
		path := []vec{
			on(-0.72, y+0.24, 0.34), on(-0.35, y+0.10, 0.36), on(0.05, y+0.01, 0.30), on(reach-0.22, y-0.04, 0.22), on(reach, y-0.05, 0.12),
		}
		out = append(out, tube(partHand, path, []float64{0.165, 0.15, 0.14, 0.125, 0.10}, 1))
	}
	palm := []vec{
		on(-0.55, s.mouthY+0.18, 0.30),
		{-0.95, s.mouthY + 0.36, 0.95},
		{-1.35, s.mouthY + 0.62, 0.75},
		{-1.75, s.mouthY + 1.0, 0.5},
		{-2.05, s.mouthY + 1.5, 0.35},
		{-2.9, s.mouthY + 4, 0.2},
	}
	out = append(out, tube(partHand, palm, []float64{0.42, 0.52, 0.50, 0.36, 0.34, 0.46}, 0.45))
	thumb := []vec{{-1.2, s.mouthY + 0.35, 0.9}, on(-0.86, s.mouthY-0.1, 0.42), on(-0.74, s.mouthY-0.42, 0.26), on(-0.66, s.mouthY-0.62, 0.16)}
	return append(out, tube(partHand, thumb, []float64{0.24, 0.18, 0.15, 0.12}, 1))
}

// tube is a round body along a path with a radius at each point and rounded ends; flat squeezes it towards the camera.
func tube(p part, path []vec, radius []float64, flat float64) *mesh {
	const perPart = 8
	last := len(path) - 1
	at := func(t float64) (vec, float64) {
		i := min(int(t), last-1)
		k := t - float64(i)
		return path[i].mix(path[i+1], ease(k)*0.5+k*0.5), mix(radius[i], radius[i+1], k)
	}
	n := perPart*last + 1
	m := newMesh(p, n, 20, false, func(v, u float64) vec {
		t := v * float64(last)
		c, r := at(t)
		before, _ := at(max(0, t-0.1))
		after, _ := at(min(float64(last), t+0.1))
		along := after.sub(before).unit()
		side := vec{0, 0, 1}.cross(along).unit()
		front := along.cross(side)
		for _, d := range [2]float64{t, float64(last) - t} { // round ends
			if d < 0.5 {
				r *= math.Sqrt(max(0, 1-(1-2*d)*(1-2*d)))
			}
		}
		b := 2 * math.Pi * u
		return c.add(side.scale(r * math.Cos(b))).add(front.scale(r * flat * math.Sin(b)))
	})
	m.inside = true
	return m
}

func (f *figure) hatAt(p vec) surface {
	c := f.outfit.second.mix(f.outfit.main, 0.75)
	rib := math.Sin(math.Atan2(p.x, p.z+0.1) * 60)
	knit := 0.10*rib + 0.08*noise2(p.x*40, p.y*40, f.outfit.seed^11)
	rim := bump(hatEdge(p)-p.y-0.42, 0, 0.03, 1)
	return surface{colour: c.scale(1 + knit - 0.35*rim), wrap: vec{0.2, 0.2, 0.2}, hollow: 0.15 + 0.3*rim + 0.1*max(0, -rib)}
}

func (f *figure) hoodAt(p vec) surface {
	weave := 0.10*noise2(p.x*60, p.y*60, f.outfit.seed^1) + 0.06*noise3(p.scale(4), f.outfit.seed^2)
	x, y := p.x/1.02, (p.y-0.35)/1.75
	hem := 0.0
	if p.z > -0.2 {
		hem = bump(math.Hypot(x, y)-1.12, 0, 0.015, 1)
	}
	return surface{colour: f.outfit.main.scale(1 + weave - 0.3*hem), wrap: vec{0.2, 0.2, 0.2}, hollow: 0.15 + 0.3*hem}
}
