package photo_test

import (
	"image"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/photo"
)

func TestOverviewAverages(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	for _, size := range [][2]int{{1000, 700}, {641, 640}, {640, 3}, {2003, 1501}, {9000, 700}, {30_000, 40}, {7, 5}, {1, 1}} {
		img := image.NewGray(image.Rect(0, 0, size[0], size[1]))
		for i := range img.Pix {
			img.Pix[i] = uint8(random.IntN(256))
		}
		pix, w, h := photo.Overview(img, 640)
		scaleX, scaleY := float64(size[0])/float64(w), float64(size[1])/float64(h)
		for range 400 {
			x, y := random.IntN(w), random.IntN(h)
			want := mean(img, float64(x)*scaleX, float64(y)*scaleY, float64(x+1)*scaleX, float64(y+1)*scaleY)
			// Rows count in 64ths of a pixel or, in pictures reduced further, in larger parts.
			require.InDelta(t, want, float64(pix[y*w+x]), 5, "%v at %d, %d", size, x, y)
		}
	}
}

// mean is the exact mean of a rectangle whose borders may cut pixels.
func mean(img *image.Gray, x0, y0, x1, y1 float64) float64 {
	share := func(i int, low, high float64) float64 { return max(0, min(float64(i+1), high)-max(float64(i), low)) }
	var sum, area float64
	for y := int(y0); y < img.Rect.Dy() && float64(y) < y1; y++ {
		for x := int(x0); x < img.Rect.Dx() && float64(x) < x1; x++ {
			part := share(x, x0, x1) * share(y, y0, y1)
			sum += part * float64(img.GrayAt(x, y).Y)
			area += part
		}
	}
	return sum / area
}
