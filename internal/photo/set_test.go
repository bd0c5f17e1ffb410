package photo_test

import (
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/disintegration/gift"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

// albums are judged photos of three drawn people, five each, drawn once.
var albums = sync.OnceValue(func() [3][]photo.Measures {
	var out [3][]photo.Measures
	for i, who := range []uint64{3, 8, 4} {
		for _, p := range sitter.New(who).Set(5, 360) {
			out[i] = append(out[i], judgeJPEG(p).Measures)
		}
	}
	return out
})

func members(all ...photo.Measures) []photo.Member {
	var out []photo.Member
	for i, m := range all {
		out = append(out, photo.Member{Photo: strconv.Itoa(i), Index: i, Accepted: true, Measures: m})
	}
	return out
}

func TestDescriptorTellsPeopleApart(t *testing.T) {
	t.Parallel()
	var same, other []float64
	all := albums()
	for a, album := range all {
		for i, m := range album {
			require.InDelta(t, 1, m.Descriptor.Similarity(m.Descriptor), 1e-6)
			for b, second := range all {
				for k, n := range second {
					switch s := m.Descriptor.Similarity(n.Descriptor); {
					case a == b && i < k:
						same = append(same, s)
					case a < b:
						other = append(other, s)
					}
				}
			}
		}
	}
	above := 0.0
	for _, s := range same {
		for _, o := range other {
			if s > o {
				above++
			}
		}
	}
	require.Greater(t, above/float64(len(same)*len(other)), 0.85, "area under the curve")
}

func TestOwnClosenessSeparatesStrangers(t *testing.T) {
	t.Parallel()
	var own []photo.Descriptor
	for _, m := range albums()[0] {
		own = append(own, m.Descriptor)
	}
	centroid, fifth := photo.OwnCloseness(own)
	close := 0
	for _, d := range own {
		if d.Similarity(centroid) >= fifth {
			close++
		}
	}
	require.Equal(t, len(own), close, "own photos are part of the centroid")
	for _, m := range albums()[1] {
		require.Less(t, m.Descriptor.Similarity(centroid), fifth)
	}
	_, one := photo.OwnCloseness(own[:1])
	require.InDelta(t, 1, one, 0)
	none, _ := photo.OwnCloseness(nil)
	require.Nil(t, none)
	require.Zero(t, centroid.Similarity(nil))
	require.Nil(t, photo.Centroid([]photo.Descriptor{nil}))
}

func TestHashKnowsTheSamePhotoAgain(t *testing.T) {
	t.Parallel()
	p, j := plain()
	changed := func(filters ...gift.Filter) image.Image {
		g := gift.New(filters...)
		out := image.NewRGBA(g.Bounds(p.Image.Rect))
		g.Draw(out, p.Image)
		return out
	}
	cut := func(share float64) gift.Filter {
		n := int(share * side / 2)
		return gift.Crop(image.Rect(n, n, side-n, side-n))
	}
	for name, img := range map[string]image.Image{
		"smaller":      changed(gift.Resize(300, 300, gift.LanczosResampling)),
		"brighter":     changed(gift.Brightness(8)),
		"grey":         changed(gift.Grayscale()),
		"mirrored":     changed(gift.FlipHorizontal()),
		"cut by 4 %":   changed(cut(0.04)),
		"cut by 20 %":  changed(cut(0.2)),
		"tilted by 3°": changed(gift.Rotate(3, image.Black.C, gift.CubicInterpolation)),
	} {
		copied, err := look(encodePhoto(t, img), smallPolicy())
		require.NoError(t, err)
		require.True(t, j.SamePhoto(copied.Measures), name)
	}
	for _, album := range albums() {
		for i, m := range album {
			require.False(t, j.SamePhoto(m))
			for _, n := range album[i+1:] {
				require.False(t, m.SamePhoto(n), "two photos of one person")
			}
		}
	}
}

func TestSelectSetKeepsTheBestOfCopies(t *testing.T) {
	t.Parallel()
	album := albums()[0]
	better := album[0]
	better.Score.Overall += 0.5
	m := members(append(slices.Clone(album), better)...)
	choices := photo.NewJudge(smallPolicy(), nil).Set(m, 20).Choices
	require.False(t, choices[0].Use)
	require.True(t, choices[5].Use)
	require.Equal(t, []persona.PhotoCode{persona.PhotoDuplicate}, codes(choices[0].Findings))
	require.Contains(t, choices[0].Findings[0].Why, "photo 6")

	m[0].Primary = true
	choices = photo.NewJudge(smallPolicy(), nil).Set(m, 20).Choices
	require.True(t, choices[0].Use, "the named primary photo gives way to no copy of it")
	require.True(t, choices[0].Primary)
	require.False(t, choices[5].Use)
}

func TestSelectSetUsesTheBest(t *testing.T) {
	t.Parallel()
	var all []photo.Measures
	random := rand.New(rand.NewPCG(1, 1))
	for i := range 30 {
		var m photo.Measures
		m.Score.Overall = float64(70 + (i*7)%30)
		m.Face.Yaw = float64(i%5) * 10
		for k := range m.Hash.Picture {
			m.Hash.Picture[k], m.Hash.Mirrored[k] = byte(random.Uint32()), byte(random.Uint32())
		}
		all = append(all, m)
	}
	m := members(all...)
	m[4].Accepted = false
	choices := photo.NewJudge(smallPolicy(), nil).Set(m, 12).Choices
	used, primary, worstUsed, bestLeft := 0, 0, math.Inf(1), 0.0
	for i, c := range choices {
		require.Equal(t, m[i].Photo, c.Photo)
		overall := m[i].Measures.Score.Overall
		switch {
		case c.Use:
			used++
			worstUsed = min(worstUsed, overall)
		case m[i].Accepted:
			bestLeft = max(bestLeft, overall)
			require.Equal(t, []persona.PhotoCode{persona.PhotoNotAmongBest}, codes(c.Findings))
			require.False(t, c.Findings[0].Refuses)
		}
		if c.Primary {
			primary++
			require.True(t, c.Use)
		}
	}
	require.Equal(t, 12, used)
	require.Equal(t, 1, primary)
	require.GreaterOrEqual(t, worstUsed, bestLeft)
	require.False(t, choices[4].Use)
	require.Equal(t, choices, photo.NewJudge(smallPolicy(), nil).Set(m, 12).Choices)
	require.Empty(t, photo.NewJudge(smallPolicy(), nil).Set(nil, 12).Choices)
}

func TestSelectSetWarnsOfTwoPeople(t *testing.T) {
	t.Parallel()
	all := albums()
	mixed := members(append(slices.Clone(all[0]), all[1][:4]...)...)
	warned := []string{}
	for _, c := range photo.NewJudge(smallPolicy(), nil).Set(mixed, 20).Choices {
		require.True(t, c.Use, "the descriptor alone never refuses")
		if slices.Contains(codes(c.Findings), persona.PhotoProbablyTwoSet) {
			require.False(t, c.Findings[0].Refuses)
			warned = append(warned, c.Photo)
		}
	}
	require.Equal(t, []string{"5", "6", "7", "8"}, warned)
	for _, album := range all {
		for _, c := range photo.NewJudge(smallPolicy(), nil).Set(members(album...), 20).Choices {
			require.NotContains(t, codes(c.Findings), persona.PhotoProbablyTwoSet)
		}
	}
}
