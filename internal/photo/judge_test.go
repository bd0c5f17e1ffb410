package photo_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

func TestJudgeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*sitter.Pose)
		code   persona.PhotoCode // "" = accepted
		warns  bool
		who    []uint64
	}{
		{"good portraits", nil, "", false, []uint64{2, 3, 5, 8}},
		{"glasses", func(p *sitter.Pose) { p.Glasses = true }, "", false, []uint64{3, 8}},
		{"half turned", func(p *sitter.Pose) { p.Yaw = 15 }, "", false, []uint64{2, 3}},
		{"laughing", func(p *sitter.Pose) { p.Smile = 1 }, "", false, []uint64{2, 3}},
		{"blurred", func(p *sitter.Pose) { p.Blur = 0.03 }, persona.PhotoBlurred, false, []uint64{2, 3}},
		{"blurred and noisy", func(p *sitter.Pose) { p.Blur, p.Noise = 0.04, 2 }, persona.PhotoBlurred, false, []uint64{3}},
		{"too dark", func(p *sitter.Pose) { p.Exposure = -3 }, persona.PhotoTooDark, false, []uint64{2, 3}},
		{"overexposed", func(p *sitter.Pose) { p.Exposure = 2 }, persona.PhotoOverexposed, false, []uint64{2, 7}},
		{"hard light from a side", func(p *sitter.Pose) { p.Contrast, p.Light = 1, 80 }, persona.PhotoUnevenLight, true, []uint64{2, 3}},
		{"sunglasses", func(p *sitter.Pose) { p.Sunglasses = true }, persona.PhotoEyesHidden, false, []uint64{2, 3}},
		{"mask", func(p *sitter.Pose) { p.Mask = true }, persona.PhotoFaceCovered, false, []uint64{2, 12}},
		{"far away", func(p *sitter.Pose) { p.Distance = 0.12 }, persona.PhotoFaceTooSmall, false, []uint64{2, 3}},
		{"very far away", func(p *sitter.Pose) { p.Distance = 0.06 }, persona.PhotoFaceTooSmall, false, []uint64{3}},
		{"tilted", func(p *sitter.Pose) { p.Roll = 32 }, persona.PhotoTilted, true, []uint64{2, 4}},
		{"two people", func(p *sitter.Pose) { p.Second = &stranger }, persona.PhotoSeveralFaces, false, []uint64{2, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, who := range c.who {
				j := judge(t, portrait(who, c.change))
				if c.code == "" {
					require.True(t, j.Accepted(smallPolicy()), "%d: %v %v", who, j.Score, j.Findings)
					require.Equal(t, 1, j.Faces)
					continue
				}
				at := slices.IndexFunc(j.Findings, func(f persona.Finding) bool { return f.Code == c.code })
				require.GreaterOrEqual(t, at, 0, "%d: %v %v", who, j.Score, j.Findings)
				require.Equal(t, !c.warns, j.Findings[at].Refuses)
				require.NotContains(t, j.Findings[at].Why, "%")
				if !c.warns {
					require.False(t, j.Accepted(smallPolicy()))
				}
			}
		})
	}
}

var stranger = sitter.New(99)

// With these masks the detector finds the face upside down, and lids where there are none.
func TestNothingIsGuessedAboutACoveredFace(t *testing.T) {
	t.Parallel()
	for _, who := range []uint64{4, 10} {
		pose := sitter.DefaultPose()
		pose.Background, pose.Outfit, pose.Mask = who, who, true
		said := codes(judge(t, sitter.New(who).Draw(512, 512, pose)).Findings)
		require.Contains(t, said, persona.PhotoFaceCovered)
		require.NotContains(t, said, persona.PhotoTilted)
		require.NotContains(t, said, persona.PhotoEyesClosed)
	}
}

func TestJudgeWithoutAFace(t *testing.T) {
	t.Parallel()
	j, err := look(encodePNG(t, ramp(300, 300)), smallPolicy())
	require.NoError(t, err)
	require.Equal(t, []persona.PhotoCode{persona.PhotoNoFace}, codes(j.Findings))
	require.False(t, j.Accepted(smallPolicy()))
	require.Zero(t, j.Faces)
	_, err = j.Prepare(256)
	require.Error(t, err)
}

func TestScoresOfAGoodPortrait(t *testing.T) {
	t.Parallel()
	_, j := plain()
	for _, s := range []float64{j.Score.Resolution, j.Score.Sharpness, j.Score.Lighting, j.Score.FaceDetection, j.Score.Overall} {
		require.GreaterOrEqual(t, s, 0.0)
		require.LessOrEqual(t, s, 100.0)
	}
	require.Greater(t, j.Score.Overall, 80.0)
	s := j.Score
	require.InDelta(t, 0.2*s.Resolution+0.3*s.Sharpness+0.3*s.Lighting+0.2*s.FaceDetection, s.Overall, 0.06)
	strict := smallPolicy()
	strict.MinScore = int(s.Overall) + 1
	require.False(t, j.Accepted(strict))
}

func TestLowOverallIsTheLastReason(t *testing.T) {
	t.Parallel()
	p, _ := plain()
	strict := smallPolicy()
	strict.MinScore = 99
	j, err := look(encodePNG(t, p.Image), strict)
	require.NoError(t, err)
	require.Equal(t, []persona.PhotoCode{persona.PhotoLowScore}, codes(j.Findings))
}

func TestATurnedFileIsJudgedLikeItsUprightTwin(t *testing.T) {
	t.Parallel()
	p, _ := plain()
	upright := judge(t, p)
	stored := turnLeft(p.Image)
	j, err := look(afterHeader(encodePNG(t, stored), chunk("eXIf", exif(6)[6:])), smallPolicy())
	require.NoError(t, err)
	require.InDelta(t, upright.Score.Overall, j.Score.Overall, 1)
	require.InDelta(t, upright.Face.Eyes[0].X, j.Face.Eyes[0].X, 1)
	require.InDelta(t, upright.Face.Eyes[0].Y, j.Face.Eyes[0].Y, 1)
	require.True(t, upright.SamePhoto(j.Measures))

	sideways, err := look(encodePNG(t, stored), smallPolicy())
	require.NoError(t, err)
	require.Contains(t, codes(sideways.Findings), persona.PhotoTilted)
	require.InDelta(t, -90, sideways.Face.Roll, 5)
}

func TestMeasuresSurviveAsJSON(t *testing.T) {
	t.Parallel()
	_, j := plain()
	data, err := json.Marshal(j.Measures)
	require.NoError(t, err)
	require.Less(t, len(data), 30_000)
	var m photo.Measures
	require.NoError(t, json.Unmarshal(data, &m))
	require.Equal(t, j.Descriptor, m.Descriptor)
	require.Equal(t, j.Hash, m.Hash)
	require.Equal(t, j.Score, m.Score)
	require.Equal(t, j.Face.Landmarks, m.Face.Landmarks)
	report := m.Report("id", 4, smallPolicy())
	require.True(t, report.Accepted)
	require.Equal(t, 4, report.Index)
	require.Equal(t, j.Face.Box, report.Face)
	require.Error(t, json.Unmarshal([]byte(`{"descriptor":"AAA"}`), &m))
	require.Error(t, json.Unmarshal([]byte(`{"hash":{"picture":"zz"}}`), &m))
}
