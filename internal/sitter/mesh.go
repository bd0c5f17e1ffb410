package sitter

import "math"

// part says which shader paints a triangle.
type part uint8

const (
	partHead part = iota
	partEar
	partNeck
	partTorso
	partHair
	partLocks // long hair that hangs from the head
	partHat
	partHood
	partHand // a hand before the face
	partArm  // arms and hands that hang
	partLegs
)

// ofBody reports whether a part keeps still when the head turns.
func (p part) ofBody() bool {
	switch p {
	case partNeck, partTorso, partHood, partArm, partLegs:
		return true
	default:
		return false
	}
}

// mesh is a grid of rows x cols points, closed around the columns.
type mesh struct {
	part       part
	rows, cols int
	open       bool // the last column does not join the first
	inside     bool // the surface runs the other way round
	pos, nrm   []vec
}

func newMesh(p part, rows, cols int, open bool, at func(v, u float64) vec) *mesh {
	m := &mesh{part: p, rows: rows, cols: cols, open: open, pos: make([]vec, rows*cols), nrm: make([]vec, rows*cols)}
	last := float64(cols)
	if open {
		last--
	}
	for i := range rows {
		for j := range cols {
			m.pos[i*cols+j] = at(float64(i)/float64(rows-1), float64(j)/last)
		}
	}
	for i := range rows {
		for j := range cols {
			left, right := (j+cols-1)%cols, (j+1)%cols
			if open {
				left, right = max(j-1, 0), min(j+1, cols-1)
			}
			du := m.pos[i*cols+right].sub(m.pos[i*cols+left])
			dv := m.pos[min(i+1, rows-1)*cols+j].sub(m.pos[max(i-1, 0)*cols+j])
			m.nrm[i*cols+j] = dv.cross(du).unit()
		}
	}
	return m
}

// triangles gives the corners of every triangle to do.
func (m *mesh) triangles(do func(corner [3]int32)) {
	cols := m.cols
	if m.open {
		cols--
	}
	for i := range m.rows - 1 {
		for j := range cols {
			a, b := int32(i*m.cols+j), int32(i*m.cols+(j+1)%m.cols)
			c, d := a+int32(m.cols), b+int32(m.cols)
			do([3]int32{a, b, c})
			do([3]int32{b, d, c})
		}
	}
}

// twoSided reports whether the inside of the surface can be seen too.
func (m *mesh) twoSided() bool { return m.part == partLocks || m.part == partHood }

// away reports whether a triangle shows its inside; a, b and c are its corners in the picture.
func (m *mesh) away(a, b, c vec) bool {
	area := (b.x-a.x)*(c.y-a.y) - (c.x-a.x)*(b.y-a.y)
	return area > 0 != m.inside
}

// joinPole gives the first row, which is one point, one normal.
func (m *mesh) joinPole() {
	var sum vec
	for j := range m.cols {
		sum = sum.add(m.nrm[m.cols+j])
	}
	sum = sum.unit()
	for j := range m.cols {
		m.nrm[j] = sum
	}
}

// shape computes the surfaces of one person in one pose.
type shape struct {
	*traits
	smile       float64 // 0 to 1
	mouthOpen   float64 // 0 to 1
	open        float64 // the eyes, 0 to 1
	yaw, glintX float64 // degrees; where the light glints in the eyes, -1 to 1
	overEyes    float64 // how far the fringe hangs over the eyes, 0 to 1
	mask        bool
	detail      float64 // of the meshes, 0 to 1: a small face needs no more points than it has pixels
}

// points is how many of n points a mesh gets.
func (s *shape) points(n int) int { return max(4, int(float64(n)*s.detail)) }

// skull is the bare head in a direction: a is the angle from straight ahead, b turns from the picture's right
// downwards. rim is 1 in the middle of the face and 0 where it turns away.
func (s *shape) skull(a, b float64) (p vec, rim float64) {
	r := math.Sin(a)
	cx, cy := math.Cos(b), math.Sin(b)
	dx, dy := r*cx, r*cy
	front := a <= math.Pi/2
	height, power := s.crown, 2.35
	if dy > 0 {
		height, power = s.chin, 5.2
	}
	power = mix(2.2, power, cy*cy)
	p.y = height * dy
	p.x = s.width * dx * (1 + s.jaw*bump(p.y-1.12, 0, 0.45, 1) + s.chinWidth*bump(p.y-1.55, 0, 0.3, 1) + (0.13+s.temple)*bump(p.y+1.02, 0, 0.55, 1))
	if front {
		rim = math.Sqrt(max(0, 1-math.Pow(r, power)))
		p.z = s.depth * rim
		return p, rim
	}
	rim = math.Sqrt(max(0, 1-r*r))
	p.z = -1.5 * rim
	if dy > 0 {
		p.y *= 1 - 0.5*step(0, 0.7, rim)
	}
	return p, 0
}

