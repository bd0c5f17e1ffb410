package photo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

// counts is a table of coverage without what is wanted.
func counts(r persona.SetReport) map[persona.Shot]int {
	out := map[persona.Shot]int{}
	for _, c := range r.Coverage {
		for _, k := range c.Kinds {
			if k.Count > 0 {
				out[k.Kind] = k.Count
			}
		}
	}
	return out
}

func TestEachKindOfPhotoIsCounted(t *testing.T) {
	t.Parallel()
	for shot, change := range map[persona.Shot]func(m *photo.Measures){
		persona.ShotHalfLeft:  func(m *photo.Measures) { m.Face.Yaw = -25 },
		persona.ShotHalfRight: func(m *photo.Measures) { m.Face.Yaw = 20 },
		persona.ShotProfile:   func(m *photo.Measures) { m.Face.Yaw = -45 },
		persona.ShotSmiling:   func(m *photo.Measures) { m.Quality.MouthOpen, m.Quality.MouthWidth = 0.1, 0.9 },
		persona.ShotLaughing:  func(m *photo.Measures) { m.Quality.MouthOpen = 0.3 },
		persona.ShotSide:      func(m *photo.Measures) { m.Quality.SideLight = -1.2 },
		persona.ShotBright:    func(m *photo.Measures) { m.Quality.Skin = 220 },
		persona.ShotDim:       func(m *photo.Measures) { m.Quality.Skin = 90 },
		persona.ShotCloseUp:   func(m *photo.Measures) { m.Quality.FaceShare = 0.6 },
		persona.ShotHalfBody:  func(m *photo.Measures) { m.Quality.FaceShare = 0.2 },
		persona.ShotFullBody:  func(m *photo.Measures) { m.Quality.FaceShare = 0.1 },
	} {
		members := plainMembers(4, func(i int, m *photo.Measures) {
			if i == 2 {
				change(m)
			}
		})
		got := counts(photo.NewJudge(smallPolicy(), nil).Set(members, 20).Report)
		require.Equal(t, 1, got[shot], shot)
		total := 0
		for _, n := range got {
			total += n
		}
		require.Equal(t, 4*4+1, total, "each photo has one kind of each aspect, and all have one background")
	}
}

// What is drawn is what is told, on a person whose landmarks are found well.
func TestTheKindsOfDrawnPhotosAreTold(t *testing.T) {
	t.Parallel()
	poses := []func(p *sitter.Pose){
		func(p *sitter.Pose) { p.Smile = 0.1 },
		func(p *sitter.Pose) { p.Yaw, p.Background = -21, 101 },
		func(p *sitter.Pose) { p.Smile = 0.95 },
		func(p *sitter.Pose) { p.Yaw, p.Pitch, p.Background = -5, 4, 102 },
		func(p *sitter.Pose) { p.Smile, p.Light, p.Contrast = 0.1, 70, 0.6 },
		func(p *sitter.Pose) { p.Smile, p.Exposure, p.Yaw = 0.1, -0.9, -6 },
		func(p *sitter.Pose) { p.Pitch, p.Yaw, p.Distance = -5, -4, 0.5 },
	}
	var all []photo.Measures
	for _, pose := range poses {
		all = append(all, judgeJPEG(portrait(3, pose)).Measures)
	}
	set := photo.NewJudge(smallPolicy(), nil).Set(members(all...), 20)
	require.Len(t, usedOf(set), len(poses), "none is a copy")
	got := counts(set.Report)
	require.Equal(t, 1, got[persona.ShotHalfLeft])
	require.GreaterOrEqual(t, got[persona.ShotFront], 4)
	require.Equal(t, 1, got[persona.ShotSide])
	require.Equal(t, 1, got[persona.ShotDim])
	require.Equal(t, 1, got[persona.ShotCloseUp])
	require.Contains(t, []int{3, 4}, got[persona.ShotDifferent], "darkness may pass for another place")
	require.Positive(t, got[persona.ShotSmiling])
	require.GreaterOrEqual(t, got[persona.ShotSerious], 4)
}
