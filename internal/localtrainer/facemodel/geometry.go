package facemodel

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/inflio/persona/internal/photo"
)

// side is the width of a texture in pixels; eyes lie 131 pixels apart in it, so that a face in a generated picture of
// 1024 pixels is enlarged twice, and its sharpness, which is judged at 80 pixels, is the photos' own.
const side = 512

// The shape of a face: landmarks in the frame of a texture, where the eyes lie where photo.PreparedEyes puts them. The
// ends of the brows and the outer corners of the eyes are left out, because they are not found exactly enough.
const (
	eyeLeft = iota
	eyeRight
	nose
	mouthLeft
	mouthRight
	lipUpper
	lipLower
	browLeft
	browRight
	shapePoints
)

type point struct{ x, y float64 }

func (p point) mix(q point, t float64) point { return point{p.x + (q.x-p.x)*t, p.y + (q.y-p.y)*t} }

type shape [shapePoints]point

func (s shape) mix(t shape, share float64) shape {
	for i := range s {
		s[i] = s[i].mix(t[i], share)
	}
	return s
}

// mirrored is the shape of the picture flipped left to right.
func (s shape) mirrored() shape {
	swap := [shapePoints]int{eyeRight, eyeLeft, nose, mouthRight, mouthLeft, lipUpper, lipLower, browRight, browLeft}
	var out shape
	for i, from := range swap {
		out[i] = point{side - s[from].x, s[from].y}
	}
	return out
}

func frameEyes() [2]point {
	e := photo.PreparedEyes(side)
	return [2]point{{e[0].X, e[0].Y}, {e[1].X, e[1].Y}}
}

func eyeDistance() float64 {
	e := frameEyes()
	return e[1].x - e[0].x
}

// similarity turns, scales and moves.
type similarity struct{ c, s, x, y float64 }

// align is the similarity that takes p to q, which are pairs of different points.
func align(p, q [2]point) similarity {
	px, py := p[1].x-p[0].x, p[1].y-p[0].y
	qx, qy := q[1].x-q[0].x, q[1].y-q[0].y
	n := px*px + py*py
	m := similarity{c: (qx*px + qy*py) / n, s: (qy*px - qx*py) / n}
	m.x = q[0].x - m.c*p[0].x + m.s*p[0].y
	m.y = q[0].y - m.s*p[0].x - m.c*p[0].y
	return m
}

func (m similarity) at(p point) point { return point{m.c*p.x - m.s*p.y + m.x, m.s*p.x + m.c*p.y + m.y} }

// warp is a smooth displacement of the texture's frame, on a grid of warpStep pixels.
type warp struct{ dx, dy []float64 }

const (
	warpStep = 8
	warpSide = side/warpStep + 1
)

// newWarp warps the frame so that each point of from is moved to its point of to: a thin-plate spline (Bookstein, 1989)
// with fixed points on a ring around the head, so that hair and background do not move.
func newWarp(from, to shape) (*warp, error) {
	anchors, moves := from[:], make([]point, 0, 24)
	for i := range from {
		moves = append(moves, point{to[i].x - from[i].x, to[i].y - from[i].y})
	}
	eyes, ied := frameEyes(), eyeDistance()
	centre := point{side / 2, eyes[0].y + 0.45*ied}
	anchors = append([]point(nil), anchors...)
	for i := range 14 {
		a := 2 * math.Pi * float64(i) / 14
		anchors = append(anchors, point{centre.x + 1.75*ied*math.Cos(a), centre.y + 1.9*ied*math.Sin(a)})
		moves = append(moves, point{})
	}
	n := len(anchors)
	system, values := mat.NewDense(n+3, n+3, nil), mat.NewDense(n+3, 2, nil)
	for i, p := range anchors {
		for j, q := range anchors {
			system.Set(i, j, plate(p, q))
		}
		for k, v := range [3]float64{1, p.x / side, p.y / side} {
			system.Set(i, n+k, v)
			system.Set(n+k, i, v)
		}
		values.Set(i, 0, moves[i].x)
		values.Set(i, 1, moves[i].y)
	}
	var k mat.Dense
	if err := k.Solve(system, values); err != nil {
		return nil, errors.New("facemodel: two landmarks of a face coincide")
	}
	w := &warp{dx: make([]float64, warpSide*warpSide), dy: make([]float64, warpSide*warpSide)}
	for j := range warpSide {
		for i := range warpSide {
			p := point{float64(i * warpStep), float64(j * warpStep)}
			o := j*warpSide + i
			w.dx[o] = k.At(n, 0) + k.At(n+1, 0)*p.x/side + k.At(n+2, 0)*p.y/side
			w.dy[o] = k.At(n, 1) + k.At(n+1, 1)*p.x/side + k.At(n+2, 1)*p.y/side
			for a, q := range anchors {
				u := plate(p, q)
				w.dx[o] += k.At(a, 0) * u
				w.dy[o] += k.At(a, 1) * u
			}
			// The spline is fixed on the ring only; far from the face nothing may move.
			far := math.Hypot((p.x-centre.x)/(1.75*ied), (p.y-centre.y)/(1.9*ied))
			keep := 1 - smooth(0.85, 1, far)
			w.dx[o] *= keep
			w.dy[o] *= keep
		}
	}
	return w, nil
}

// plate is the thin-plate kernel, r² log r, of distances in texture widths.
func plate(p, q point) float64 {
	r2 := ((p.x-q.x)*(p.x-q.x) + (p.y-q.y)*(p.y-q.y)) / (side * side)
	if r2 == 0 {
		return 0
	}
	return 0.5 * r2 * math.Log(r2)
}

// at is where p goes; outside the frame it stays.
func (w *warp) at(p point) point {
	gx, gy := p.x/warpStep, p.y/warpStep
	i, j := int(math.Floor(gx)), int(math.Floor(gy))
	if i < 0 || j < 0 || i >= warpSide-1 || j >= warpSide-1 {
		return p
	}
	fx, fy := gx-float64(i), gy-float64(j)
	o := j*warpSide + i
	blend := func(v []float64) float64 {
		top := v[o] + (v[o+1]-v[o])*fx
		low := v[o+warpSide] + (v[o+warpSide+1]-v[o+warpSide])*fx
		return top + (low-top)*fy
	}
	return point{p.x + blend(w.dx), p.y + blend(w.dy)}
}

// smooth rises from 0 at a to 1 at b.
func smooth(a, b, v float64) float64 {
	t := max(0, min(1, (v-a)/(b-a)))
	return t * t * (3 - 2*t)
}
