package photo

import "math"

// affine maps a point: (x, y) to (a x + b y + c, d x + e y + f). Coordinates are continuous: the centre of the top left
// pixel is (0.5, 0.5).
type affine struct{ a, b, c, d, e, f float64 }

func (m affine) at(x, y float64) (float64, float64) {
	return m.a*x + m.b*y + m.c, m.d*x + m.e*y + m.f
}

// then is the map that does m first and n after it.
func (m affine) then(n affine) affine {
	return affine{
		n.a*m.a + n.b*m.d, n.a*m.b + n.b*m.e, n.a*m.c + n.b*m.f + n.c,
		n.d*m.a + n.e*m.d, n.d*m.b + n.e*m.e, n.d*m.c + n.e*m.f + n.f,
	}
}

// scale is the length that a unit becomes, for a map without shear.
func (m affine) scale() float64 { return math.Sqrt(math.Abs(m.a*m.e - m.b*m.d)) }

// similarity is the map without shear that takes p0 to q0 and p1 to q1. The points p must differ.
func similarity(p0, p1, q0, q1 Point) affine {
	px, py := p1.X-p0.X, p1.Y-p0.Y
	qx, qy := q1.X-q0.X, q1.Y-q0.Y
	n := px*px + py*py
	c, s := (qx*px+qy*py)/n, (qy*px-qx*py)/n
	return affine{c, -s, q0.X - c*p0.X + s*p0.Y, s, c, q0.Y - s*p0.X - c*p0.Y}
}

// Point is a position in pixels of the upright picture, origin at the top left corner.
type Point struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

func (p Point) to(q Point) (dx, dy float64) { return q.X - p.X, q.Y - p.Y }

func distance(p, q Point) float64 { return math.Hypot(q.X-p.X, q.Y-p.Y) }

func middle(p, q Point) Point { return Point{(p.X + q.X) / 2, (p.Y + q.Y) / 2} }

func clamp(v, low, high float64) float64 { return min(max(v, low), high) }
