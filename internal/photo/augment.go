package photo

import (
	"image"
	"math"
	"math/rand/v2"

	"github.com/disintegration/gift"
)

// Ranges of the guide's five augmentations.
const (
	brightnessLow, brightnessHigh = 0.8, 1.2 // factor
	contrastLow, contrastHigh     = 0.8, 1.2 // factor around middle grey
	flipChance                    = 0.5
	rotationLimit                 = 5.0 // degrees to either side
	cropLow, cropHigh             = 0.9, 1.0
)

// Augment makes n variants of a prepared picture, each of the same size: RandomBrightness, RandomContrast,
// RandomHorizontalFlip, RandomRotation and RandomCrop with the guide's ranges, in this order. The same picture, seed
// and n give the same bytes, so that a repeated attempt changes nothing; variant i does not depend on n.
func Augment(img *image.RGBA, seed uint64, n int) []*image.RGBA {
	out := make([]*image.RGBA, max(n, 0))
	for i := range out {
		out[i] = augment(img, rand.New(rand.NewPCG(seed, uint64(i))))
	}
	return out
}

func augment(img *image.RGBA, random *rand.Rand) *image.RGBA {
	between := func(low, high float64) float64 { return low + (high-low)*random.Float64() }
	w, h := img.Rect.Dx(), img.Rect.Dy()
	brightness := float32(between(brightnessLow, brightnessHigh))
	contrast := 100 * (between(contrastLow, contrastHigh) - 1)
	flip := random.Float64() < flipChance
	degrees := between(-rotationLimit, rotationLimit)
	crop := between(cropLow, cropHigh)
	cw, ch := int(math.Round(crop*float64(w))), int(math.Round(crop*float64(h)))
	cx, cy := random.IntN(w-cw+1), random.IntN(h-ch+1)

	// gift's own Brightness adds; the guide's multiplies.
	g := gift.New(gift.ColorFunc(func(r, g, b, a float32) (float32, float32, float32, float32) {
		return min(r*brightness, 1), min(g*brightness, 1), min(b*brightness, 1), a
	}), gift.Contrast(float32(contrast)))
	if flip {
		g.Add(gift.FlipHorizontal())
	}
	coloured := image.NewRGBA(image.Rect(0, 0, w, h))
	g.Draw(coloured, img)

	// Rotating leaves empty corners; the border is widened first so that none reaches into the picture.
	pad := int(math.Ceil(float64(max(w, h)) * math.Sin(rotationLimit*math.Pi/180)))
	g = gift.New(
		gift.Rotate(float32(degrees), image.Black, gift.LinearInterpolation),
		gift.CropToSize(w, h, gift.CenterAnchor),
		gift.Crop(image.Rect(cx, cy, cx+cw, cy+ch)),
		gift.Resize(w, h, gift.LanczosResampling),
	)
	result := image.NewRGBA(image.Rect(0, 0, w, h))
	g.Draw(result, widened(coloured, pad))
	return result
}

// widened repeats the border pixels n wide on every side.
func widened(img *image.RGBA, n int) *image.RGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w+2*n, h+2*n))
	for y := range h + 2*n {
		src := img.Pix[min(max(y-n, 0), h-1)*img.Stride:][:4*w]
		dst := out.Pix[y*out.Stride:]
		copy(dst[4*n:], src)
		for x := range n {
			copy(dst[4*x:4*x+4], src[:4])
			copy(dst[4*(n+w+x):][:4], src[4*w-4:])
		}
	}
	return out
}
