package photo

import (
	"image"
	"image/color"
	"math"
)

// tile is a part of a picture around a face, reduced by a whole factor and still as stored. It is what every measure
// and crop of the face is drawn from, so that the full picture is read once.
type tile struct {
	rgb    []uint8 // three bytes a pixel
	w, h   int
	from   affine // upright coordinates of the picture to coordinates of the tile
	shrink int
}

// tile cuts out the upright rectangle between low and high, clipped to the picture, reduced by the whole factor
// shrink. A rectangle that misses the picture gives the nearest pixels.
func (p *picture) tile(low, high Point, shrink int) *tile {
	m := p.toDecoded()
	shrink /= int(p.reduce)
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
	shrink = max(1, min(shrink, x1-x0, y1-y0))
	t := &tile{w: (x1 - x0) / shrink, h: (y1 - y0) / shrink, shrink: shrink}
	t.rgb = borrow(3 * t.w * t.h)
	k := 1 / float64(shrink)
	t.from = m.then(affine{k, 0, -float64(x0) * k, 0, k, -float64(y0) * k})
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
	sums := make([]uint32, t.w)
	n := uint32(t.shrink * t.shrink)
	for y := range t.h {
		clear(sums)
		for dy := range t.shrink {
			addBlocks(sums, p.gray.Pix[p.gray.PixOffset(p.min.X+x0, p.min.Y+y0+y*t.shrink+dy):], t.shrink)
		}
		for x, v := range sums {
			g := uint8((v + n/2) / n)
			at := 3 * (y*t.w + x)
			t.rgb[at], t.rgb[at+1], t.rgb[at+2] = g, g, g
		}
	}
}

// addBlocks adds each run of k values of src to its sum.
func addBlocks(sums []uint32, src []uint8, k int) {
	for x := range sums {
		var v uint32
		for _, b := range src[x*k : (x+1)*k] {
			v += uint32(b)
		}
		sums[x] += v
	}
}

// fillYCC averages luma over each block and takes colour from the block's samples, converting once a block.
func (t *tile) fillYCC(p *picture, x0, y0 int) {
	img, k := p.ycc, t.shrink
	n := uint32(k * k)
	sums := make([]uint32, t.w)
	for y := range t.h {
		clear(sums)
		top := p.min.Y + y0 + y*k
		for dy := range k {
			addBlocks(sums, img.Y[img.YOffset(p.min.X+x0, top+dy):], k)
		}
		for x := range t.w {
			left := p.min.X + x0 + x*k
			var cb, cr, cn uint32
			// Colour is stored at half resolution in nearly every file: every other pixel meets every sample.
			for dy := 0; dy < k; dy += 2 {
				at := img.COffset(left, top+dy)
				last := img.COffset(left+k-1, top+dy)
				for ; at <= last; at++ {
					cb += uint32(img.Cb[at])
					cr += uint32(img.Cr[at])
					cn++
				}
			}
			r, g, b := color.YCbCrToRGB(uint8((sums[x]+n/2)/n), uint8((cb+cn/2)/cn), uint8((cr+cn/2)/cn))
			at := 3 * (y*t.w + x)
			t.rgb[at], t.rgb[at+1], t.rgb[at+2] = r, g, b
		}
	}
}

// release gives the tile's memory back.
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

// draw makes a picture of w by h pixels whose pixel at q shows the upright photo at m(q). Beyond the photo's edge the
// border repeats. When the tile is finer than what is drawn, four samples a pixel keep fine detail from aliasing.
func (t *tile) draw(m affine, w, h int) *image.RGBA {
	m = m.then(t.from)
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	offsets := []float64{0.5}
	if m.scale() > 1.1 {
		offsets = []float64{0.25, 0.75}
	}
	n := int32(len(offsets) * len(offsets))
	for y := range h {
		row := out.Pix[y*out.Stride:][:4*w]
		for x := range w {
			var r, g, b int32
			for _, oy := range offsets {
				for _, ox := range offsets {
					sx, sy := m.at(float64(x)+ox, float64(y)+oy)
					sr, sg, sb := t.bilinear(sx-0.5, sy-0.5)
					r, g, b = r+sr, g+sg, b+sb
				}
			}
			row[4*x], row[4*x+1], row[4*x+2], row[4*x+3] = uint8(r/n), uint8(g/n), uint8(b/n), 0xFF
		}
	}
	return out
}

func (t *tile) bilinear(x, y float64) (r, g, b int32) {
	x, y = clamp(x, 0, float64(t.w-1)), clamp(y, 0, float64(t.h-1))
	x0, y0 := int(x), int(y)
	fx, fy := int32((x-float64(x0))*256), int32((y-float64(y0))*256)
	right, below := 3, 3*t.w
	if x0 == t.w-1 {
		right = 0
	}
	if y0 == t.h-1 {
		below = 0
	}
	at := 3 * (y0*t.w + x0)
	p, q := t.rgb[at:], t.rgb[at+below:]
	w00, w10, w01, w11 := (256-fx)*(256-fy), fx*(256-fy), (256-fx)*fy, fx*fy
	mix := func(c int) int32 {
		return (int32(p[c])*w00 + int32(p[right+c])*w10 + int32(q[c])*w01 + int32(q[right+c])*w11 + 1<<15) >> 16
	}
	return mix(0), mix(1), mix(2)
}
