package photo

import (
	"image"
	"image/color"
)

// picture is a decoded photo as it was stored, with the turn that makes it stand upright kept aside: a turned copy of
// twelve megapixels costs more than everything that is measured on it. Exactly one of the layouts is set.
type picture struct {
	ycc    *image.YCbCr
	gray   *image.Gray
	rgba   *image.RGBA
	turn   turn
	min    image.Point
	sw, sh int // as stored
	w, h   int // upright
}

func newPicture(img image.Image, t turn) *picture {
	if u, ok := img.(*uprightImage); ok {
		return u.pic
	}
	img = simplify(img)
	b := img.Bounds()
	p := &picture{turn: t, min: b.Min, sw: b.Dx(), sh: b.Dy(), w: b.Dx(), h: b.Dy()}
	if t.swaps() {
		p.w, p.h = p.h, p.w
	}
	switch layout := img.(type) {
	case *image.YCbCr:
		p.ycc = layout
	case *image.Gray:
		p.gray = layout
	case *image.RGBA:
		p.rgba = layout
	}
	return p
}

// view wraps a picture that still belongs to the caller: nothing is changed in place.
func view(img image.Image) *picture {
	switch src := img.(type) {
	case *uprightImage:
		return src.pic
	case *image.YCbCr, *image.Gray:
		return newPicture(src, 0)
	case *image.RGBA:
		if src.Opaque() {
			return newPicture(src, 0)
		}
	case *image.NRGBA:
		if src.Opaque() {
			return newPicture(&image.RGBA{Pix: src.Pix, Stride: src.Stride, Rect: src.Rect}, 0)
		}
	}
	return newPicture(slowSimplify(img), 0)
}

// stored is the picture without its turn.
func (p *picture) stored() image.Image {
	switch {
	case p.ycc != nil:
		return p.ycc
	case p.gray != nil:
		return p.gray
	default:
		return p.rgba
	}
}

// upright is the picture as people see it, without a copy.
func (p *picture) upright() image.Image {
	if p.turn <= 1 {
		return p.stored()
	}
	return &uprightImage{p}
}

// uprightImage shows a picture turned, pixel by pixel.
type uprightImage struct{ pic *picture }

func (u *uprightImage) ColorModel() color.Model { return u.pic.stored().ColorModel() }

func (u *uprightImage) Bounds() image.Rectangle { return image.Rect(0, 0, u.pic.w, u.pic.h) }

func (u *uprightImage) At(x, y int) color.Color {
	p := u.pic
	sx, sy := p.turn.toStored(float64(p.sw), float64(p.sh)).at(float64(x)+0.5, float64(y)+0.5)
	return p.stored().At(p.min.X+int(sx), p.min.Y+int(sy))
}

// lumaRow returns the 8-bit luminance of stored row y, in buf when it has to be computed.
func (p *picture) lumaRow(y int, buf []uint8) []uint8 {
	switch {
	case p.ycc != nil:
		at := p.ycc.YOffset(p.min.X, p.min.Y+y)
		return p.ycc.Y[at : at+p.sw]
	case p.gray != nil:
		at := p.gray.PixOffset(p.min.X, p.min.Y+y)
		return p.gray.Pix[at : at+p.sw]
	}
	at := p.rgba.PixOffset(p.min.X, p.min.Y+y)
	pix := p.rgba.Pix[at : at+4*p.sw]
	buf = buf[:p.sw]
	for x := range buf {
		buf[x] = luma(pix[4*x], pix[4*x+1], pix[4*x+2])
	}
	return buf
}

// luma weighs as JPEG does (ITU-R BT.601), so that a PNG and a JPEG of one scene are judged alike.
func luma(r, g, b uint8) uint8 {
	return uint8((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 1<<15) >> 16)
}
