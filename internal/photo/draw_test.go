package photo_test

import (
	"image"
	"image/color"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/photo"
)

// exact is what Draw approximates: the colour at a position by bilinear interpolation, the border repeated.
func exact(t photo.Tile, x, y float64, channel int) float64 {
	w, h := t.Size()
	x, y = min(max(x, 0), float64(w-1)), min(max(y, 0), float64(h-1))
	x0, y0 := int(x), int(y)
	x1, y1 := min(x0+1, w-1), min(y0+1, h-1)
	at := func(x, y int) float64 { return float64(t.At(x, y)[channel]) }
	fx, fy := x-float64(x0), y-float64(y0)
	return (at(x0, y0)*(1-fx)+at(x1, y0)*fx)*(1-fy) + (at(x0, y1)*(1-fx)+at(x1, y1)*fx)*fy
}

func TestDrawInterpolates(t *testing.T) {
	t.Parallel()
	img := image.NewRGBA(image.Rect(0, 0, 60, 45))
	for y := range 45 {
		for x := range 60 {
			img.SetRGBA(x, y, color.RGBA{uint8(4 * x), uint8(5 * y), uint8((x*7 + y*3) % 64), 255})
		}
	}
	whole := photo.CutTile(img, photo.Point{}, photo.Point{X: 60, Y: 45}, 1)
	sin, cos := math.Sincos(0.3)
	for name, m := range map[string][6]float64{
		"as it is":       {1, 0, 0, 0, 1, 0},
		"enlarged":       {0.4, 0, 3.3, 0, 0.4, 5.1},
		"turned":         {cos, -sin, 12, sin, cos, -2},
		"reduced":        {1.7, 0.1, -4, -0.1, 1.7, -3},
		"reduced within": {1.3, 0.02, 2, -0.02, 1.05, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			samples := []float64{0.5}
			if m[0] > 1.1 {
				samples = []float64{0.25, 0.75}
			}
			got := whole.Draw(m, 40, 40)
			for y := range 40 {
				for x := range 40 {
					for c, v := range got.Pix[got.PixOffset(x, y):][:3] {
						want := 0.0
						for _, oy := range samples {
							for _, ox := range samples {
								px, py := float64(x)+ox, float64(y)+oy
								sx, sy := m[0]*px+m[1]*py+m[2], m[3]*px+m[4]*py+m[5]
								want += exact(whole, sx-0.5, sy-0.5, c) / float64(len(samples)*len(samples))
							}
						}
						// Positions are rounded to a sixteenth of a pixel: the steepest channel changes by 64 a pixel.
						require.InDelta(t, want, v, 3, "channel %d at %d, %d", c, x, y)
					}
				}
			}
		})
	}
}

func TestTileConvertsColourAtEverySubsampling(t *testing.T) {
	t.Parallel()
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		t.Run(ratio.String(), func(t *testing.T) {
			t.Parallel()
			img := image.NewYCbCr(image.Rect(0, 0, 53, 41), ratio)
			for i := range img.Y {
				img.Y[i] = uint8(60 + 2*(i%img.YStride))
			}
			for i := range img.Cb {
				img.Cb[i], img.Cr[i] = uint8(90+i%img.CStride), uint8(150-i/img.CStride)
			}
			for _, shrink := range []int{1, 2, 3, 5} {
				whole := photo.CutTile(img, photo.Point{X: 6, Y: 4}, photo.Point{X: 53, Y: 41}, shrink)
				w, h := whole.Size()
				require.Equal(t, [2]int{47 / shrink, 37 / shrink}, [2]int{w, h})
				for y := range h {
					for x := range w {
						// The mean colour of the block's pixels; each sample of colour counts once, hence the slack.
						var want [3]float64
						for dy := range shrink {
							for dx := range shrink {
								r, g, b, _ := img.YCbCrAt(6+x*shrink+dx, 4+y*shrink+dy).RGBA()
								for c, v := range []uint32{r, g, b} {
									want[c] += float64(v>>8) / float64(shrink*shrink)
								}
							}
						}
						slack := 1.0
						if shrink > 1 {
							slack = 6
						}
						for c, v := range whole.At(x, y) {
							require.InDelta(t, want[c], v, slack, "shrink %d, channel %d at %d, %d", shrink, c, x, y)
						}
					}
				}
			}
		})
	}
}
