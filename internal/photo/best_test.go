package photo_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

func TestTheBestOfPhotosThatShowTheSameAreUsed(t *testing.T) {
	t.Parallel()
	members := plainMembers(30, func(i int, m *photo.Measures) { m.Score.Overall = float64(70 + (i*7)%30) })
	members[25].Accepted = false // the fifth best
	judge := photo.NewJudge(smallPolicy(), nil)
	set := judge.Set(members, 12)
	primaries := 0
	for i, c := range set.Choices {
		require.Equal(t, members[i].Photo, c.Photo)
		overall := members[i].Measures.Score.Overall
		require.Equal(t, members[i].Accepted && overall >= 87, c.Use, "score %v", overall)
		if members[i].Accepted && !c.Use {
			require.Equal(t, []persona.PhotoCode{persona.PhotoNotAmongBest}, codes(c.Findings))
			require.False(t, c.Findings[0].Refuses)
		}
		if c.Primary {
			primaries++
			require.InDelta(t, 99, overall, 0)
		}
	}
	require.Equal(t, 1, primaries)
	require.Equal(t, []int{30, 29, 12}, []int{set.Report.Photos, set.Report.Accepted, set.Report.Used})
	require.Equal(t, persona.TierStandard, set.Report.Tier)
	require.Empty(t, judge.Set(nil, 12).Choices)
	require.Equal(t, persona.SetReport{Photos: 1, Advice: []string{
		"Add at least five more good photos; 5 are needed, and 10 to 20 are best.",
	}}, judge.Set([]photo.Member{{Photo: "bad"}}, 12).Report)
}

// What only one photo shows is worth some points of its score, but not a bad photo.
func TestVarietyCountsAmongGoodPhotos(t *testing.T) {
	t.Parallel()
	members := plainMembers(14, func(i int, m *photo.Measures) {
		m.Score.Overall = 96 - float64(i)/2
		switch i {
		case 11:
			m.Face.Yaw = -25
		case 12:
			m.Quality.MouthOpen = 0.3
		case 13:
			m.Face.Yaw, m.Score.Overall = 25, 72
		}
	})
	judge := photo.NewJudge(smallPolicy(), nil)
	used := usedOf(judge.Set(members, 5))
	require.Equal(t, []int{0, 1, 2, 11, 12}, used)

	shuffled := slices.Clone(members)
	rand.New(rand.NewPCG(5, 5)).Shuffle(len(shuffled), func(i, k int) { shuffled[i], shuffled[k] = shuffled[k], shuffled[i] })
	again := usedOf(judge.Set(shuffled, 5))
	slices.Sort(again)
	require.Equal(t, used, again, "whatever the order")
}

func TestThePrimaryPhotoIsCalmFrontalAndWhole(t *testing.T) {
	t.Parallel()
	judge := photo.NewJudge(smallPolicy(), nil)
	for name, spoil := range map[string]func(m *photo.Measures){
		"turned":                 func(m *photo.Measures) { m.Face.Yaw = -30 },
		"tilted":                 func(m *photo.Measures) { m.Face.Roll = 20 },
		"lit from one side":      func(m *photo.Measures) { m.Quality.SideLight = -1.5 },
		"with one eye closed":    func(m *photo.Measures) { m.Quality.EyesOpen[1] = 0.1 },
		"laughing":               func(m *photo.Measures) { m.Quality.MouthOpen = 0.3 },
		"cut off":                func(m *photo.Measures) { m.Quality.HeadOutside = 0.2 },
		"with somebody else":     func(m *photo.Measures) { m.Quality.SecondFace = 0.1 },
		"of a much lower score":  func(m *photo.Measures) { m.Score.Overall = 80 },
		"that is not acceptable": nil,
	} {
		members := plainMembers(2, func(i int, m *photo.Measures) {
			if i == 0 {
				m.Score.Overall += 3
				if spoil != nil {
					spoil(m)
				}
			}
		})
		members[0].Accepted = spoil != nil
		require.True(t, judge.Set(members, 20).Choices[1].Primary, "rather than one %s", name)
		if spoil != nil {
			members[0].Primary = true
			require.True(t, judge.Set(members, 20).Choices[0].Primary, "the person's word counts: one %s", name)
		}
	}
}
