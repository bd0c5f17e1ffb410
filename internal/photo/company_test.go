package photo_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

func TestASetWarnsOfTwoPeople(t *testing.T) {
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

// certain is a describer that knows people apart beyond doubt.
type certain struct{}

func (certain) Name() string { return "certain" }

func (certain) Describe(photo.Aligned) (photo.Descriptor, error) { return face(0, 0), nil }

func (certain) Cuts() photo.Cuts {
	return photo.Cuts{UnlikeDeviations: 4, UnlikeLeast: 0.2, TwoGroupsGap: 0.3, Stranger: 0.25}
}

// face is the descriptor of a photo of person who, a little different in each photo.
func face(who, variation int) photo.Descriptor {
	d := make(photo.Descriptor, 32)
	d[who] = 1
	d[16+variation%16] = 0.4
	length := float32(math.Sqrt(1.16))
	for i := range d {
		d[i] /= length
	}
	return d
}

// Whom the photos show, by the numbers of people, and what a describer that is sure of it makes of them.
func TestASureDescriberRefusesStrangers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		who     []int
		named   int // index of the primary photo, -1 for none
		refused []int
		code    persona.PhotoCode
	}{
		"one person":                        {who: []int{1, 1, 1, 1, 1}, named: -1},
		"one stranger":                      {who: []int{1, 1, 2, 1, 1}, named: -1, refused: []int{2}, code: persona.PhotoUnlikeOthers},
		"two who are two people":            {who: []int{1, 1, 2, 1, 1, 3}, named: -1, refused: []int{2, 5}, code: persona.PhotoProbablyTwoSet},
		"two people":                        {who: []int{1, 2, 1, 2, 1, 1}, named: -1, refused: []int{1, 3}, code: persona.PhotoProbablyTwoSet},
		"two people with as many photos":    {who: []int{1, 2, 2, 1}, named: -1, refused: []int{1, 2}, code: persona.PhotoProbablyTwoSet},
		"as many, and one of them is named": {who: []int{1, 2, 2, 1}, named: 2, refused: []int{0, 3}, code: persona.PhotoProbablyTwoSet},
		"nobody's photos are most":          {who: []int{1, 1, 1, 1, 2, 2, 3, 4}, named: 7},
		"the most alike are the person":     {who: []int{2, 2, 3, 4, 1, 1, 1, 1}, named: -1, refused: []int{0, 1, 2, 3}, code: persona.PhotoProbablyTwoSet},
		"too few to tell":                   {who: []int{1, 2, 1}, named: -1},
	} {
		var members []photo.Member
		for i, who := range c.who {
			m := plainMember(i, func(m *photo.Measures) { m.Descriptor, m.DescribedBy = face(who, i), "certain" })
			m.Primary = i == c.named
			members = append(members, m)
		}
		judge := photo.NewJudge(smallPolicy(), certain{})
		set := judge.Set(members, 20)
		var refused []int
		for _, choice := range set.Choices {
			if choice.Use {
				require.NotContains(t, codes(choice.Findings), c.code, name)
				continue
			}
			refused = append(refused, choice.Index)
			require.Equal(t, []persona.PhotoCode{c.code}, codes(choice.Findings), name)
			require.True(t, choice.Findings[0].Refuses, name)
		}
		require.Equal(t, c.refused, refused, name)
		if len(refused) > 0 {
			require.Contains(t, set.Report.Advice[0], "the same person as the others", name)
		}
		require.Equal(t, set, judge.Set(members, 20), name)

		for i := range members {
			members[i].Measures.DescribedBy = "another"
		}
		require.Len(t, usedOf(judge.Set(members, 20)), len(members), "descriptors of two describers are not compared")
	}
}

// The photo that the person named is never taken for somebody else's, whatever the others show.
func TestTheNamedPhotoIsNoStranger(t *testing.T) {
	t.Parallel()
	members := plainMembers(6, func(i int, m *photo.Measures) { m.Descriptor, m.DescribedBy = face(min(i, 1), i), "certain" })
	members[0].Primary = true
	set := photo.NewJudge(smallPolicy(), certain{}).Set(members, 20)
	require.Equal(t, []int{0, 1, 2, 3, 4, 5}, usedOf(set))
	require.True(t, set.Choices[0].Primary)
	require.Equal(t, []persona.PhotoCode{persona.PhotoUnlikeOthers}, codes(set.Choices[0].Findings))
	require.False(t, set.Choices[0].Findings[0].Refuses)
}
