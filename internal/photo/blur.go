package photo

import (
	"math"
	"sync"
)

// field is a picture of real numbers.
type field struct {
	pix  []float32
	w, h int
}

// window copies the part of g between (x0, y0) and (x1, y1).
func (g plane) window(x0, y0, x1, y1 int) field {
	f := field{make([]float32, (x1-x0)*(y1-y0)), x1 - x0, y1 - y0}
	for y := range f.h {
		for x, v := range g.pix[(y0+y)*g.w+x0:][:f.w] {
			f.pix[y*f.w+x] = float32(v)
		}
	}
	return f
}

// blurred returns f under a Gaussian of the given sigma; beyond the edge the border repeats.
func (f field) blurred(sigma float64) field {
	radius := int(math.Ceil(3 * sigma))
	kernel := make([]float32, 2*radius+1)
	var sum float32
	for i := range kernel {
		d := float64(i - radius)
		kernel[i] = float32(math.Exp(-d * d / (2 * sigma * sigma)))
		sum += kernel[i]
	}
	for i := range kernel {
		kernel[i] /= sum
	}
	buf := borrowReals(len(f.pix))
	defer reals.Put(&buf)
	across := field{buf, f.w, f.h}
	padded := make([]float32, f.w+2*radius)
	for y := range f.h {
		row := f.pix[y*f.w:][:f.w]
		copy(padded[radius:], row)
		for i := range radius {
			padded[i], padded[radius+f.w+i] = row[0], row[f.w-1]
		}
		out := across.pix[y*f.w:][:f.w]
		for i, k := range kernel {
			for x, v := range padded[i : i+f.w] {
				out[x] += k * v
			}
		}
	}
	out := field{make([]float32, len(f.pix)), f.w, f.h}
	for y := range f.h {
		dst := out.pix[y*f.w:][:f.w]
		for i, k := range kernel {
			src := across.pix[min(max(y+i-radius, 0), f.h-1)*f.w:][:f.w]
			for x, v := range src {
				dst[x] += k * v
			}
		}
	}
	return out
}

// reals are buffers between the two passes of a blur.
var reals sync.Pool

// borrowReals returns n zeros.
func borrowReals(n int) []float32 {
	if b, ok := reals.Get().(*[]float32); ok && cap(*b) >= n {
		clear((*b)[:n])
		return (*b)[:n]
	}
	return make([]float32, n)
}
