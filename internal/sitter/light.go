package sitter

import "math"

// lighting is one key light with shadows, a weak fill from the other side, and light from all around.
type lighting struct {
	toKey, toFill, halfway vec // directions in view space
	key, fill, sky         vec // colours
	gain                   float64
	shadows                shadowMap
}

func newLighting(p Pose) lighting {
	az := p.Light * math.Pi / 180
	const el = 32 * math.Pi / 180
	r := newRandom(p.Background, 0x11647)
	warm := r.between(-1, 1)
	l := lighting{
		toKey:  vec{math.Sin(az) * math.Cos(el), -math.Sin(el), math.Cos(az) * math.Cos(el)}.unit(),
		toFill: vec{-math.Sin(az+0.5) * 0.9, -0.15, 0.6}.unit(),
		key:    vec{1 + 0.05*warm, 0.97, 0.94 - 0.06*warm}.scale(mix(0.80, 1.22, p.Contrast)),
		fill:   vec{0.96, 0.98, 1}.scale(mix(0.26, 0.05, p.Contrast)),
		sky:    vec{0.95, 0.98, 1.03}.scale(mix(0.30, 0.13, p.Contrast)),
		gain:   math.Pow(2, p.Exposure),
	}
	tint := vec{1 + 0.13*p.Warmth, 1, 1 - 0.20*p.Warmth}
	l.key, l.fill, l.sky = l.key.times(tint), l.fill.times(tint), l.sky.times(tint)
	l.halfway = l.toKey.add(vec{0, 0, 1}).unit()
	return l
}

// shadowMap is what the key light sees: the nearest depth per texel of a parallel projection.
type shadowMap struct {
	side        int
	reach       float64 // half the width of the map, in eye distances
	right, down vec
	centre      vec
	depth       []float32
}

func (l *lighting) castShadows(sc *scene) {
	m := &l.shadows
	m.side, m.reach = 360, 2.7
	for _, f := range sc.figures {
		m.centre = m.centre.add(f.at.scale(1 / float64(len(sc.figures))))
	}
	if len(sc.figures) > 1 {
		m.reach = 4.6
	}
	m.right = vec{0, 1, 0}.cross(l.toKey).unit()
	m.down = l.toKey.cross(m.right)
	m.depth = make([]float32, m.side*m.side)
	for i := range m.depth {
		m.depth[i] = -1e9
	}
	for _, f := range sc.figures {
		for _, me := range f.meshes {
			if me.part == partTorso || me.part == partArm || me.part == partLegs {
				continue
			}
			at := make([]vec, len(me.pos))
			for i, p := range me.pos {
				at[i].x, at[i].y, at[i].z = m.place(f.view(me.part, p), l.toKey)
			}
			me.triangles(func(corner [3]int32) {
				a, b, c := at[corner[0]], at[corner[1]], at[corner[2]]
				if me.part == partHood && inHoodOpening(me.pos[corner[0]]) || !me.twoSided() && me.away(a, b, c) {
					return
				}
				m.fill([3]float64{a.x, b.x, c.x}, [3]float64{a.y, b.y, c.y}, [3]float64{a.z, b.z, c.z})
			})
		}
	}
}

// place returns texel coordinates and the depth towards the light.
func (m *shadowMap) place(p, light vec) (x, y, z float64) {
	p = p.sub(m.centre)
	k := float64(m.side) / (2 * m.reach)
	return p.dot(m.right)*k + float64(m.side)/2, p.dot(m.down)*k + float64(m.side)/2, p.dot(light)
}

func (m *shadowMap) fill(x, y, z [3]float64) {
	x0, x1 := max(0, int(math.Floor(min(x[0], x[1], x[2])))), min(m.side-1, int(math.Ceil(max(x[0], x[1], x[2]))))
	y0, y1 := max(0, int(math.Floor(min(y[0], y[1], y[2])))), min(m.side-1, int(math.Ceil(max(y[0], y[1], y[2]))))
	area := (x[1]-x[0])*(y[2]-y[0]) - (x[2]-x[0])*(y[1]-y[0])
	if area == 0 {
		return
	}
	for j := y0; j <= y1; j++ {
		for i := x0; i <= x1; i++ {
			px, py := float64(i), float64(j)
			v := ((px-x[0])*(y[2]-y[0]) - (x[2]-x[0])*(py-y[0])) / area
			w := ((x[1]-x[0])*(py-y[0]) - (px-x[0])*(y[1]-y[0])) / area
			u := 1 - v - w
			if u < 0 || v < 0 || w < 0 {
				continue
			}
			if d := float32(u*z[0] + v*z[1] + w*z[2]); d > m.depth[j*m.side+i] {
				m.depth[j*m.side+i] = d
			}
		}
	}
}

