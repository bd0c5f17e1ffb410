package sitter_test

import (
	"image"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/sitter"
)

// colour is the mean colour of a box around a point.
func colour(p sitter.Portrait, at [2]float64, half float64) (c [3]float64) {
	n := 0.0
	for y := int(at[1] - half); y <= int(at[1]+half); y++ {
		for x := int(at[0] - half); x <= int(at[0]+half); x++ {
			px := p.Image.RGBAAt(x, y)
			c[0], c[1], c[2], n = c[0]+float64(px.R), c[1]+float64(px.G), c[2]+float64(px.B), n+1
		}
	}
	return [3]float64{c[0] / n, c[1] / n, c[2] / n}
}

func middle(a, b [2]float64) [2]float64 { return [2]float64{(a[0] + b[0]) / 2, (a[1] + b[1]) / 2} }

func TestAnOpenMouthIsDarkAndLowersTheChin(t *testing.T) {
	t.Parallel()
	for id := range uint64(3) {
		shut, open := draw(id, 256, nil), draw(id, 256, func(p *sitter.Pose) { p.MouthOpen = 1 })
		require.Zero(t, shut.LipGap)
		require.InDelta(t, 0.52, open.LipGap, 0.06)
		ied := open.EyeDistance()
		// What is measured from lip to lip in the picture is the gap and half of either lip.
		require.InDelta(t, open.LipGap, (open.Mouth[3][1]-open.Mouth[2][1])/ied, 0.25)
		require.Greater(t, open.Chin[1], shut.Chin[1]+0.2*ied)
		throat, cheek := middle(open.Mouth[2], open.Mouth[3]), [2]float64{open.Eyes[0][0], open.Nose[1]}
		require.Less(t, mean(open.Image, throat[0], throat[1], 0.05*ied), 0.5*mean(open.Image, cheek[0], cheek[1], 0.05*ied))
		require.Equal(t, shut.Eyes, open.Eyes)
		require.InDelta(t, 1, open.MouthOpen, 0)
	}
	require.InDelta(t, 0.15, draw(3, 64, func(p *sitter.Pose) { p.Smile = 1 }).LipGap, 0.01)
}

func TestClosedEyesShowSkinAndLashes(t *testing.T) {
	t.Parallel()
	for id := range uint64(3) {
		shut := draw(id, 256, func(p *sitter.Pose) { p.EyesOpen = 0 })
		open := draw(id, 256, nil)
		ied, eye := shut.EyeDistance(), shut.Eyes[0]
		require.Zero(t, shut.EyesOpen)
		require.Greater(t, mean(shut.Image, eye[0], eye[1], 0.03*ied), 2*mean(open.Image, eye[0], eye[1], 0.03*ied))
		lash, lid := math.Inf(1), mean(shut.Image, eye[0], eye[1], 0.03*ied)
		for y := eye[1]; y < eye[1]+0.2*ied; y++ {
			lash = min(lash, mean(shut.Image, eye[0], y, 1))
		}
		require.Less(t, lash, 0.75*lid)
	}
}

func TestHeadBoxRunsFromHairToChin(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*sitter.Pose){
		"upright": nil,
		"turned":  func(p *sitter.Pose) { p.Yaw, p.Pitch = 30, 10 },
		"tilted":  func(p *sitter.Pose) { p.Roll = 30 },
		"hat":     func(p *sitter.Pose) { p.Hat = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for id := range uint64(2) {
				p := draw(id, 128, change)
				for _, at := range [][2]float64{p.Crown, p.Chin} {
					require.GreaterOrEqual(t, at[0], p.Head[0])
					require.LessOrEqual(t, at[0], p.Head[0]+p.Head[2])
					require.GreaterOrEqual(t, at[1], p.Head[1]-0.01)
					require.LessOrEqual(t, at[1], p.Head[1]+p.Head[3]+0.01)
				}
				require.LessOrEqual(t, p.Head[1], p.Face[1])
				length := math.Hypot(p.Crown[0]-p.Chin[0], p.Crown[1]-p.Chin[1])
				require.InDelta(t, 3.5, length/p.EyeDistance()*math.Cos(p.Yaw*math.Pi/180), 0.9)
			}
		})
	}
}

// TestTheCrownIsTheEdgeOfTheHair looks for the highest pixel that is not background.
func TestTheCrownIsTheEdgeOfTheHair(t *testing.T) {
	t.Parallel()
	p := draw(2, 256, nil)
	empty := draw(2, 256, func(p *sitter.Pose) { p.OffsetX = 5 })
	for y := range 256 {
		if differs(p.Image, empty.Image, image.Rect(0, y, 256, y+1)) {
			require.InDelta(t, p.Crown[1], float64(y), 1.5)
			return
		}
	}
	require.Fail(t, "nobody is in the picture")
}

