package dct_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gen2brain/jpegn"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/dct"
)

// files are pictures stored in every way that is read.
func files(t testing.TB, w, h int) map[string][]byte {
	t.Helper()
	img := scene(w, h)
	grey := image.NewGray(img.Rect)
	for i := range grey.Pix {
		grey.Pix[i] = img.Pix[4*i]
	}
	return map[string][]byte{
		"4:2:0":            encoded(t, img, jpegn.EncodeOptions{Subsampling: jpegn.Subsample420}),
		"4:2:2":            encoded(t, img, jpegn.EncodeOptions{Subsampling: jpegn.Subsample422}),
		"4:4:0":            encoded(t, img, jpegn.EncodeOptions{Subsampling: jpegn.Subsample440}),
		"4:4:4":            encoded(t, img, jpegn.EncodeOptions{Subsampling: jpegn.Subsample444}),
		"the best quality": encoded(t, img, jpegn.EncodeOptions{Quality: 100}),
		"a low quality":    encoded(t, img, jpegn.EncodeOptions{Quality: 12}),
		"codes of its own": encoded(t, img, jpegn.EncodeOptions{OptimizeCoding: true}),
		"with restarts":    encoded(t, img, jpegn.EncodeOptions{RestartInterval: 3}),
		"grey":             encoded(t, grey, jpegn.EncodeOptions{}),
		"one pixel":        encoded(t, scene(1, 1), jpegn.EncodeOptions{}),
		"4:1:1, made":      made(w/2, h/3, 4, 1, 0),
		"4:1:0, made":      made(w/2, h/3, 4, 2, 0),
		"4:2:0, made":      made(2*w/3, 2*h/3, 2, 2, 7),
		"4:4:4, made":      made(2*w/3, 2*h/3, 1, 1, 0),
	}
}

func TestPicturesAreThoseOfTheStandardDecoder(t *testing.T) {
	t.Parallel()
	for name, data := range files(t, 203, 139) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := jpeg.Decode(bytes.NewReader(data))
			require.NoError(t, err)
			p, err := dct.Open(data)
			require.NoError(t, err)
			require.Equal(t, want.Bounds().Size(), p.Size(1))
			whole := part(p, image.Rectangle{Max: p.Size(1)}, 1)
			require.Equal(t, want.Bounds(), whole.Bounds())
			require.Equal(t, want.ColorModel(), whole.ColorModel())
			for i, w := range samples(want) {
				require.LessOrEqual(t, farthest(w, samples(whole)[i]), 1.0, "channel %d", i)
			}
			half, quarter := part(p, image.Rectangle{Max: p.Size(2)}, 2), part(p, image.Rectangle{Max: p.Size(4)}, 4)
			require.Equal(t, p.Size(2), half.Bounds().Size())
			require.Equal(t, p.Size(4), quarter.Bounds().Size())
			if strings.HasSuffix(name, "made") {
				return // most samples are cut off at black or white
			}
			require.LessOrEqual(t, farthest(samples(whole)[0].mean(2), samples(half)[0]), 1.5, "half size")
			require.Less(t, apart(samples(whole)[0].mean(4), samples(quarter)[0]), 4.0, "quarter size")
		})
	}
}

func TestPartsAreThoseOfTheWhole(t *testing.T) {
	t.Parallel()
	for name, data := range files(t, 203, 139) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := dct.Open(data)
			require.NoError(t, err)
			random := rand.New(rand.NewPCG(1, 2))
			for _, scale := range []int{1, 2, 4} {
				size := p.Size(scale)
				whole := part(p, image.Rectangle{Max: size}, scale)
				for range 20 {
					r := image.Rect(random.IntN(size.X+1), random.IntN(size.Y+1), random.IntN(size.X+1), random.IntN(size.Y+1))
					got := part(p, r, scale)
					require.True(t, r.In(got.Bounds()), "%v within %v", r, got.Bounds())
					for y := r.Min.Y; y < r.Max.Y; y++ {
						for x := r.Min.X; x < r.Max.X; x++ {
							require.Equal(t, whole.At(x, y), got.At(x, y))
						}
					}
				}
			}
		})
	}
}

// A colour that was stored for four pixels is not halved with them.
func TestHalfSizeKeepsTheColours(t *testing.T) {
	t.Parallel()
	p, err := dct.Open(encoded(t, scene(64, 48), jpegn.EncodeOptions{Subsampling: jpegn.Subsample420}))
	require.NoError(t, err)
	whole, half := samples(part(p, image.Rectangle{Max: p.Size(1)}, 1)), samples(part(p, image.Rect(0, 0, 32, 24), 2))
	require.Equal(t, whole[1], half[1])
	require.Equal(t, whole[2], half[2])
}

func part(p *dct.Picture, r image.Rectangle, scale int) image.Image {
	return p.Part(r, scale, func(n int) []uint8 { return bytes.Repeat([]uint8{0xAA}, n) })
}

// channel is the samples of one channel, w by h.
type channel struct {
	pix  []float64
	w, h int
}

// samples are the channels of a decoded picture.
func samples(img image.Image) []channel {
	cut := func(pix []uint8, stride, w, h int) channel {
		c := channel{w: w, h: h}
		for y := range h {
			for x := range w {
				c.pix = append(c.pix, float64(pix[y*stride+x]))
			}
		}
		return c
	}
	size := img.Bounds().Size()
	switch img := img.(type) {
	case *image.YCbCr:
		last := img.COffset(img.Rect.Max.X-1, img.Rect.Max.Y-1)
		w, h := last%img.CStride+1, last/img.CStride+1
		return []channel{
			cut(img.Y, img.YStride, size.X, size.Y), cut(img.Cb, img.CStride, w, h), cut(img.Cr, img.CStride, w, h),
		}
	case *image.Gray:
		return []channel{cut(img.Pix, img.Stride, size.X, size.Y)}
	}
	return nil
}

// mean reduces a channel by averaging squares; those that stick out are left away.
func (c channel) mean(side int) channel {
	out := channel{w: c.w / side, h: c.h / side}
	for y := range out.h {
		for x := range out.w {
			sum := 0.0
			for i := range side * side {
				sum += c.pix[(y*side+i/side)*c.w+x*side+i%side]
			}
			out.pix = append(out.pix, sum/float64(side*side))
		}
	}
	return out
}

// farthest is the largest difference between two channels of nearly the same size.
func farthest(a, b channel) float64 {
	most := 0.0
	each(a, b, func(d float64) { most = max(most, d) })
	return most
}

// apart is the mean difference.
func apart(a, b channel) float64 {
	sum, n := 0.0, 0.0
	each(a, b, func(d float64) { sum, n = sum+d, n+1 })
	return sum / max(n, 1)
}

func each(a, b channel, take func(float64)) {
	for y := range min(a.h, b.h) {
		for x := range min(a.w, b.w) {
			d := a.pix[y*a.w+x] - b.pix[y*b.w+x]
			take(max(d, -d))
		}
	}
}
