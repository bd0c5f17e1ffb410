package sitter

import (
	"math"
	"runtime"
)

// samples per pixel side: the depth buffer is this much finer than the picture, so that outlines are smooth, while a
// pixel that lies on one surface is shaded once.
const oversample = 2

// buffer holds the nearest triangle of each sample; 0 is the background, i+1 triangle i.
type buffer struct {
	width, height int
	depth         []float32
	tri           []uint32
}

func (sc *scene) rasterise() *buffer {
	w, h := sc.width*oversample, sc.height*oversample
	b := &buffer{width: w, height: h, depth: make([]float32, w*h), tri: make([]uint32, w*h)}
	bands(h, h/(2*runtime.GOMAXPROCS(0))+1, func(from, to int) {
		for i := range sc.tris {
			b.fill(&sc.tris[i], uint32(i+1), from, to)
		}
	})
	return b
}

// fill draws the part of t that lies in the given rows.
func (b *buffer) fill(t *triangle, id uint32, from, to int) {
	const k = oversample
	y0 := max(from, int(math.Ceil(min(t.y[0], t.y[1], t.y[2])*k-0.5)))
	y1 := min(to-1, int(math.Floor(max(t.y[0], t.y[1], t.y[2])*k-0.5)))
	if y0 > y1 {
		return
	}
	x0 := max(0, int(math.Ceil(min(t.x[0], t.x[1], t.x[2])*k-0.5)))
	x1 := min(b.width-1, int(math.Floor(max(t.x[0], t.x[1], t.x[2])*k-0.5)))
	area := (t.x[1]-t.x[0])*(t.y[2]-t.y[0]) - (t.x[2]-t.x[0])*(t.y[1]-t.y[0])
	if x0 > x1 || area == 0 {
		return
	}
	ragged := t.mesh.part == partHair || t.mesh.part == partLocks || t.mesh.part == partHood
	for y := y0; y <= y1; y++ {
		for x := x0; x <= x1; x++ {
			px, py := (float64(x)+0.5)/k, (float64(y)+0.5)/k
			u, v, w := t.weights(px, py, area)
			if u < 0 || v < 0 || w < 0 {
				continue
			}
			z := float32(u*t.z[0] + v*t.z[1] + w*t.z[2])
			o := y*b.width + x
			if z <= b.depth[o] {
				continue
			}
			if ragged && t.fig.cut(t.mesh.part, t.model(u, v, w)) {
				continue
			}
			b.depth[o], b.tri[o] = z, id
		}
	}
}

// weights are the barycentric coordinates of a pixel.
func (t *triangle) weights(px, py, area float64) (u, v, w float64) {
	v = ((px-t.x[0])*(t.y[2]-t.y[0]) - (t.x[2]-t.x[0])*(py-t.y[0])) / area
	w = ((t.x[1]-t.x[0])*(py-t.y[0]) - (px-t.x[0])*(t.y[1]-t.y[0])) / area
	return 1 - v - w, v, w
}

func (t *triangle) model(u, v, w float64) vec {
	p := t.mesh.pos
	return p[t.corner[0]].scale(u).add(p[t.corner[1]].scale(v)).add(p[t.corner[2]].scale(w))
}

func (t *triangle) normal(u, v, w float64) vec {
	n := t.mesh.nrm
	return n[t.corner[0]].scale(u).add(n[t.corner[1]].scale(v)).add(n[t.corner[2]].scale(w)).unit()
}

// pixel is the light that reaches the camera through a pixel.
func (sc *scene) pixel(b *buffer, back *backdrop, x, y int) vec {
	var ids [oversample * oversample]uint32
	same := true
	for j := range oversample {
		for i := range oversample {
			id := b.tri[(y*oversample+j)*b.width+x*oversample+i]
			ids[j*oversample+i] = id
			same = same && sc.alike(id, ids[0])
		}
	}
	if same {
		return sc.sample(back, ids[0], float64(x)+0.5, float64(y)+0.5)
	}
	var sum vec
	for k, id := range ids {
		px := float64(x) + (float64(k%oversample)+0.5)/oversample
		py := float64(y) + (float64(k/oversample)+0.5)/oversample
		sum = sum.add(sc.sample(back, id, px, py))
	}
	return sum.scale(1.0 / (oversample * oversample))
}

// alike reports whether two triangles belong to one surface.
func (sc *scene) alike(a, b uint32) bool {
	if a == 0 || b == 0 {
		return a == b
	}
	return sc.tris[a-1].mesh == sc.tris[b-1].mesh
}

func (sc *scene) sample(back *backdrop, id uint32, px, py float64) vec {
	var c vec
	depth := 0.0
	if id == 0 {
		c = back.at(px, py)
	} else {
		t := &sc.tris[id-1]
		area := (t.x[1]-t.x[0])*(t.y[2]-t.y[0]) - (t.x[2]-t.x[0])*(t.y[1]-t.y[0])
		u, v, w := t.weights(px, py, area)
		// The pixel's centre may lie just outside the sampled triangle.
		u, v, w = max(0, min(1, u)), max(0, min(1, v)), max(0, min(1, w))
		sum := u + v + w
		u, v, w = u/sum, v/sum, w/sum
		depth = u*t.z[0] + v*t.z[1] + w*t.z[2]
		n := t.normal(u, v, w)
		if t.mesh.inside {
			n = n.scale(-1)
		}
		c = sc.shade(t.fig, t.mesh.part, t.model(u, v, w), n)
	}
	for _, f := range sc.figures {
		if f.pose.Glasses || f.pose.Sunglasses {
			c = sc.eyewear(f, c, px, py, depth)
		}
	}
	return c.scale(sc.light.gain)
}
