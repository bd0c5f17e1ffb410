package photo_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

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

func TestASetKeepsTheBestOfCopies(t *testing.T) {
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

// plainMember is a good photo of nothing in particular, unlike every other: a calm face from the front in soft light.
func plainMember(index int, change func(*photo.Measures)) photo.Member {
	var m photo.Measures
	m.Width, m.Height, m.Faces, m.Score.Overall = 1000, 1000, 1, 90
	m.Quality.Skin, m.Quality.MouthWidth, m.Quality.FaceShare = 150, 0.7, 0.35
	m.Quality.EyesOpen = [2]float64{1, 1}
	m.Quality.Background.Histogram[0] = 1
	random := rand.New(rand.NewPCG(uint64(index), 1))
	for k := range m.Hash.Picture {
		m.Hash.Picture[k], m.Hash.Mirrored[k] = byte(random.Uint32()), byte(random.Uint32())
	}
	if change != nil {
		change(&m)
	}
	return photo.Member{Photo: strconv.Itoa(index), Index: index, Accepted: true, Measures: m}
}

// plainMembers are n such photos.
func plainMembers(n int, change func(i int, m *photo.Measures)) []photo.Member {
	out := make([]photo.Member, n)
	for i := range out {
		out[i] = plainMember(i, func(m *photo.Measures) {
			if change != nil {
				change(i, m)
			}
		})
	}
	return out
}

// usedOf lists the indexes of the photos in use.
func usedOf(s photo.Set) []int {
	used := []int{}
	for _, c := range s.Choices {
		if c.Use {
			used = append(used, c.Index)
		}
	}
	return used
}
