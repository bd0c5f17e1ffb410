package sitter_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/sitter"
)

func draw(identity uint64, side int, change func(*sitter.Pose)) sitter.Portrait {
	p := sitter.DefaultPose()
	if change != nil {
		change(&p)
	}
	return sitter.New(identity).Draw(side, side, p)
}

func luma(img *image.RGBA, x, y int) float64 {
	c := img.RGBAAt(x, y)
	return 0.299*float64(c.R) + 0.587*float64(c.G) + 0.114*float64(c.B)
}

// mean is the mean luma of a box around a point.
func mean(img *image.RGBA, cx, cy, half float64) float64 {
	sum, n := 0.0, 0.0
	for y := int(cy - half); y <= int(cy+half); y++ {
		for x := int(cx - half); x <= int(cx+half); x++ {
			sum, n = sum+luma(img, x, y), n+1
		}
	}
	return sum / n
}

// difference is the mean absolute difference of luma in the inner part of the first picture's face.
func difference(a, b sitter.Portrait) float64 {
	sum, n := 0.0, 0.0
	for y := int(a.Face[1] + 0.15*a.Face[3]); y < int(a.Face[1]+0.85*a.Face[3]); y++ {
		for x := int(a.Face[0] + 0.2*a.Face[2]); x < int(a.Face[0]+0.8*a.Face[2]); x++ {
			sum, n = sum+math.Abs(luma(a.Image, x, y)-luma(b.Image, x, y)), n+1
		}
	}
	return sum / n
}

func TestDrawIsRepeatable(t *testing.T) {
	t.Parallel()
	change := func(p *sitter.Pose) { p.Noise, p.Blur, p.Glasses = 3, 0.01, true }
	once, again := draw(5, 160, change), draw(5, 160, change)
	require.Equal(t, once.Image.Pix, again.Image.Pix)
}

func TestIdentitiesDiffer(t *testing.T) {
	t.Parallel()
	// The same person in other clothes before another wall has the same face; other people do not.
	one := draw(0, 160, nil)
	same := draw(0, 160, func(p *sitter.Pose) { p.Outfit, p.Background, p.EyesOpen = 9, 1, 0.95 })
	for id := uint64(1); id < 12; id++ {
		require.Greater(t, difference(one, draw(id, 160, nil)), 3*difference(one, same), "identity %d", id)
	}
}

func TestEyesAreWhereTheTruthSays(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*sitter.Pose){
		"frontal":      nil,
		"yaw and roll": func(p *sitter.Pose) { p.Yaw, p.Roll = 18, -14 },
		"pitch":        func(p *sitter.Pose) { p.Pitch = 8 },
		"near":         func(p *sitter.Pose) { p.Distance = 0.7 },
		"two people":   func(p *sitter.Pose) { other := sitter.New(4); p.Second, p.Distance = &other, 0.3 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for id := range uint64(4) {
				p := draw(id, 256, change)
				ied := p.EyeDistance()
				for _, eye := range p.Eyes {
					pupil := mean(p.Image, eye[0], eye[1], 0.02*ied)
					skin := mean(p.Image, eye[0], eye[1]+0.35*ied, 0.05*ied)
					require.Less(t, pupil, 0.7*skin, "identity %d", id)
				}
				middle := (p.Eyes[0][0] + p.Eyes[1][0]) / 2
				require.Greater(t, middle, p.Face[0])
				require.Less(t, middle, p.Face[0]+p.Face[2])
				require.Less(t, p.Eyes[0][0], p.Eyes[1][0])
			}
		})
	}
}

func TestRollTurnsTheEyesByThatAngle(t *testing.T) {
	t.Parallel()
	for _, roll := range []float64{-20, 0, 12} {
		p := draw(2, 64, func(p *sitter.Pose) { p.Roll = roll })
		got := math.Atan2(p.Eyes[1][1]-p.Eyes[0][1], p.Eyes[1][0]-p.Eyes[0][0]) * 180 / math.Pi
		require.InDelta(t, roll, got, 0.6)
	}
}

