package photo

import (
	"image"

	"github.com/inflio/persona/internal/dct"
)

// smallestCoded is the factor of the smallest size that coded pictures have.
const smallestCoded = 4

// newCodedPicture returns a picture that is decoded only as finely as the search for faces needs. Parts of it may be
// decoded later, reduced by a factor of finest (1, 2 or 4) or more.
func newCodedPicture(c *dct.Picture, t turn, finest int) *picture {
	p := &picture{coded: c, turn: t, finest: finest}
	size := c.Size(1)
	p.w, p.h = size.X, size.Y
	if t.swaps() {
		p.w, p.h = p.h, p.w
	}
	return p.at(p.enoughFor(overviewSide))
}

// enoughFor is the largest factor by which the picture can be reduced so that its longer side is still at least side.
func (p *picture) enoughFor(side int) int {
	factor := smallestCoded
	for factor > p.finest && max(p.w, p.h)/factor < side {
		factor /= 2
	}
	return factor
}

// at returns the whole picture reduced by factor, which is one that it can be decoded at.
func (p *picture) at(factor int) *picture {
	if p.coded == nil || p.reduce == factor {
		return p
	}
	out := p.level(factor)
	out.show(p.coded.Part(image.Rect(0, 0, out.sw, out.sh), factor, func(n int) []uint8 { return make([]uint8, n) }))
	return out
}

// suited returns the picture at the coarsest size from which it can be reduced by shrink. If that is finer than p,
// nothing of it is decoded yet.
func (p *picture) suited(shrink int) *picture {
	if p.coded == nil {
		return p
	}
	factor := smallestCoded
	for factor > max(shrink, p.finest) {
		factor /= 2
	}
	if factor >= p.reduce {
		return p
	}
	return p.level(factor)
}

// decodePart decodes the part that covers r, if nothing is decoded yet. The returned function releases it.
func (p *picture) decodePart(r image.Rectangle) (done func()) {
	if p.coded == nil || p.ycc != nil || p.gray != nil {
		return func() {}
	}
	var part []uint8
	p.show(p.coded.Part(r, p.reduce, func(n int) []uint8 {
		part = borrow(n)
		return part
	}))
	return func() { giveBack(part) }
}

// level is the picture at a finer or a coarser size, of which nothing is decoded yet.
func (p *picture) level(factor int) *picture {
	size := p.coded.Size(factor)
	return &picture{
		coded: p.coded, finest: p.finest, turn: p.turn, w: p.w, h: p.h,
		sw: size.X, sh: size.Y, reduce: factor,
	}
}

// show sets the decoded pixels of the picture.
func (p *picture) show(img image.Image) {
	switch layout := img.(type) {
	case *image.YCbCr:
		p.ycc = layout
	case *image.Gray:
		p.gray = layout
	}
}
