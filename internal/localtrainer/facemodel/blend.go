package facemodel

import (
	"image"
	"math"
	"math/rand/v2"

	"github.com/inflio/persona/internal/sitter"
)

// blend draws a person in place of a stranger: both faces are warped to an intermediate shape and mixed.
func (m *model) blend(stranger sitter.Portrait, p person, likeness float64, random *rand.Rand) (*image.RGBA, error) {
	spot := func(v [2]float64) point { return point{v[0], v[1]} }
	eyes := [2]point{spot(stranger.Eyes[0]), spot(stranger.Eyes[1])}
	toFrame, toPicture := align(eyes, frameEyes()), align(frameEyes(), eyes)
	theirs := shape{frameEyes()[0], frameEyes()[1], toFrame.at(spot(stranger.Nose))}
	for i, v := range stranger.Mouth {
		theirs[mouthLeft+i] = toFrame.at(spot(v))
	}
	theirs[browLeft], theirs[browRight] = toFrame.at(spot(stranger.Brows[0])), toFrame.at(spot(stranger.Brows[1]))
	goal := theirs.mix(p.shape, likeness)
	toMean, err := newWarp(goal, m.meanShape)
	if err != nil {
		return nil, err
	}
	toStranger, err := newWarp(goal, theirs)
	if err != nil {
		return nil, err
	}
	around := 0.0
	if likeness >= surroundFrom {
		around = 1
	}
	far := p.around.softened()
	size := stranger.Image.Rect.Size()
	out := newCanvas(size.X, size.Y)
	inParallel(size.Y, func(from, to int) {
		for y := from; y < to; y++ {
			for x := range size.X {
				q := toFrame.at(point{float64(x) + 0.5, float64(y) + 0.5})
				mask := faceMask(q)
				person := around + (likeness-around)*mask
				var c colour
				if person > 0 {
					c = p.colour(q, toMean, mask, far).scaled(person)
				}
				if person < 1 {
					r, g, b := bilinear(stranger.Image, toPicture.at(toStranger.at(q)))
					luma, cb, cr := toYCbCr(r, g, b)
					c = c.plus(colour{luma, cb, cr}.scaled(1 - person))
				}
				out.set(x, y, c)
			}
		}
	})
	enlarged := toPicture.c*toPicture.c + toPicture.s*toPicture.s
	return out.finish(0.6*math.Sqrt(enlarged), random.Uint64()), nil
}

// colour is luma, blue and red difference.
type colour [3]float64

func (c colour) scaled(k float64) colour { return colour{k * c[0], k * c[1], k * c[2]} }
func (c colour) plus(d colour) colour    { return colour{c[0] + d[0], c[1] + d[1], c[2] + d[2]} }

// colour reads the person at a point of the frame in the goal's shape. Beyond the frame the picture continues out
// of focus.
func (p *person) colour(q point, toMean *warp, mask float64, far texture) colour {
	outside := max(-q.x, q.x-side, -q.y, q.y-side)
	at := toMean.at(q)
	read := func(t texture) (c colour) {
		c[0] = t.luma(at)
		c[1], c[2] = t.chroma(at)
		return c
	}
	blur := smooth(-6, 10, outside)
	var c colour
	if blur < 1 {
		if mask < 1 {
			c = read(p.around).scaled((1 - blur) * (1 - mask))
		}
		if mask > 0 {
			c = c.plus(read(p.face).scaled((1 - blur) * mask))
		}
	}
	if blur > 0 {
		c = c.plus(read(far).scaled(blur))
	}
	return c
}

// canvas is a picture before it is finished.
type canvas struct {
	w, h   int
	luma   []float32
	cb, cr []float32
}

func newCanvas(w, h int) *canvas {
	return &canvas{w: w, h: h, luma: make([]float32, w*h), cb: make([]float32, w*h), cr: make([]float32, w*h)}
}

func (c *canvas) set(x, y int, v colour) {
	o := y*c.w + x
	c.luma[o], c.cb[o], c.cr[o] = float32(v[0]), float32(v[1]), float32(v[2])
}

// Strength of sharpening, as the share that is added of detail finer than its radius, and standard deviation of the grain
// in levels, about that of a good camera indoors.
const (
	sharpening = 0.7
	grain      = 2.0
)

// finish sharpens with the given radius in pixels, because enlarging softened the picture, adds grain, and turns the
// canvas into an image.
func (c *canvas) finish(radius float64, seed uint64) *image.RGBA {
	soft := c.blurred(radius)
	img := image.NewRGBA(image.Rect(0, 0, c.w, c.h))
	inParallel(c.h, func(from, to int) {
		for y := from; y < to; y++ {
			random := rand.New(rand.NewPCG(seed, uint64(y)))
			for x := range c.w {
				o := y*c.w + x
				luma := float64(c.luma[o]) + sharpening*float64(c.luma[o]-soft[o])
				luma += grain / 255 * random.NormFloat64()
				r, g, b := toRGB(luma, float64(c.cb[o]), float64(c.cr[o]))
				px := img.Pix[y*img.Stride+4*x:]
				px[0], px[1], px[2], px[3] = level(r), level(g), level(b), 255
			}
		}
	})
	return img
}

func level(v float64) uint8 { return uint8(max(0, min(255, v+0.5))) }

// blurred is the luma under a Gaussian of the given standard deviation.
func (c *canvas) blurred(sigma float64) []float32 {
	reach := int(math.Ceil(2.5 * sigma))
	kernel := make([]float32, 2*reach+1)
	var sum float32
	for i := range kernel {
		d := float64(i - reach)
		kernel[i] = float32(math.Exp(-d * d / (2 * sigma * sigma)))
		sum += kernel[i]
	}
	across, out := make([]float32, c.w*c.h), make([]float32, c.w*c.h)
	inParallel(c.h, func(from, to int) {
		for y := from; y < to; y++ {
			for x := range c.w {
				var v float32
				for i, k := range kernel {
					v += k * c.luma[y*c.w+min(max(x+i-reach, 0), c.w-1)]
				}
				across[y*c.w+x] = v / sum
			}
		}
	})
	inParallel(c.h, func(from, to int) {
		for y := from; y < to; y++ {
			for i, k := range kernel {
				row := across[min(max(y+i-reach, 0), c.h-1)*c.w:][:c.w]
				for x, v := range row {
					out[y*c.w+x] += v * k / sum
				}
			}
		}
	})
	return out
}