// relief is how far the features of the face stand out at x, y.
func (s *shape) relief(x, y float64) float64 {
	side := math.Abs(x)
	z := 0.07 * bump(side-0.42, y+0.36, 0.42, 0.13) // brow ridge
	z -= s.socket * bump(side-s.eyeGap+0.02, y+0.02, 0.27, 0.19)
	z += 0.055 * bump(side-s.eyeGap, y, 0.16, 0.12) // eyeball
	z -= 0.03 * bump(side-s.eyeGap, y-0.25, 0.2, 0.06) * (0.4 + s.age)
	z += s.cheekbone * bump(side-0.66, y-0.42, 0.28, 0.24)
	z += 0.09 * s.smile * bump(side-0.55, y-0.62, 0.22, 0.2)

	tip := s.noseLength
	along := y / tip // 0 between the eyes, 1 at the tip
	if along > -0.5 && along < 1.5 {
		height := mix(s.noseBridge, s.noseHeight, step(0, 1, along))
		if along < 0 {
			height = s.noseBridge * step(-0.5, 0, along)
		}
		if along > 0.86 {
			height *= step(1.32, 0.86, along)
		}
		half := mix(0.105, 0.155, step(0.2, 1, along))
		z += height * math.Exp(-math.Pow(side/half, 2.4))
		z += 0.05 * bump(x, y-tip+0.02, 0.12, 0.1)
		z += 0.17 * bump(side-s.noseWidth*0.82, y-tip-0.02, 0.085, 0.1)
		z -= 0.05 * bump(side-s.noseWidth*1.45, y-tip-0.02, 0.05, 0.12)
	}

	fold := 0.25 + 0.55*s.age + 0.7*s.smile // from the nostrils to the corners of the mouth
	if y > tip-0.1 && y < s.mouthY+0.25 {
		down := (y - tip) / (s.mouthY + 0.1 - tip)
		line := s.noseWidth + 0.1 + down*(s.mouthWidth*1.12-s.noseWidth)
		z -= 0.05 * fold * bump(side-line, 0, 0.05, 1) * step(-0.1, 0.25, down) * step(1.3, 0.8, down)
	}

	gap := 0.0
	if across := step(s.mouthWidth*1.2, s.mouthWidth*0.5, side); across > 0 && math.Abs(y-s.mouthY) < 1 {
		upper, lower := s.lipEdges(x)
		gap = lower - upper
		z += 0.075 * across * bump(y-upper+s.lipUpper*0.55, 0, s.lipUpper*0.9, 1)
		z += 0.085 * across * bump(y-lower-s.lipLower*0.6, 0, s.lipLower*0.8, 1)
		z -= 0.06 * across * bump(y-max(upper, min(lower, y)), 0, 0.022, 1)
		z -= min(0.12, 0.5*gap) * across * step(upper, upper+0.04, y) * step(lower, lower-0.04, y)
	}
	z += 0.05 * bump(x, y-s.mouthY-0.5*gap, 0.5, 0.3+0.5*gap)
	z -= 0.055 * bump(x, y-s.mouthY-0.26-gap, 0.3, 0.07)
	z -= 0.02 * bump(x, y-(tip+s.mouthY)/2-0.03, 0.035, 0.1)
	z += 0.17 * bump(x, y-s.chin+0.27, 0.3, 0.22)
	if s.mask {
		cover := s.maskCover(x, y)
		flat := 0.34*bump(x, y-0.75, 0.45, 0.5) + 0.06 + 0.012*math.Sin(y*26)
		z = mix(z, max(z*0.6, flat), cover)
	}
	return z
}

// maskCover is 1 where a mask lies on the face.
func (s *shape) maskCover(x, y float64) float64 {
	if !s.mask {
		return 0
	}
	top := s.noseLength - 0.34 + 0.28*x*x
	return step(top-0.01, top+0.01, y)
}

func (s *shape) headMesh() *mesh {
	const front = 0.738 // share of the rows that lie on the front
	m := newMesh(partHead, s.points(150), s.points(200), false, func(v, u float64) vec {
		a := v / front * math.Pi / 2
		if v > front {
			a = math.Pi/2 + (v-front)/(1-front)*math.Pi/2
		}
		p, rim := s.skull(a, 2*math.Pi*u)
		if rim > 0 {
			p.z += s.relief(p.x, p.y) * step(0, 0.3, rim)
		}
		return p
	})
	m.joinPole()
	return m
}

func (s *shape) ear(side float64) *mesh {
	m := newMesh(partEar, 24, 30, false, func(v, u float64) vec {
		a, b := v*math.Pi, 2*math.Pi*u
		x, y, z := math.Cos(a), math.Sin(a)*math.Sin(b), math.Sin(a)*math.Cos(b)
		lobe := 1 - 0.25*step(0, 1, y)
		depth := 0.26 * lobe * z
		dent := 0.05 * bump(y+0.1, z, 0.55, 0.5)
		return vec{
			side * (s.width*0.985 + 0.10*x + 0.07*(-z) - dent*step(0, 1, x)),
			0.24 + 0.41*y,
			-0.10 + depth - 0.09*y,
		}
	})
	m.inside = side > 0
	return m
}
