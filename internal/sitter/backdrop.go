package sitter

import "math"

// backdrop is what is behind, out of focus: computed on a coarse grid and interpolated.
type backdrop struct {
	cols, rows int
	cell       float64
	grid       []vec
}

type disc struct {
	x, y, r float64
	colour  vec
}

func newBackdrop(sc *scene) *backdrop {
	const fine = 160
	cell := float64(max(sc.width, sc.height)) / fine
	b := &backdrop{cols: int(float64(sc.width)/cell) + 3, rows: int(float64(sc.height)/cell) + 3, cell: cell}
	b.grid = make([]vec, b.cols*b.rows)
	r := newRandom(sc.pose.Background, 0xbac)
	paint := painters[place(r.pick(len(painters)))](r)
	tall := float64(sc.height) / float64(sc.width)
	for j := range b.rows {
		for i := range b.cols {
			x := float64(i) * cell / float64(sc.width)
			y := float64(j) * cell / float64(sc.height)
			b.grid[j*b.cols+i] = paint(x, y*tall)
		}
	}
	return b
}

func (b *backdrop) at(px, py float64) vec {
	xi, xf := floor(px / b.cell)
	yi, yf := floor(py / b.cell)
	o := int(yi)*b.cols + int(xi)
	return b.grid[o].mix(b.grid[o+1], xf).mix(b.grid[o+b.cols].mix(b.grid[o+b.cols+1], xf), yf)
}

// place is what a backdrop shows.
type place int

const (
	inStudio place = iota
	atWall
	inOffice
	inPark
	inEvening
)

// painters make pictures of places; x runs over 0..1, y downwards in the same unit.
var painters = [...]func(r *random) func(x, y float64) vec{studio, wall, office, park, evening}

// backgroundOf draws seeds until one shows the place.
func backgroundOf(r *random, p place) uint64 {
	for {
		seed := r.next()
		if place(newRandom(seed, 0xbac).pick(len(painters))) == p {
			return seed
		}
	}
}

func colourOf(r *random, list ...uint32) vec { return srgb(list[r.pick(len(list))]) }

func studio(r *random) func(x, y float64) vec {
	c := colourOf(r, 0x8f979e, 0x5f6b78, 0xa39a8e, 0x47505b, 0xb6b9ba, 0x6d5f58)
	cx, seed := r.between(0.25, 0.75), uint32(r.next())
	return func(x, y float64) vec {
		v := 1.15 - 0.75*math.Hypot(x-cx, y-0.4)
		return c.scale(v + 0.05*noise2(x*3, y*3, seed) + 0.02*noise2(x*11, y*11, seed))
	}
}

func wall(r *random) func(x, y float64) vec {
	c := colourOf(r, 0xcfc6b6, 0xb9c3c2, 0xd8d3cb, 0x9fae9c, 0xc2a58c)
	seed := uint32(r.next())
	edge, frame := r.between(0.05, 0.3), colourOf(r, 0x3c3a38, 0x7a5a3a, 0xe8e4dc)
	picture := colourOf(r, 0x51708a, 0x8a5d4b, 0x6c7a4e)
	return func(x, y float64) vec {
		v := c.scale(0.75 + 0.35*x + 0.04*noise2(x*6, y*6, seed))
		in := step(0.02, 0, math.Abs(x-edge)-0.14) * step(0.02, 0, math.Abs(y-0.22)-0.17)
		art := step(0.02, 0, math.Abs(x-edge)-0.11) * step(0.02, 0, math.Abs(y-0.22)-0.14)
		return v.mix(frame, in).mix(picture.scale(1+0.4*noise2(x*9, y*9, seed)), art)
	}
}

func office(r *random) func(x, y float64) vec {
	seed := uint32(r.next())
	glass, shelf := colourOf(r, 0xc9d8e4, 0xe7ecef, 0xb7c6cf), colourOf(r, 0x6b5744, 0x55585c, 0x8b8378)
	split := r.between(0.3, 0.7)
	return func(x, y float64) vec {
		pane := math.Abs(math.Mod(x*3.3+5, 1) - 0.5)
		window := glass.scale(0.9+0.12*noise2(x*3, y*4, seed)).mix(shelf.scale(0.6), step(0.42, 0.47, pane))
		books := shelf.scale(0.55 + 0.3*noise2(x*26, math.Floor(y*6)*7, seed) + 0.12*noise2(x*5, y*5, seed^1))
		books = books.mix(shelf.scale(0.3), step(0.40, 0.46, math.Abs(math.Mod(y*6, 1)-0.5)))
		return books.mix(window, step(split-0.03, split+0.03, x)).mix(shelf.scale(0.5), step(0.75, 0.95, y))
	}
}

func park(r *random) func(x, y float64) vec {
	seed := uint32(r.next())
	sky, leaf := colourOf(r, 0xbfd6ea, 0xdfe6e8, 0xa9c7e2), colourOf(r, 0x55713b, 0x3f5d35, 0x7d8444, 0x8b6a36)
	dots := discs(r, 40, func() vec { return leaf.scale(r.between(0.6, 2.0)) }, 0.02, 0.06)
	horizon := r.between(0.25, 0.5)
	return func(x, y float64) vec {
		n := noise2(x*4, y*4, seed) + 0.5*noise2(x*9, y*9, seed^1)
		c := sky.mix(leaf.scale(0.75+0.35*n), step(horizon-0.2, horizon+0.15, y+0.16*n))
		return overlay(c, dots, x, y, 0.45*step(horizon-0.2, horizon+0.1, y))
	}
}

func evening(r *random) func(x, y float64) vec {
	seed := uint32(r.next())
	base := colourOf(r, 0x2a3040, 0x3a2f33, 0x26363a, 0x40363a)
	lamp := []vec{srgb(0xffd9a0), srgb(0xffb36b), srgb(0xcfe3ff), srgb(0xffe9c9)}
	dots := discs(r, 30, func() vec { return lamp[r.pick(4)].scale(r.between(0.3, 0.8)) }, 0.02, 0.05)
	return func(x, y float64) vec {
		c := base.scale(1 + 0.35*noise2(x*3, y*3, seed) - 0.3*y)
		return overlay(c, dots, x, y, 0.5)
	}
}

func discs(r *random, n int, colour func() vec, lo, hi float64) []disc {
	out := make([]disc, n)
	for i := range out {
		out[i] = disc{x: r.unit(), y: r.between(0, 0.9), r: r.between(lo, hi), colour: colour()}
	}
	return out
}

func overlay(c vec, dots []disc, x, y, strength float64) vec {
	for _, d := range dots {
		if q := math.Hypot(x-d.x, y-d.y); q < d.r+0.01 {
			c = c.mix(d.colour, strength*step(d.r+0.008, d.r-0.008, q))
		}
	}
	return c
}
