package photo_test

import (
	"bytes"
	"image"
	"image/color"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

// turnLeft turns a picture a quarter counterclockwise, as a camera held upright stores it with orientation 6.
func turnLeft(img *image.RGBA) *image.RGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, h, w))
	for y := range h {
		for x := range w {
			out.SetRGBA(y, w-1-x, img.RGBAAt(x, y))
		}
	}
	return out
}

func TestPrepareLevelsTheEyes(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*sitter.Pose){
		"straight": nil,
		"tilted":   func(p *sitter.Pose) { p.Roll = 18 },
		"close":    func(p *sitter.Pose) { p.Distance = 0.7 },
		"far":      func(p *sitter.Pose) { p.Distance = 0.3 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := judge(t, portrait(3, change))
			img, err := j.Prepare(300)
			require.NoError(t, err)
			require.Equal(t, image.Rect(0, 0, 300, 300), img.Rect)
			require.True(t, img.Opaque())
			faces := photo.FindFaces(img)
			require.Len(t, faces, 1)
			want := photo.PreparedEyes(300)
			for i, e := range faces[0].Eyes {
				require.InDelta(t, want[i].X, e.X, 6)
				require.InDelta(t, want[i].Y, e.Y, 6)
			}
		})
	}
	_, j := plain()
	for _, bad := range []int{0, 15, 5000, -1} {
		_, err := j.Prepare(bad)
		require.Error(t, err)
	}
}

func TestPrepareOfATurnedFileShowsTheSame(t *testing.T) {
	t.Parallel()
	p, _ := plain()
	want, err := judge(t, p).Prepare(200)
	require.NoError(t, err)
	j, err := look(afterHeader(encodePNG(t, turnLeft(p.Image)), chunk("eXIf", exif(6)[6:])), smallPolicy())
	require.NoError(t, err)
	got, err := j.Prepare(200)
	require.NoError(t, err)
	near(t, want, got, 24)
}

func TestPrepareEvensLightOut(t *testing.T) {
	t.Parallel()
	light := func(exposure float64) (before, after float64) {
		p := portrait(3, func(p *sitter.Pose) { p.Exposure = exposure })
		img, err := judge(t, p).Prepare(160)
		require.NoError(t, err)
		return brightness(p.Image), brightness(img)
	}
	darkBefore, darkAfter := light(-1)
	brightBefore, brightAfter := light(0.3)
	require.Less(t, (brightAfter-darkAfter)/brightAfter, 0.75*(brightBefore-darkBefore)/brightBefore)
}

func brightness(img *image.RGBA) float64 {
	var sum, n float64
	b := img.Rect
	for y := b.Dy() / 3; y < b.Dy()*2/3; y++ {
		for x := b.Dx() * 2 / 5; x < b.Dx()*3/5; x++ {
			sum += float64(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
			n++
		}
	}
	return sum / n
}

func TestAugmentIsSeeded(t *testing.T) {
	t.Parallel()
	_, j := plain()
	img, err := j.Prepare(128)
	require.NoError(t, err)
	before := bytes.Clone(img.Pix)
	two, four := photo.Augment(img, 7, 2), photo.Augment(img, 7, 4)
	require.Equal(t, before, img.Pix, "the picture itself was changed")
	require.Len(t, four, 4)
	for i, v := range two {
		require.Equal(t, img.Rect, v.Rect)
		require.Equal(t, v.Pix, four[i].Pix, "a variant depends on how many are made")
		require.NotEqual(t, img.Pix, v.Pix)
	}
	require.NotEqual(t, two[0].Pix, two[1].Pix)
	require.NotEqual(t, two[0].Pix, photo.Augment(img, 8, 1)[0].Pix)
	require.Empty(t, photo.Augment(img, 7, 0))
}

func TestAugmentKeepsTheGuidesRanges(t *testing.T) {
	t.Parallel()
	img := image.NewRGBA(image.Rect(0, 0, 96, 96))
	for i := range img.Pix {
		img.Pix[i] = 128
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	brighter, darker := 0, 0
	for _, v := range photo.Augment(img, 1, 40) {
		// A plain grey picture shows brightness alone: contrast turns around the middle, and nothing else changes it.
		for _, at := range []int{0, 4 * 95, len(v.Pix) - 4, len(v.Pix) / 2} {
			require.GreaterOrEqual(t, v.Pix[at], uint8(95), "a corner was left empty, or too dark")
			require.LessOrEqual(t, v.Pix[at], uint8(161))
		}
		if v.Pix[0] > 128 {
			brighter++
		} else {
			darker++
		}
	}
	require.Greater(t, min(brighter, darker), 8)
}

func TestAugmentFlipsHalf(t *testing.T) {
	t.Parallel()
	img := ramp(64, 64)
	flipped := 0
	for _, v := range photo.Augment(img, 3, 60) {
		if v.RGBAAt(8, 32).R > v.RGBAAt(56, 32).R {
			flipped++
		}
	}
	require.InDelta(t, 30, flipped, 14)
}

func TestEncodeJPEGCanBeDecoded(t *testing.T) {
	t.Parallel()
	img := ramp(220, 210)
	for _, quality := range []int{-5, 60, 95, 400} {
		var b bytes.Buffer
		require.NoError(t, photo.EncodeJPEG(&b, img, quality))
		got, err := photo.Decode(b.Bytes(), smallPolicy())
		require.NoError(t, err)
		require.Equal(t, img.Rect.Size(), got.Bounds().Size())
	}
}
