package photo

import (
	"image"
	"math"
)

// tile is a part of a picture around a face, reduced by a whole factor and not turned. All measures and crops of the face
// are drawn from it, so that the full picture is read once.
type tile struct {
	rgb    []uint8 // three bytes a pixel
	w, h   int
	from   affine // upright coordinates of the picture to coordinates of the tile
	shrink int
}

// mostShrink is the largest block whose columns can be summed in 16-bit lanes.
const mostShrink = 256

// tile cuts out the upright rectangle between low and high, clipped to the picture, reduced by the whole factor
// shrink. A rectangle that misses the picture gives the nearest pixels.
func (p *picture) tile(low, high Point, shrink int) *tile {
	p = p.suited(shrink)
	m := p.toDecoded()
	shrink /= p.reduce
	ax, ay := m.at(low.X, low.Y)
	bx, by := m.at(high.X, high.Y)
	whole := func(a, b float64, limit int) (from, to int) {
		a, b = min(a, b), max(a, b)
		from = int(clamp(math.Floor(a), 0, float64(limit-1)))
		to = int(clamp(math.Ceil(b), float64(from+1), float64(limit)))
		return from, to
	}
	x0, x1 := whole(ax, bx, p.sw)
	y0, y1 := whole(ay, by, p.sh)
	// Colour samples mostly cover two by two pixels: a block that starts with one has fewer of them.
	x0, y0 = x0&^1, y0&^1
	shrink = max(1, min(shrink, mostShrink, x1-x0, y1-y0))
	t := &tile{w: (x1 - x0) / shrink, h: (y1 - y0) / shrink, shrink: shrink}
	t.rgb = borrow(3*t.w*(t.h+1) + drawSlack)[:3*t.w*t.h]
	k := 1 / float64(shrink)
	t.from = m.then(affine{k, 0, -float64(x0) * k, 0, k, -float64(y0) * k})
	defer p.decodePart(image.Rect(x0, y0, x0+t.w*shrink, y0+t.h*shrink))()
	switch {
	case p.ycc != nil:
		t.fillYCC(p, x0, y0)
	case p.gray != nil:
		t.fillGray(p, x0, y0)
	default:
		t.fillRows(p, x0, y0)
	}
	return t
}

// fillRows averages over each block, row by row.
func (t *tile) fillRows(p *picture, x0, y0 int) {
	k := t.shrink
	buf := borrow(4 * k * t.w)
	defer giveBack(buf)
	sums := make([]uint32, 3*t.w)
	n := uint32(k * k)
	for y := range t.h {
		clear(sums)
		for dy := range k {
			src := p.row(x0, y0+y*k+dy, k*t.w, buf)
			for x := range t.w {
				var r, g, b uint32
				px := src[4*x*k : 4*(x+1)*k]
				for i := 0; i+3 < len(px); i += 4 {
					r, g, b = r+uint32(px[i]), g+uint32(px[i+1]), b+uint32(px[i+2])
				}
				sums[3*x] += r
				sums[3*x+1] += g
				sums[3*x+2] += b
			}
		}
		for i, v := range sums {
			t.rgb[3*y*t.w+i] = uint8((v + n/2) / n)
		}
	}
}

func (t *tile) fillGray(p *picture, x0, y0 int) {
	n := uint32(t.shrink * t.shrink)
	blocks := newBlocks(t.w, t.shrink)
	for y := range t.h {
		sums := blocks.add(func(dy int) []uint8 {
			return p.gray.Pix[p.gray.PixOffset(p.min.X+x0, p.min.Y+y0+y*t.shrink+dy):]
		})
		for x, v := range sums {
			g := uint8((v + n/2) / n)
			at := 3 * (y*t.w + x)
			t.rgb[at], t.rgb[at+1], t.rgb[at+2] = g, g, g
		}
	}
}

// release allows the tile's memory to be reused.
func (t *tile) release() {
	giveBack(t.rgb)
	t.rgb = nil
}

func releaseTiles(lists ...[]seen) {
	for _, list := range lists {
		for _, f := range list {
			f.tile.release()
		}
	}
}
