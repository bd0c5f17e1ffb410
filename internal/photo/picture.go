package photo

import (
	"image"

	"github.com/inflio/persona/internal/dct"
)

// picture is a decoded photo as it was stored, and the turn that makes it upright. It is not turned or converted as a
// whole, because a copy of twelve megapixels costs more than all measures together; rows are converted as they are read.
type picture struct {
	ycc     *image.YCbCr
	gray    *image.Gray
	other   image.Image    // when neither of those
	opaque  bool           // other is an *image.RGBA that needs no conversion
	palette *[256][4]uint8 // of other
	turn    turn
	min     image.Point
	sw, sh  int          // as stored and decoded
	w, h    int          // upright, as in the file
	reduce  int          // pixels of the file that one decoded pixel stands for, each way: 1, 2 or 4
	coded   *dct.Picture // the source of finer parts; nil if there is none
	finest  int          // reduce of the finest
}

// newPicture takes a picture that was decoded at its full size.
func newPicture(img image.Image, t turn) *picture {
	b := img.Bounds()
	p := &picture{turn: t, min: b.Min, sw: b.Dx(), sh: b.Dy(), w: b.Dx(), h: b.Dy(), reduce: 1}
	if t.swaps() {
		p.w, p.h = p.h, p.w
	}
	switch layout := img.(type) {
	case *image.YCbCr:
		p.ycc = layout
	case *image.Gray:
		p.gray = layout
	case *image.RGBA:
		p.other, p.opaque = layout, layout.Opaque()
	case *image.Paletted:
		p.other, p.palette = layout, opaquePalette(layout.Palette)
	default:
		p.other = layout
	}
	return p
}

// view wraps img without a copy.
func view(img image.Image) *picture {
	return newPicture(img, 0)
}

// toDecoded maps upright coordinates of the file to those of the decoded pixels.
func (p *picture) toDecoded() affine {
	w, h := float64(p.w), float64(p.h)
	if p.turn.swaps() {
		w, h = h, w
	}
	k := 1 / float64(p.reduce)
	return p.turn.toStored(w, h).then(affine{k, 0, 0, 0, k, 0})
}

// lumaRow returns the 8-bit luminance of stored row y. buf has room for 5 bytes a pixel; it is used if
// the luminance has to be computed.
func (p *picture) lumaRow(y int, buf []uint8) []uint8 {
	switch {
	case p.ycc != nil:
		at := p.ycc.YOffset(p.min.X, p.min.Y+y)
		return p.ycc.Y[at : at+p.sw]
	case p.gray != nil:
		at := p.gray.PixOffset(p.min.X, p.min.Y+y)
		return p.gray.Pix[at : at+p.sw]
	}
	pix := p.row(0, y, p.sw, buf[p.sw:])
	buf = buf[:p.sw]
	for x := range buf {
		px := pix[4*x:][:3:3]
		buf[x] = luma(px[0], px[1], px[2])
	}
	return buf
}

// luma uses the weights of JPEG (ITU-R BT.601), so that a PNG and a JPEG of one scene are judged alike.
func luma(r, g, b uint8) uint8 {
	return uint8((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 1<<15) >> 16)
}
