package photo_test

import (
	"bytes"
	"image"
	"slices"
	"testing"

	"github.com/disintegration/gift"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

// pairs are the similarities of two photos of one person and of two people's.
func pairs(albums [][]photo.Descriptor) (same, other []float64) {
	for a, album := range albums {
		for i, d := range album {
			for _, e := range album[:i] {
				same = append(same, d.Similarity(e))
			}
			for _, stranger := range slices.Concat(albums[:a]...) {
				other = append(other, d.Similarity(stranger))
			}
		}
	}
	return same, other
}

// sameAboveOther is the area under the curve: the probability that a same pair is more alike than an other one.
func sameAboveOther(same, other []float64) float64 {
	above := 0.0
	for _, s := range same {
		for _, o := range other {
			if s > o {
				above++
			}
		}
	}
	return above / float64(len(same)*len(other))
}

func TestClassicalDescriberTellsDrawnPeopleApart(t *testing.T) {
	t.Parallel()
	var albums [][]photo.Descriptor
	for identity := range uint64(8) {
		var album []photo.Descriptor
		for k, yaw := range []float64{-18, 2, 15} {
			p := portrait(30+identity, func(p *sitter.Pose) {
				p.Yaw, p.Pitch, p.Roll = yaw, 4*float64(k-1), 3*float64(1-k)
				p.Smile, p.Light, p.Contrast = 0.4*float64(k), 50*float64(1-k), 0.25*float64(k+1)
				p.Distance = 0.36 + 0.05*float64(k)
			})
			j := judgeJPEG(p)
			require.Equal(t, photo.Classical().Name(), j.DescribedBy)
			require.NotEmpty(t, j.Descriptor)
			album = append(album, j.Descriptor)
		}
		albums = append(albums, album)
	}
	same, other := pairs(albums)
	require.Greater(t, sameAboveOther(same, other), 0.95)
}

func TestClassicalDescriptorStaysWhereTheFaceIsTheSame(t *testing.T) {
	t.Parallel()
	p, j := plain()
	changed := func(filters ...gift.Filter) image.Image {
		g := gift.New(filters...)
		out := image.NewRGBA(g.Bounds(p.Image.Rect))
		g.Draw(out, p.Image)
		return out
	}
	squeezed := func() []byte {
		var b bytes.Buffer
		require.NoError(t, photo.EncodeJPEG(&b, p.Image, 40))
		return b.Bytes()
	}
	relit := portrait(3, func(p *sitter.Pose) { p.Light = -p.Light })
	for _, c := range []struct {
		name  string
		file  []byte
		least float64
	}{
		{"mirrored", encodePhoto(t, changed(gift.FlipHorizontal())), 0.94},
		{"brighter", encodePhoto(t, changed(gift.Gamma(1.4))), 0.93},
		{"less contrast", encodePhoto(t, changed(gift.Contrast(-30))), 0.93},
		{"lit from the other side", encodePhoto(t, relit.Image), 0.85},
		{"squeezed into few bytes", squeezed(), 0.93},
		{"moved", encodePhoto(t, changed(gift.Crop(image.Rect(21, 13, side, side)))), 0.93},
		{"tilted by 4°", encodePhoto(t, changed(gift.Rotate(4, image.Black.C, gift.CubicInterpolation))), 0.93},
		{"four fifths of the size", encodePhoto(t, changed(gift.Resize(side*4/5, 0, gift.LanczosResampling))), 0.93},
		{"twice the size", encodePhoto(t, changed(gift.Resize(side*2, 0, gift.LanczosResampling))), 0.93},
	} {
		copied, err := look(c.file, smallPolicy())
		require.NoError(t, err)
		require.Greater(t, j.Descriptor.Similarity(copied.Descriptor), c.least, c.name)
	}
}

func TestClassicalDescriptorIsRepeatableAndSmall(t *testing.T) {
	t.Parallel()
	p, j := plain()
	again := judgeJPEG(p)
	require.Equal(t, j.Descriptor, again.Descriptor)
	require.LessOrEqual(t, len(j.Descriptor), 1024)
	require.InDelta(t, 1, j.Descriptor.Similarity(again.Descriptor), 1e-6)
}
