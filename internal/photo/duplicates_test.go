package photo_test

import (
	"image"
	"image/color"
	"image/draw"
	"testing"

	"github.com/disintegration/gift"
	"github.com/gen2brain/jpegn"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

// changed applies filters to a picture.
func changed(img image.Image, filters ...gift.Filter) image.Image {
	g := gift.New(filters...)
	out := image.NewRGBA(g.Bounds(img.Bounds()))
	g.Draw(out, img)
	return out
}

// cut takes a share of the width away, half of it on each side.
func cut(share float64) gift.Filter {
	n := int(share * side / 2)
	return gift.Crop(image.Rect(n, n, side-n, side-n))
}

// framed puts a white frame around a picture.
func framed(img image.Image) image.Image {
	const frame = side / 10
	out := image.NewRGBA(image.Rect(0, 0, side+2*frame, side+2*frame))
	draw.Draw(out, out.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(out, image.Rect(frame, frame, frame+side, frame+side), img, image.Point{}, draw.Src)
	return out
}

func TestCopiesAreOnePhoto(t *testing.T) {
	t.Parallel()
	p, original := plain()
	for name, img := range map[string]image.Image{
		"smaller":        changed(p.Image, gift.Resize(side*6/10, 0, gift.LanczosResampling)),
		"brighter":       changed(p.Image, gift.Brightness(12)),
		"gamma":          changed(p.Image, gift.Gamma(1.4)),
		"grey":           changed(p.Image, gift.Grayscale()),
		"sepia":          changed(p.Image, gift.Sepia(80)),
		"blurred":        changed(p.Image, gift.GaussianBlur(0.8)),
		"mirrored":       changed(p.Image, gift.FlipHorizontal()),
		"cut by 3 %":     changed(p.Image, cut(0.03)),
		"cut by 8 %":     changed(p.Image, cut(0.08)),
		"cut by 20 %":    changed(p.Image, cut(0.2)),
		"turned by 3°":   changed(p.Image, gift.Rotate(3, color.Black, gift.CubicInterpolation)),
		"framed":         framed(p.Image),
		"cut and turned": changed(p.Image, gift.Rotate(-2, color.White, gift.CubicInterpolation), cut(0.1), gift.FlipHorizontal()),
	} {
		copied, err := look(encodePhoto(t, img), smallPolicy())
		require.NoError(t, err)
		require.True(t, original.SamePhoto(copied.Measures), name)
		require.True(t, copied.SamePhoto(original.Measures), name)
	}
	squeezed, err := look(encodeJPEG(t, p.Image, jpegn.EncodeOptions{Quality: 40}), smallPolicy())
	require.NoError(t, err)
	require.True(t, original.SamePhoto(squeezed.Measures), "compressed")
}

func TestPhotosOfOnePersonAreNotCopies(t *testing.T) {
	t.Parallel()
	_, original := plain()
	for _, album := range albums() {
		for i, m := range album {
			require.False(t, original.SamePhoto(m))
			for _, n := range album[i+1:] {
				require.False(t, m.SamePhoto(n))
			}
		}
	}
}

// Three photos of one moment, before the same wall in the same clothes, are three photos; but one more of a moment is
// worth less than one of another.
func TestASeriesIsKeptAndToldOf(t *testing.T) {
	t.Parallel()
	var series []photo.Measures
	for i := range 3 {
		series = append(series, judgeJPEG(portrait(8, func(p *sitter.Pose) {
			p.Yaw, p.Pitch, p.Smile = 3*float64(i), float64(i), 0.2+0.15*float64(i)
		})).Measures)
	}
	set := photo.NewJudge(smallPolicy(), nil).Set(members(series...), 20)
	require.Equal(t, []int{0, 1, 2}, usedOf(set))
	require.Contains(t, set.Report.Advice, "Add photos of other moments: photos 1, 2 and 3 are nearly the same picture.")

	apart := members(append(series, albums()[1][:2]...)...)
	for i := range apart {
		apart[i].Measures.Score.Overall = 95 - float64(i)
	}
	used := usedOf(photo.NewJudge(smallPolicy(), nil).Set(apart, 3))
	require.Subset(t, used, []int{0, 3, 4})
}