func differs(a, b *image.RGBA, in image.Rectangle) bool {
	for y := in.Min.Y; y < in.Max.Y; y++ {
		for x := in.Min.X; x < in.Max.X; x++ {
			if math.Abs(luma(a, x, y)-luma(b, x, y)) > 12 {
				return true
			}
		}
	}
	return false
}

func TestOffsetMovesTheHead(t *testing.T) {
	t.Parallel()
	plain := draw(2, 200, nil)
	moved := draw(2, 200, func(p *sitter.Pose) { p.OffsetX, p.OffsetY = 0.1, -0.35 })
	require.InDelta(t, plain.Eyes[0][0]+20, moved.Eyes[0][0], 0.01)
	require.InDelta(t, plain.Eyes[0][1]-70, moved.Eyes[0][1], 0.01)
	require.Negative(t, moved.Crown[1])
}

func TestHandHatHoodAndFringeCover(t *testing.T) {
	t.Parallel()
	for id := range uint64(3) {
		plain := draw(id, 200, nil)
		ied := plain.EyeDistance()
		eyes := middle(plain.Eyes[0], plain.Eyes[1])
		patch := func(at [2]float64) image.Rectangle {
			half := int(0.1 * ied)
			return image.Rect(int(at[0])-half, int(at[1])-half, int(at[0])+half, int(at[1])+half)
		}
		top := patch([2]float64{plain.Crown[0], plain.Crown[1] + 0.4*ied})
		mouth, eye := patch(middle(plain.Mouth[2], plain.Mouth[3])), patch(plain.Eyes[1])
		under := patch([2]float64{eyes[0], eyes[1] + 0.4*ied})
		for _, c := range []struct {
			name             string
			change           func(*sitter.Pose)
			covers, leavesBe image.Rectangle
		}{
			{"hand", func(p *sitter.Pose) { p.Hand = true }, mouth, eye},
			{"hat", func(p *sitter.Pose) { p.Hat = true }, top, mouth},
			{"hood", func(p *sitter.Pose) { p.Hood = true }, top, under},
			{"fringe", func(p *sitter.Pose) { p.Fringe = 1 }, eye, mouth},
		} {
			changed := draw(id, 200, c.change)
			require.True(t, differs(plain.Image, changed.Image, c.covers), "%s %d", c.name, id)
			require.False(t, differs(plain.Image, changed.Image, c.leavesBe), "%s %d", c.name, id)
			require.Equal(t, plain.Eyes, changed.Eyes)
		}
	}
}

func TestTheSecondPersonHasTruthToo(t *testing.T) {
	t.Parallel()
	other := sitter.New(0)
	require.Nil(t, draw(2, 64, nil).Second)
	beside := draw(2, 256, func(p *sitter.Pose) { p.Second, p.Distance = &other, 0.3 })
	behind := draw(2, 256, func(p *sitter.Pose) { p.Second, p.Distance, p.SecondScale = &other, 0.3, 0.4 })
	require.InDelta(t, 1, beside.Second.EyeDistance()/beside.EyeDistance(), 0.1)
	require.InDelta(t, 0.4, behind.Second.EyeDistance()/behind.EyeDistance(), 0.04)
	for _, p := range []sitter.Portrait{beside, behind} {
		ied := p.Second.EyeDistance()
		for _, eye := range p.Second.Eyes {
			require.Less(t, mean(p.Image, eye[0], eye[1], 0.02*ied), 0.85*mean(p.Image, eye[0], eye[1]+0.35*ied, 0.05*ied))
		}
	}
}

func TestWarmthTintsTheLight(t *testing.T) {
	t.Parallel()
	red := func(warmth float64) float64 {
		p := draw(3, 128, func(p *sitter.Pose) { p.Warmth = warmth })
		c := colour(p, [2]float64{p.Eyes[0][0], p.Nose[1]}, 3)
		return c[0] / c[2]
	}
	require.Greater(t, red(1), 1.1*red(0))
	require.Less(t, red(-1), 0.95*red(0))
}

// TestAProfileShowsTheNose looks for the nose beyond forehead and lips in the outline of the face.
func TestAProfileShowsTheNose(t *testing.T) {
	t.Parallel()
	for id := range uint64(2) {
		p := draw(id, 256, func(p *sitter.Pose) { p.Yaw = 90 })
		empty := draw(id, 256, func(p *sitter.Pose) { p.Yaw, p.OffsetX = 90, 5 })
		ied := p.Head[3] / 3.5
		outline := func(y float64) float64 {
			for x := 255; x > 0; x-- {
				if differs(p.Image, empty.Image, image.Rect(x, int(y), x+1, int(y)+1)) {
					return float64(x)
				}
			}
			return 0
		}
		nose := outline(p.Nose[1])
		require.InDelta(t, p.Nose[0], nose, 3)
		require.Greater(t, nose, outline(p.Eyes[0][1])+0.15*ied)
		require.Greater(t, nose, outline(p.Mouth[2][1])+0.1*ied)
	}
}
