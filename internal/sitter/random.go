package sitter

import "math"

// random is SplitMix64: small, seeded by two numbers, and the same on every platform and Go version, which the standard
// library does not promise.
type random struct{ state uint64 }

func newRandom(seed, stream uint64) *random {
	r := &random{state: seed ^ stream*0xd1342543de82ef95}
	r.next()
	return r
}

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// unit is uniform in [0, 1).
func (r *random) unit() float64 { return float64(r.next()>>11) / (1 << 53) }

func (r *random) between(lo, hi float64) float64 { return lo + (hi-lo)*r.unit() }

func (r *random) chance(p float64) bool { return r.unit() < p }

// bell is roughly normal with standard deviation 1, and never beyond 3.
func (r *random) bell() float64 {
	sum := -6.0
	for range 12 {
		sum += r.unit()
	}
	return max(-3, min(3, sum))
}

func (r *random) pick(n int) int { return int(r.next() % uint64(n)) }

func hash(x, y, z int32, seed uint32) float64 {
	h := uint32(x)*0x8da6b343 ^ uint32(y)*0xd8163841 ^ uint32(z)*0xcb1ab31f ^ seed*0x9e3779b9
	h ^= h >> 15
	h *= 0x2c1b3c6d
	h ^= h >> 12
	h *= 0x297a2d39
	h ^= h >> 15
	return float64(h)*(2.0/(1<<32)) - 1
}

func floor(v float64) (int32, float64) {
	f := math.Floor(v)
	return int32(f), v - f
}

func ease(t float64) float64 { return t * t * (3 - 2*t) }

// noise2 is value noise in -1..1 with features of about one unit.
func noise2(x, y float64, seed uint32) float64 {
	xi, xf := floor(x)
	yi, yf := floor(y)
	xf, yf = ease(xf), ease(yf)
	a := mix(hash(xi, yi, 0, seed), hash(xi+1, yi, 0, seed), xf)
	b := mix(hash(xi, yi+1, 0, seed), hash(xi+1, yi+1, 0, seed), xf)
	return mix(a, b, yf)
}

// noise3 is noise2 in space, so that a pattern sticks to a curved surface.
func noise3(p vec, seed uint32) float64 {
	xi, xf := floor(p.x)
	yi, yf := floor(p.y)
	zi, zf := floor(p.z)
	xf, yf, zf = ease(xf), ease(yf), ease(zf)
	a := mix(mix(hash(xi, yi, zi, seed), hash(xi+1, yi, zi, seed), xf),
		mix(hash(xi, yi+1, zi, seed), hash(xi+1, yi+1, zi, seed), xf), yf)
	b := mix(mix(hash(xi, yi, zi+1, seed), hash(xi+1, yi, zi+1, seed), xf),
		mix(hash(xi, yi+1, zi+1, seed), hash(xi+1, yi+1, zi+1, seed), xf), yf)
	return mix(a, b, zf)
}

// unit clamps to 0..1.
func unit(v float64) float64 { return max(0, min(1, v)) }

func mix(a, b, t float64) float64 { return a + (b-a)*t }

// step rises smoothly from 0 at a to 1 at b; with a > b it falls.
func step(a, b, v float64) float64 {
	t := (v - a) / (b - a)
	if t <= 0 {
		return 0
	}
	if t >= 1 {
		return 1
	}
	return ease(t)
}

// bump is a bell of height 1 and the given half-widths around 0. It ends at 3 half-widths, so that most of the face
// costs no exponential.
func bump(x, y, wx, wy float64) float64 {
	q := x*x/(wx*wx) + y*y/(wy*wy)
	if q > 9 {
		return 0
	}
	return math.Exp(-q)
}
