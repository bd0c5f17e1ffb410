package photo

import "image"

// fillYCC averages luma over each block and takes colour from the block's samples, converting once a block.
func (t *tile) fillYCC(p *picture, x0, y0 int) {
	img, k := p.ycc, t.shrink
	if k == 1 && img.SubsampleRatio == image.YCbCrSubsampleRatio444 {
		t.fillWhole(p, x0, y0)
		return
	}
	if k == 1 {
		for y := range t.h {
			fillYCCRow(t.rgb[3*y*t.w:][:3*t.w], img, p.min.X+x0, p.min.Y+y0+y)
		}
		return
	}
	if k == 2 && img.SubsampleRatio == image.YCbCrSubsampleRatio420 && (p.min.X|p.min.Y)&1 == 0 {
		t.fillHalf(p, x0, y0)
		return
	}
	subX, subY := subsampling(img.SubsampleRatio)
	mean := newMeans((k + 1) * (k + 1))
	blocks := newBlocks(t.w, k)
	for y := range t.h {
		top := p.min.Y + y0 + y*k
		sums := blocks.add(func(dy int) []uint8 { return img.Y[img.YOffset(p.min.X+x0, top+dy):] })
		// All colour samples that touch the block are averaged; of larger blocks only those of the middle row, because colour
		// changes slowly.
		first, last := img.COffset(0, top), img.COffset(0, top+k-1)
		rows := (top+k-1)>>subY - top>>subY + 1
		if k >= sparseColour {
			first = img.COffset(0, top+k/2)
			last, rows = first, 1
		}
		out := t.rgb[3*y*t.w:][:3*t.w]
		for x, luma := range sums {
			left := p.min.X + x0 + x*k
			from, to := left>>subX, (left+k-1)>>subX
			if from == to && first == last {
				c := colourOf(uint32(img.Cb[first+from]), uint32(img.Cr[first+from]))
				c.light(out[3*x:], mean.of(luma, k*k))
				continue
			}
			var cb, cr uint32
			for at := first; at <= last; at += img.CStride {
				cbs := img.Cb[at+from : at+to+1]
				crs := img.Cr[at+from:][:len(cbs)]
				for i, v := range cbs {
					cb += uint32(v)
					cr += uint32(crs[i])
				}
			}
			n := (to - from + 1) * rows
			c := colourOf(mean.of(cb, n), mean.of(cr, n))
			c.light(out[3*x:], mean.of(luma, k*k))
		}
	}
}

// sparseColour is the block size from which a block's colour is that of its middle row.
const sparseColour = 4

// means divides sums of bytes by their number, without a division for each.
type means []uint64

func newMeans(most int) means {
	m := make(means, most+1)
	for n := 1; n <= most; n++ {
		m[n] = (1<<32 + uint64(n)/2) / uint64(n)
	}
	return m
}

func (m means) of(sum uint32, n int) uint32 { return uint32((uint64(sum)*m[n] + 1<<31) >> 32) }

// fillYCCRow converts a row as it is. A sample of colour that neighbours share is converted once.
func fillYCCRow(out []uint8, img *image.YCbCr, x, y int) {
	subX, _ := subsampling(img.SubsampleRatio)
	luma := img.Y[img.YOffset(x, y):]
	at := img.COffset(x, y)
	shared := 1 << subX
	for left := shared - x%shared; len(out) > 0; left = shared {
		c := colourOf(uint32(img.Cb[at]), uint32(img.Cr[at]))
		at++
		for ; left > 0 && len(out) > 0; left-- {
			c.light(out, uint32(luma[0]))
			out, luma = out[3:], luma[1:]
		}
	}
}

// subsampling is how many pixels share a sample of colour, across and down, as powers of two.
func subsampling(r image.YCbCrSubsampleRatio) (x, y int) {
	switch r {
	case image.YCbCrSubsampleRatio422:
		return 1, 0
	case image.YCbCrSubsampleRatio420:
		return 1, 1
	case image.YCbCrSubsampleRatio440:
		return 0, 1
	case image.YCbCrSubsampleRatio411:
		return 2, 0
	case image.YCbCrSubsampleRatio410:
		return 2, 1
	default:
		return 0, 0
	}
}

// fillHalf is the usual case of large faces: blocks of two by two pixels, which share one sample of colour.
func (t *tile) fillHalf(p *picture, x0, y0 int) {
	img := p.ycc
	for y := range t.h {
		left, top := p.min.X+x0, p.min.Y+y0+2*y
		above, below := img.Y[img.YOffset(left, top):][:2*t.w], img.Y[img.YOffset(left, top+1):][:2*t.w]
		at := img.COffset(left, top)
		cbs, crs := img.Cb[at:][:t.w], img.Cr[at:][:t.w]
		out := t.rgb[3*y*t.w:][:3*t.w]
		for x, cb := range cbs {
			luma := uint32(above[2*x]) + uint32(above[2*x+1]) + uint32(below[2*x]) + uint32(below[2*x+1])
			c := colourOf(uint32(cb), uint32(crs[x]))
			c.light(out[3*x:3*x+3:3*x+3], (luma+2)>>2)
		}
	}
}

// fillWhole is for pixels that each have a sample of colour.
func (t *tile) fillWhole(p *picture, x0, y0 int) {
	img := p.ycc
	for y := range t.h {
		left, top := p.min.X+x0, p.min.Y+y0+y
		luma := img.Y[img.YOffset(left, top):][:t.w]
		at := img.COffset(left, top)
		cbs, crs := img.Cb[at:][:t.w], img.Cr[at:][:t.w]
		out := t.rgb[3*y*t.w:][:3*t.w]
		for x, l := range luma {
			colourOf(uint32(cbs[x]), uint32(crs[x])).light(out[3*x:3*x+3:3*x+3], uint32(l))
		}
	}
}

// colour is what a pair of colour samples adds to each channel, in 65536ths.
type colour struct{ r, g, b int32 }

// colourOf converts by JFIF 1.02 (ITU-R BT.601, full range).
func colourOf(cb, cr uint32) colour {
	u, v := int32(cb)-128, int32(cr)-128
	return colour{91881*v + 1<<15, -22554*u - 46802*v + 1<<15, 116130*u + 1<<15}
}

// light writes the pixel of this colour with luminance y.
func (c colour) light(out []uint8, y uint32) {
	l := int32(y) << 16
	out[0] = uint8(min(max((l+c.r)>>16, 0), 255))
	out[1] = uint8(min(max((l+c.g)>>16, 0), 255))
	out[2] = uint8(min(max((l+c.b)>>16, 0), 255))
}