func TestDistanceIsTheWidthOfTheFace(t *testing.T) {
	t.Parallel()
	for _, distance := range []float64{0.1, 0.38, 0.6} {
		p := draw(3, 300, func(p *sitter.Pose) { p.Distance = distance })
		require.InEpsilon(t, distance, p.Face[2]/300, 0.15)
	}
}

func TestWhatHidesAndSpoils(t *testing.T) {
	t.Parallel()
	plain := draw(0, 256, nil)
	ied, eye := plain.EyeDistance(), plain.Eyes[0]
	mouth := [2]float64{(eye[0] + plain.Eyes[1][0]) / 2, eye[1] + 1.05*ied}

	dark := draw(0, 256, func(p *sitter.Pose) { p.Sunglasses = true })
	require.Less(t, mean(dark.Image, eye[0], eye[1], 0.15*ied), 0.6*mean(plain.Image, eye[0], eye[1], 0.15*ied))

	mask := draw(0, 256, func(p *sitter.Pose) { p.Mask = true })
	c := mask.Image.RGBAAt(int(mouth[0]), int(mouth[1]))
	require.Greater(t, c.B, c.R, "a mask is bluish")

	under := draw(0, 256, func(p *sitter.Pose) { p.Exposure = -3 })
	require.Less(t, mean(under.Image, mouth[0], mouth[1], ied), 0.5*mean(plain.Image, mouth[0], mouth[1], ied))

	contrast := func(p sitter.Portrait) (sum float64) {
		for y := int(eye[1] - 0.2*ied); y < int(eye[1]+0.2*ied); y++ {
			for x := int(eye[0] - 0.3*ied); x < int(eye[0]+0.3*ied); x++ {
				sum += math.Abs(luma(p.Image, x, y) - luma(p.Image, x+1, y))
			}
		}
		return sum
	}
	soft := draw(0, 256, func(p *sitter.Pose) { p.Blur = 0.05 })
	noisy := draw(0, 256, func(p *sitter.Pose) { p.Noise = 20 })
	require.Less(t, contrast(soft), 0.6*contrast(plain))
	require.Greater(t, contrast(noisy), 1.3*contrast(plain))
}

func TestSetIsVariedAndStable(t *testing.T) {
	t.Parallel()
	set := sitter.New(8).Set(6, 96)
	require.Len(t, set, 6)
	require.Equal(t, set[1].Image.Pix, sitter.New(8).Set(2, 96)[1].Image.Pix)
	left, right := false, false
	for i, p := range set {
		left, right = left || p.Yaw < -5, right || p.Yaw > 5
		require.LessOrEqual(t, math.Abs(p.Yaw), 20.0)
		for _, q := range set[:i] {
			require.NotEqual(t, q.Image.Pix, p.Image.Pix)
		}
	}
	require.True(t, left && right)
}

func TestEncodePhotoWeighsWhatAPhotoWeighs(t *testing.T) {
	t.Parallel()
	p := draw(1, 1024, nil)
	data := sitter.EncodePhoto(p)
	require.GreaterOrEqual(t, len(data), 500_000)
	require.Less(t, len(data), 2_000_000)
	got, err := jpeg.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	require.Equal(t, p.Image.Bounds(), got.Bounds())
}

func TestAnySizeAndPoseIsDrawn(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{16, 16}, {333, 100}, {100, 333}} {
		for _, distance := range []float64{0, 0.02, 3} {
			p := sitter.New(11).Draw(size[0], size[1], sitter.Pose{Yaw: 80, Pitch: 40, Roll: 170, Distance: distance, Glasses: true, Mask: true})
			require.Equal(t, image.Rect(0, 0, size[0], size[1]), p.Image.Bounds())
		}
	}
}

func BenchmarkDraw768(b *testing.B) {
	for b.Loop() {
		sitter.New(1).Draw(768, 768, sitter.DefaultPose())
	}
}

func TestBlurSpreadsAsMuchAsItSays(t *testing.T) {
	t.Parallel()
	for sigma := 1.0; sigma < 12; sigma += 0.1 {
		variance := 0.0
		for _, radius := range sitter.Boxes(sigma) {
			variance += float64(radius*(radius+1)) / 3
		}
		require.InDelta(t, sigma, math.Sqrt(variance), 0.2)
	}
}
