package sitter

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
)

// minPhotoBytes is the smallest size of a photo of 1024 pixels: 500 KB, the product's limit, and some slack.
const minPhotoBytes = 515_000

// EncodePhoto makes a JPEG of the portrait. Like a camera's file, one of at least 1024 x 1024 pixels has 500 KB to 10 MB:
// grain is added until it has, mostly outside the face so that its sharpness does not change.
func EncodePhoto(p Portrait) []byte {
	size := p.Image.Bounds().Size()
	want := 0
	if size.X >= 1024 && size.Y >= 1024 {
		want = minPhotoBytes
	}
	var buf bytes.Buffer
	for grain := 2.5; ; grain *= 1.5 {
		buf.Reset()
		img := clone(p.Image)
		addNoise(img, grain, 7, func(x, y int) float64 { return outside(p.Face, x, y) })
		if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: 97}); err != nil {
			panic(err) // a buffer takes everything, and the picture has a size that JPEG can hold
		}
		if buf.Len() >= want || grain > 40 {
			return buf.Bytes()
		}
	}
}

// outside is 1 far from a face box and 0.3 in its middle.
func outside(face [4]float64, x, y int) float64 {
	dx := (float64(x) - face[0] - face[2]/2) / (face[2] * 0.62)
	dy := (float64(y) - face[1] - face[3]/2) / (face[3] * 0.68)
	return mix(0.3, 1, step(0.75, 1.1, math.Hypot(dx, dy)))
}

func clone(img *image.RGBA) *image.RGBA {
	out := image.NewRGBA(img.Rect)
	copy(out.Pix, img.Pix)
	return out
}

// addNoise adds grain of the given standard deviation in levels, mostly of brightness.
func addNoise(img *image.RGBA, sigma float64, seed uint64, weight func(x, y int) float64) {
	size := img.Rect.Size()
	rows(size.Y, func(from, to int) {
		for y := from; y < to; y++ {
			r := newRandom(seed, uint64(y)+0x6a1)
			for x := range size.X {
				bits := r.next()
				// The sum of four bytes is near enough to a bell: standard deviation 148.
				g := float64(bits&255+bits>>8&255+bits>>16&255+bits>>24&255) - 510
				k := sigma / 148
				if weight != nil {
					k *= weight(x, y)
				}
				px := img.Pix[y*img.Stride+4*x:]
				for c := range 3 {
					tint := float64(bits>>(32+8*c)&255) - 127.5
					px[c] = uint8(max(0, min(255, float64(px[c])+(g+0.5*tint)*k+0.5)))
				}
			}
		}
	})
}

// blur is a Gaussian blur of the given standard deviation in pixels, done as three box blurs.
func blur(img *image.RGBA, sigma float64) {
	size := img.Rect.Size()
	for _, radius := range boxes(sigma) {
		if radius > 0 {
			boxBlur(img.Pix, size.X, size.Y, 4, img.Stride, radius)
			boxBlur(img.Pix, size.Y, size.X, img.Stride, 4, radius)
		}
	}
}

// boxes are the radii of three box blurs that together spread as much as a Gaussian: neighbouring whole numbers whose
// variances, r(r+1)/3 each, add up to it as nearly as they can.
func boxes(sigma float64) (radii [3]int) {
	spread := func(r int) float64 { return float64(r*(r+1)) / 3 }
	r := 0
	for 3*spread(r+1) <= sigma*sigma {
		r++
	}
	wider := int(math.Round((sigma*sigma - 3*spread(r)) / (spread(r+1) - spread(r))))
	for i := range radii {
		radii[i] = r
		if i < wider {
			radii[i]++
		}
	}
	return radii
}

// boxBlur averages over 2*radius+1 pixels along lines whose neighbours lie step bytes apart.
func boxBlur(pix []uint8, length, lines, step, stride, radius int) {
	rows(lines, func(from, to int) {
		line := make([]int, length)
		for l := from; l < to; l++ {
			for c := range 3 {
				base := l*stride + c
				for i := range length {
					line[i] = int(pix[base+i*step])
				}
				sum := 0
				for i := -radius; i <= radius; i++ {
					sum += line[max(0, min(length-1, i))]
				}
				width := 2*radius + 1
				for i := range length {
					pix[base+i*step] = uint8((sum + radius) / width)
					sum += line[min(length-1, i+radius+1)] - line[max(0, i-radius)]
				}
			}
		}
	})
}
