package sitter

import "math"

// outfit is what a person wears in one picture.
type outfit struct {
	kind          int // 0 T-shirt, 1 shirt, 2 jacket over a shirt, 3 pullover
	main, second  vec
	stripes, knit float64
	neckline      float64
	seed          uint32
}

var cloth = []uint32{
	0x23324a, 0x5c6b7a, 0x7d2f2f, 0x2f5144, 0x33302e, 0xa9a7a2, 0x8a6a4a, 0x4a3f5e, 0x2e6079, 0xb4552f, 0x1d1f24, 0x6a7c59,
}

func newOutfit(taste, seed uint64) outfit {
	r := newRandom(taste^seed*0x9e3779b9, 0xc107)
	o := outfit{kind: r.pick(4), main: srgb(cloth[r.pick(len(cloth))]), seed: uint32(r.next())}
	o.second = srgb([...]uint32{0xe9e9e6, 0xcfdbe6, 0xe8ddd0, 0x2b2e36}[r.pick(4)])
	if r.chance(0.3) {
		o.stripes = r.between(3, 7)
	}
	o.knit = r.between(0.3, 1)
	o.neckline = r.between(0, 0.25)
	return o
}

// clothes paints the torso, skin in the neckline included.
func (f *figure) clothes(p, n vec) (surface, vec) {
	o := &f.outfit
	side := math.Abs(p.x)
	drop := p.y - neckBase
	weave := 0.10*noise2(p.x*70, p.y*70, o.seed^1)*o.knit + 0.07*noise2(p.x*24, p.y*24, o.seed^2)
	creases := noise2(p.x*1.7+0.5*p.y, p.y*1.1, o.seed^3) + 0.5*noise2(p.x*3.9-p.y, p.y*2.2, o.seed^4)
	n = n.add(vec{0.16 * creases, 0.10 * noise2(p.x*2.4, p.y*2.9, o.seed^5), 0}).unit()
	out := surface{colour: o.main.scale(1 + weave), wrap: vec{0.15, 0.15, 0.15}, hollow: 0.12 + 0.1*max(0, -creases)}
	if o.stripes > 0 && o.kind != 2 {
		out.colour = out.colour.mix(o.second.scale(0.8*(1+weave)), 0.6*step(0.1, 0.25, math.Sin(p.y*o.stripes*3)))
	}
	front := p.z > -0.4
	switch {
	case !front:
	case o.kind == 0:
		f.neckHole(&out, p, drop-(0.30+0.6*o.neckline-0.35*p.x*p.x), 0.10)
	case o.kind == 1:
		f.neckHole(&out, p, drop-(0.95-1.9*side), 0)
		f.collar(&out, side, drop, o.main.scale(1.12*(1+weave)))
	case o.kind == 2:
		lapel := drop - (2.9 - 2.6*side)
		if lapel < 0 {
			out.colour = o.second.scale(1 + 0.6*weave)
			f.neckHole(&out, p, drop-(0.75-1.9*side), 0)
			f.collar(&out, side, drop, o.second.scale(1.04))
		}
		edge := bump(lapel, 0, 0.035, 1)
		seam := bump(drop-(2.9-1.9*side)-0.1, 0, 0.03, 1) * step(0.35, 0.5, side)
		out.colour = out.colour.scale(1 - 0.5*edge - 0.35*seam)
	default:
		f.neckHole(&out, p, drop-(0.12-0.3*p.x*p.x), 0.16)
	}
	return out, n
}

// neckHole shows skin where depth is negative, and a hem of the given width below.
func (f *figure) neckHole(out *surface, p vec, depth, hem float64) {
	if depth < 0 {
		skin := f.skinAt(p)
		skin.hollow = 0.25 + 0.3*step(-0.08, 0, depth)
		*out = skin
		return
	}
	if hem > 0 && depth < hem {
		out.colour = out.colour.scale(0.9 + 0.08*math.Sin(p.x*90))
		out.hollow += 0.3 * bump(depth-hem, 0, 0.02, 1)
	}
}

func (f *figure) collar(out *surface, side, drop float64, colour vec) {
	outer := drop - (1.25 - 0.9*side)
	inner := drop - (0.95 - 1.9*side)
	if inner > 0 && outer < 0 && side < 0.95 {
		out.colour = colour
		out.hollow = 0.05
	}
	edge := bump(outer, 0, 0.03, 1) * step(1.05, 0.95, side)
	out.colour = out.colour.scale(1 - 0.4*edge)
	if out.colour != colour && side < 0.04 && drop > 1.3 {
		out.colour = out.colour.scale(0.9)
	}
}
