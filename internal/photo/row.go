package photo

import (
	"image"
	"image/color"
)

// row returns n pixels from x on of stored row y of p.other, four bytes each: red, green, blue and an undefined one. It
// uses buf, of 4 n bytes, if they have to be converted: transparent pixels are laid over white, and 16 bits become 8.
func (p *picture) row(x, y, n int, buf []uint8) []uint8 {
	x, y, buf = p.min.X+x, p.min.Y+y, buf[:4*n]
	switch src := p.other.(type) {
	case *image.RGBA:
		pix := src.Pix[src.PixOffset(x, y):][:4*n]
		if p.opaque {
			return pix
		}
		for i := 0; i < len(buf); i += 4 {
			out, q := buf[i:][:4:4], pix[i:][:4:4]
			white := 0xFF - q[3]
			out[0], out[1], out[2] = q[0]+white, q[1]+white, q[2]+white
		}
	case *image.NRGBA:
		pix := src.Pix[src.PixOffset(x, y):][:4*n]
		for i := 0; i < len(buf); i += 4 {
			out, q := buf[i:][:4:4], pix[i:][:4:4]
			out[0], out[1], out[2] = overWhite(q[0], q[3]), overWhite(q[1], q[3]), overWhite(q[2], q[3])
		}
	case *image.NRGBA64:
		pix := src.Pix[src.PixOffset(x, y):][:8*n]
		for i := 0; i < len(buf); i += 4 {
			out, q := buf[i:][:4:4], pix[2*i:][:8:8]
			out[0], out[1], out[2] = overWhite(q[0], q[6]), overWhite(q[2], q[6]), overWhite(q[4], q[6])
		}
	case *image.RGBA64:
		pix := src.Pix[src.PixOffset(x, y):][:8*n]
		for i := 0; i < len(buf); i += 4 {
			out, q := buf[i:][:4:4], pix[2*i:][:8:8]
			white := 0xFF - q[6]
			out[0], out[1], out[2] = q[0]+white, q[2]+white, q[4]+white
		}
	case *image.Gray16:
		pix := src.Pix[src.PixOffset(x, y):][:2*n]
		for i := 0; i < len(buf); i += 4 {
			out, v := buf[i:][:4:4], pix[i/2]
			out[0], out[1], out[2] = v, v, v
		}
	case *image.CMYK:
		pix := src.Pix[src.PixOffset(x, y):][:4*n]
		for i := 0; i < len(buf); i += 4 {
			out, q := buf[i:][:4:4], pix[i:][:4:4]
			out[0], out[1], out[2] = color.CMYKToRGB(q[0], q[1], q[2], q[3])
		}
	case *image.Paletted:
		for i, index := range src.Pix[src.PixOffset(x, y):][:n] {
			copy(buf[4*i:4*i+4], p.palette[index][:])
		}
	default:
		for i := range n {
			c := overWhiteColour(src.At(x+i, y))
			copy(buf[4*i:4*i+4], c[:])
		}
	}
	return buf
}

// overWhite lays a channel that is not multiplied with alpha over white.
func overWhite(v, alpha uint8) uint8 {
	return uint8((uint32(v)*uint32(alpha)+127)/255) + 0xFF - alpha
}

func overWhiteColour(c color.Color) [4]uint8 {
	r, g, b, a := c.RGBA()
	white := 0xFFFF - a
	return [4]uint8{uint8((r + white) >> 8), uint8((g + white) >> 8), uint8((b + white) >> 8), 0xFF}
}

func opaquePalette(colours color.Palette) *[256][4]uint8 {
	out := new([256][4]uint8)
	for i, c := range colours[:min(len(colours), len(out))] {
		out[i] = overWhiteColour(c)
	}
	return out
}
