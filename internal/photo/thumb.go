package photo

import (
	"image"
	"image/color"
)

// thumb is a coarse view of a whole picture in colour, upright: enough to measure the background.
type thumb struct {
	rgb   []uint8
	w, h  int
	scale float64 // pixels of the picture that one of its pixels stands for
}

// thumbSide is the longer side of a thumb. Each of its pixels is the mean of four samples, not of all pixels that it
// covers, so that the cost does not depend on the size of the picture.
const thumbSide = 48

func (p *picture) thumb() thumb {
	t := thumb{scale: float64(max(p.w, p.h)) / thumbSide}
	t.w, t.h = max(1, int(float64(p.w)/t.scale)), max(1, int(float64(p.h)/t.scale))
	t.rgb = make([]uint8, 0, 3*t.w*t.h)
	stored := p.toDecoded()
	for y := range t.h {
		for x := range t.w {
			var sum [3]int
			for _, d := range [4]Point{{0.25, 0.3}, {0.75, 0.2}, {0.3, 0.75}, {0.7, 0.8}} {
				sx, sy := stored.at((float64(x)+d.X)*t.scale, (float64(y)+d.Y)*t.scale)
				r, g, b := p.rgbAt(min(max(int(sx), 0), p.sw-1), min(max(int(sy), 0), p.sh-1))
				sum[0], sum[1], sum[2] = sum[0]+int(r), sum[1]+int(g), sum[2]+int(b)
			}
			t.rgb = append(t.rgb, uint8(sum[0]/4), uint8(sum[1]/4), uint8(sum[2]/4))
		}
	}
	return t
}

// rgbAt is the colour of the stored pixel at x and y.
func (p *picture) rgbAt(x, y int) (r, g, b uint8) {
	at := image.Pt(p.min.X+x, p.min.Y+y)
	switch {
	case p.ycc != nil:
		c := p.ycc.COffset(at.X, at.Y)
		return color.YCbCrToRGB(p.ycc.Y[p.ycc.YOffset(at.X, at.Y)], p.ycc.Cb[c], p.ycc.Cr[c])
	case p.gray != nil:
		v := p.gray.Pix[p.gray.PixOffset(at.X, at.Y)]
		return v, v, v
	default:
		px := p.row(x, y, 1, make([]uint8, 4))
		return px[0], px[1], px[2]
	}
}