// lit is the share of the key light that reaches a view point: a soft comparison over 5 x 5 texels.
func (l *lighting) lit(p, n vec) float64 {
	m := &l.shadows
	x, y, z := m.place(p.add(n.scale(0.05)), l.toKey)
	z += 0.04
	i0, j0 := int(x)-2, int(y)-2
	if i0 < 0 || j0 < 0 || i0+4 >= m.side || j0+4 >= m.side {
		return 1
	}
	fx, fy := x-math.Floor(x), y-math.Floor(y)
	var sum float64
	for j := range 5 {
		wy := shareOf(j, fy)
		row := m.depth[(j0+j)*m.side+i0:]
		for i := range 5 {
			if float64(row[i]) <= z {
				sum += shareOf(i, fx) * wy
			}
		}
	}
	return sum / 16
}

// shareOf is how much of cell i of five lies in a window four cells wide that begins the fraction f into the first.
func shareOf(i int, f float64) float64 {
	switch i {
	case 0:
		return 1 - f
	case 4:
		return f
	default:
		return 1
	}
}

// surface is what a shader knows of a point: its colour, how it shines, and where light wraps around it.
type surface struct {
	colour vec
	shine  float64 // strength of the highlight
	tight  float64 // exponent of the highlight
	wrap   vec     // how far each colour of light creeps past the edge of shadow: under skin red does most
	hollow float64 // share of the surrounding light that is lost in folds
	noCast bool    // takes no cast shadow
}

// light shades a surface point.
func (l *lighting) light(s surface, p, n vec) vec {
	d := n.dot(l.toKey)
	shadow := 1.0
	if !s.noCast && d > -0.4 {
		shadow = l.lit(p, n)
	}
	part := func(w float64) float64 { return max(0, (d+w)/(1+w)) }
	key := vec{part(s.wrap.x), part(s.wrap.y), part(s.wrap.z)}
	// The rim of a cast shadow glows red on skin for the same reason as the wrap.
	key = key.times(vec{mix(shadow, math.Sqrt(shadow), s.wrap.x), shadow, shadow})
	around := (0.75 - 0.25*n.y) * (1 - s.hollow)
	fill := max(0, n.dot(l.toFill)*0.8+0.2)
	out := s.colour.times(l.key.times(key).add(l.sky.scale(around)).add(l.fill.scale(fill * (1 - 0.5*s.hollow))))
	if s.shine > 0 {
		h := max(0, n.dot(l.halfway))
		out = out.add(l.key.scale(s.shine * math.Pow(h, s.tight) * shadow * (1 - s.hollow)))
	}
	return out
}

// shade is the colour of a point of a person.
func (sc *scene) shade(f *figure, which part, p, n vec) vec {
	var s surface
	switch which {
	case partHead:
		s, n = f.face(p, n)
	case partEar:
		s = f.skinAt(p)
		s.colour = s.colour.times(vec{1.02, 0.88, 0.86})
		s.hollow = 0.5 * bump(p.y-0.22, p.z+0.08, 0.2, 0.12)
	case partNeck:
		s = f.skinAt(p)
		s.hollow = 0.55 * step(2.0, 1.2, p.y)
	case partTorso:
		s, n = f.clothes(p, n)
	case partHair, partLocks:
		s = f.hairAt(p, which == partLocks)
	case partHat:
		s = f.hatAt(p)
	case partHood:
		s = f.hoodAt(p)
	case partHand, partArm:
		s = f.skinAt(p)
	case partLegs:
		s = f.trousers(p)
	}
	v := f.viewNormal(which, n)
	if (which == partLocks || which == partHood) && v.z < 0 {
		v = v.scale(-1)
		s.hollow = 0.6
	}
	return sc.light.light(s, f.view(which, p), v)
}

func (s *shape) hairAt(p vec, lock bool) surface {
	k := s.strand(p, lock)
	c := s.hair.scale(max(0.25, 1+0.6*k))
	edge := 0.0
	if !lock {
		edge = 0.3 * step(0.25, 0, s.hairEdge(p)-p.y)
	}
	return surface{
		colour: c, shine: 0.05 * max(0, 0.6+k) * (0.3 + 2*s.hair.y), tight: 9, wrap: vec{0.3, 0.3, 0.3}, hollow: 0.15 + edge,
	}
}
