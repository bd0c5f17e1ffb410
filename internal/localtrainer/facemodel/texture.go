package facemodel

import (
	"image"
	"image/draw"
	"math"
)

// A texture is a vector of textureLength values, 0 to 1: luma of the frame row by row, then blue and red difference
// (JPEG's YCbCr) at a quarter of the resolution, which is not visible and keeps the weights small.
const (
	chromaSide    = side / 4
	lumaLength    = side * side
	chromaLength  = chromaSide * chromaSide
	textureLength = lumaLength + 2*chromaLength
)

type texture []float32

// toRGBA returns img with its origin at 0, 0; it copies only what is not already so.
func toRGBA(img image.Image) *image.RGBA {
	if rgba, ok := img.(*image.RGBA); ok && rgba.Rect.Min == (image.Point{}) {
		return rgba
	}
	b := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(out, out.Rect, img, b.Min, draw.Src)
	return out
}

// bilinear reads a picture between its pixels, with the border repeated; levels are 0 to 255.
func bilinear(img *image.RGBA, p point) (r, g, b float64) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	x, y := max(0, min(float64(w-1), p.x-0.5)), max(0, min(float64(h-1), p.y-0.5))
	x0, y0 := int(x), int(y)
	x1, y1 := min(x0+1, w-1), min(y0+1, h-1)
	fx, fy := x-float64(x0), y-float64(y0)
	var out [3]float64
	for c := range out {
		a := float64(img.Pix[y0*img.Stride+4*x0+c])
		b := float64(img.Pix[y0*img.Stride+4*x1+c])
		d := float64(img.Pix[y1*img.Stride+4*x0+c])
		e := float64(img.Pix[y1*img.Stride+4*x1+c])
		top, low := a+(b-a)*fx, d+(e-d)*fx
		out[c] = top + (low-top)*fy
	}
	return out[0], out[1], out[2]
}

func toYCbCr(r, g, b float64) (y, cb, cr float64) {
	y = 0.299*r + 0.587*g + 0.114*b
	return y / 255, (b - y) / (1.772 * 255), (r - y) / (1.402 * 255)
}

func toRGB(y, cb, cr float64) (r, g, b float64) {
	r, b = y+1.402*cr, y+1.772*cb
	return 255 * r, 255 * (y - 0.299*r - 0.114*b) / 0.587, 255 * b
}

// readTexture draws a picture into the frame: toPicture takes a point of the frame to the picture. Four readings a
// pixel, because training pictures are about twice as large as the frame.
func readTexture(img *image.RGBA, toPicture func(point) point) texture {
	t := make(texture, textureLength)
	inParallel(side, func(from, to int) {
		for y := from; y < to; y++ {
			for x := range side {
				var r, g, b float64
				for k := range 4 {
					q := toPicture(point{float64(x) + 0.25 + 0.5*float64(k&1), float64(y) + 0.25 + 0.5*float64(k>>1)})
					dr, dg, db := bilinear(img, q)
					r, g, b = r+dr/4, g+dg/4, b+db/4
				}
				luma, cb, cr := toYCbCr(r, g, b)
				t[y*side+x] = float32(luma)
				o := y/4*chromaSide + x/4
				t[lumaLength+o] += float32(cb / 16)
				t[lumaLength+chromaLength+o] += float32(cr / 16)
			}
		}
	})
	return t
}

// luma reads between pixels by a cubic (Catmull-Rom), which keeps enlarged edges crisp.
func (t texture) luma(p point) float64 {
	x, y := p.x-0.5, p.y-0.5
	x0, y0 := int(math.Floor(x)), int(math.Floor(y))
	wx, wy := cubic(x-float64(x0)), cubic(y-float64(y0))
	var sum float64
	for j := range 4 {
		row := min(max(y0+j-1, 0), side-1) * side
		var line float64
		for i := range 4 {
			line += wx[i] * float64(t[row+min(max(x0+i-1, 0), side-1)])
		}
		sum += wy[j] * line
	}
	return sum
}

func cubic(f float64) [4]float64 {
	f2, f3 := f*f, f*f*f
	return [4]float64{-0.5*f + f2 - 0.5*f3, 1 - 2.5*f2 + 1.5*f3, 0.5*f + 2*f2 - 1.5*f3, -0.5*f2 + 0.5*f3}
}

func (t texture) chroma(p point) (cb, cr float64) {
	x := max(0, min(chromaSide-1.001, p.x/4-0.5))
	y := max(0, min(chromaSide-1.001, p.y/4-0.5))
	x0, y0 := int(x), int(y)
	fx, fy := x-float64(x0), y-float64(y0)
	o := lumaLength + y0*chromaSide + x0
	read := func(o int) float64 {
		top := float64(t[o]) + float64(t[o+1]-t[o])*fx
		low := float64(t[o+chromaSide]) + float64(t[o+chromaSide+1]-t[o+chromaSide])*fx
		return top + (low-top)*fy
	}
	return read(o), read(o + chromaLength)
}

// softened is a strongly blurred copy, which continues a picture beyond its frame.
func (t texture) softened() texture {
	out := make(texture, textureLength)
	copy(out, t)
	for range 3 {
		boxBlur(out[:lumaLength], side, 14)
		boxBlur(out[lumaLength:lumaLength+chromaLength], chromaSide, 4)
		boxBlur(out[lumaLength+chromaLength:], chromaSide, 4)
	}
	return out
}

// boxBlur averages a square plane over 2*radius+1 pixels, along and across.
func boxBlur(plane []float32, width, radius int) {
	line := make([]float32, width)
	for _, step := range [2][2]int{{1, width}, {width, 1}} {
		for l := range width {
			base := l * step[1]
			for i := range line {
				line[i] = plane[base+i*step[0]]
			}
			var sum float32
			for i := -radius; i <= radius; i++ {
				sum += line[min(max(i, 0), width-1)]
			}
			for i := range line {
				plane[base+i*step[0]] = sum / float32(2*radius+1)
				sum += line[min(i+radius+1, width-1)] - line[max(i-radius, 0)]
			}
		}
	}
}

// faceMask is 1 on the features, 0 outside the face, in the frame.
func faceMask(p point) float64 {
	eyes, ied := frameEyes(), eyeDistance()
	dx := (p.x - side/2) / (1.02 * ied)
	dy := (p.y - eyes[0].y - 0.40*ied) / (1.32 * ied)
	return 1 - smooth(0.62, 1, math.Hypot(dx, dy))
}
