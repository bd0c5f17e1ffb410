package dct

import "image"

// planes are the samples of each channel of some units at a scale.
type planes [3]plane

type plane struct {
	pix    []uint8
	stride int
}

// newPlanes allocates memory for the units of r, at a 1st, 2nd or 4th of their size.
func (p *Picture) newPlanes(r image.Rectangle, scale int, room func(int) []uint8) planes {
	var out planes
	n := 0
	for i, c := range p.channels {
		side := p.blockSide(i, scale)
		out[i].stride = r.Dx() * c.h * side
		n += out[i].stride * r.Dy() * c.v * side
	}
	all := room(n)
	for i, c := range p.channels {
		side := p.blockSide(i, scale)
		n := out[i].stride * r.Dy() * c.v * side
		out[i].pix, all = all[:n], all[n:]
	}
	return out
}

// blockSide is the width and height of a channel's block in samples at a scale. At half size, colour that is stored at
// half size is not reduced.
func (p *Picture) blockSide(channel, scale int) int {
	if scale == 2 && channel > 0 && p.ratio == image.YCbCrSubsampleRatio420 {
		return blockSide
	}
	return blockSide / scale
}

// ratioAt is the sampling of the colours at a scale.
func (p *Picture) ratioAt(scale int) image.YCbCrSubsampleRatio {
	if scale == 2 && p.ratio == image.YCbCrSubsampleRatio420 {
		return image.YCbCrSubsampleRatio444
	}
	return p.ratio
}

// Size is the picture's size at a scale of 1, 2 or 4: a part of a pixel counts as one.
func (p *Picture) Size(scale int) image.Point {
	return image.Pt((p.width+scale-1)/scale, (p.height+scale-1)/scale)
}

// Part decodes the part of the picture that covers r, in pixels at the scale: 1 for full size, 2 for half, 4 for a
// quarter. Each pixel of a smaller size is the mean of those that it stands for; at a quarter, of the lowest frequencies
// only. The result is an *image.YCbCr, or an *image.Gray for one channel, whose bounds are r and what had to be decoded
// with it. room allocates its memory in one piece; the contents may be undefined. A quarter is already decoded: it is
// returned whole, is shared, and must not be written to.
func (p *Picture) Part(r image.Rectangle, scale int, room func(n int) []uint8) image.Image {
	if scale == 4 {
		return p.image(p.quarter, image.Rect(0, 0, p.across, p.down), 4)
	}
	r = r.Intersect(image.Rectangle{Max: p.Size(scale)})
	w, h := p.unitSize(scale)
	units := image.Rect(r.Min.X/w, r.Min.Y/h, (r.Max.X+w-1)/w, (r.Max.Y+h-1)/h)
	out := p.newPlanes(units, scale, room)
	d := decoder{pic: p, scale: scale}
	for y := units.Min.Y; y < units.Max.Y; y++ {
		for x := units.Min.X; x < units.Max.X; x++ {
			d.unit(&out, x, y, x-units.Min.X, y-units.Min.Y)
		}
	}
	return p.image(out, units, scale)
}

// unitSize is the width and height of a unit in pixels at a scale.
func (p *Picture) unitSize(scale int) (w, h int) {
	return p.channels[0].h * blockSide / scale, p.channels[0].v * blockSide / scale
}

// image wraps the samples of some units.
func (p *Picture) image(s planes, units image.Rectangle, scale int) image.Image {
	w, h := p.unitSize(scale)
	r := image.Rect(units.Min.X*w, units.Min.Y*h, units.Max.X*w, units.Max.Y*h)
	r = r.Intersect(image.Rectangle{Max: p.Size(scale)})
	if len(p.channels) == 1 {
		return &image.Gray{Pix: s[0].pix, Stride: s[0].stride, Rect: r}
	}
	return &image.YCbCr{
		Y: s[0].pix, Cb: s[1].pix, Cr: s[2].pix, YStride: s[0].stride, CStride: s[1].stride,
		SubsampleRatio: p.ratioAt(scale), Rect: r,
	}
}

// decoder decodes blocks.
type decoder struct {
	pic   *Picture
	scale int
	block [blockSize]int
}

// unit decodes the unit at x and y, which is the one at column and line of out.
func (d *decoder) unit(out *planes, x, y, column, line int) {
	u := &d.pic.units[y*d.pic.across+x]
	at := uint(u.at)
	for i := range d.pic.channels {
		c, plane, side := &d.pic.channels[i], &out[i], d.pic.blockSide(i, d.scale)
		dc := int(u.dc[i])
		for by := range c.v {
			for bx := range c.h {
				to := plane.pix[(line*c.v+by)*side*plane.stride+(column*c.h+bx)*side:]
				var seen uint64
				if side == blockSide {
					at, dc, seen = d.read(c, at, dc, &zigzag, &c.scales.full)
					drawFull(&d.block, seen, to, plane.stride)
				} else {
					at, dc, seen = d.read(c, at, dc, &halved, &c.scales.half)
					drawHalf(&d.block, seen, to, plane.stride)
				}
			}
		}
	}
}

// read reads a block from bit at on, multiplies its coefficients with scale and adds them at the given places of d.block.
// It returns the first coefficient without its scale, and the places of the others.
func (d *decoder) read(
	c *channel, at uint, dc int, places *[blockSize]uint8, scale *[blockSize]int,
) (next uint, first int, seen uint64) {
	coded := d.pic.coded
	w := window(coded, at)
	if e := c.dc.value[w>>(64-valueBits)]; e == 0 {
		var v int
		at, _, v = c.dc.long(w, at)
		dc += v
	} else {
		at += e.bits()
		dc += e.value()
	}
	d.block[0] = dc * scale[0]
	for k := 0; ; {
		w := window(coded, at)
		for range 5 { // of at most valueBits each; longer ones take a window of their own
			e := c.ac.value[w>>(64-valueBits)]
			v := e.value()
			if e == 0 {
				at, e, v = c.ac.long(window(coded, at), at)
				w = window(coded, at)
			} else {
				at += e.bits()
				w <<= e.bits()
			}
			if k += e.fills(); k >= blockSize {
				return at, dc, seen
			}
			place := places[k&63] & 63
			d.block[place] += v * scale[k&63]
			seen |= 1 << place
			if k == blockSize-1 {
				return at, dc, seen
			}
		}
	}
}
