package photo_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/draw"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/disintegration/gift"
	pigo "github.com/esimov/pigo/core"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

func TestCascadesAreThoseOfPigo(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"facefinder": "d8014993e7298c7b1865d1f8b855d6dbf4ec5c808bf879e2091ab6837abf90cd",
		"puploc":     "aa01adf34e5af6ed333be75e934275fc39fba2b63790cb340353b2d459c96ccc",
		"lps/lp312":  "f36f8ff56b61b982d20cfc63efadf627d7960850d24d954ce13d0552ba8f74f4",
		"lps/lp38":   "5056ae37210c49511ada2dfcf35a8c34b742c5f8a44729cc65be8fb4e932a948",
		"lps/lp42":   "3b7d22017b2f142c9bca5cc118f0a3ff2e4e9e12e4427314c63a9953c0dccdb7",
		"lps/lp44":   "c63d2a04bdf058923b3c7fa1b1b5c77de7e007bf71a585f20c7cfbb3b8a7f96a",
		"lps/lp46":   "f5d08fa7c700387f3a34a8ac23a1cac2eeb9d74c766efb2a95c50eb2bfacbfb7",
		"lps/lp81":   "5085fa475d1bfa2e16e2597d1e0b0a9bdd5c733d5053e303599abda0bc166df6",
		"lps/lp82":   "61ba39229d9c15bed02277ee804abb3363f97048a0b428158fb87803dec4d8f8",
		"lps/lp84":   "2389ac114b9e18a2f6036fe9728be47baca012d42993167b8146a7cfe96b334f",
		"lps/lp93":   "7e7ad437cb7488a3c37f2cbcadb0a5ee9ee4561fd17085de5eb5ec62b66480bd",
	} {
		sum := sha256.Sum256(photo.Cascade(name))
		require.Equal(t, want, hex.EncodeToString(sum[:]), name)
	}
}

func TestScanFindsExactlyThePigoWindows(t *testing.T) {
	t.Parallel()
	p, _ := plain()
	g := greyOf(p.Image)
	library, err := pigo.NewPigo().Unpack(photo.Cascade("facefinder"))
	require.NoError(t, err)
	want := library.RunCascade(pigo.CascadeParams{
		MinSize: 80, MaxSize: side, ShiftFactor: photo.WindowShift, ScaleFactor: photo.WindowScale,
		ImageParams: pigo.ImageParams{Pixels: g.Pix, Rows: side, Cols: side, Dim: side},
	}, 0)
	require.NotEmpty(t, want)
	got := photo.ScanWindows(g.Pix, side, side, 80, side)
	require.Len(t, got, len(want))
	for i, w := range want {
		require.Equal(t, photo.Window{Row: w.Row, Col: w.Col, Side: w.Scale, Q: w.Q}, got[i])
	}
}

func greyOf(img image.Image) *image.Gray {
	g := image.NewGray(img.Bounds())
	draw.Draw(g, g.Rect, img, g.Rect.Min, draw.Src)
	return g
}

func TestFindFacesKnowsEyesAndRoll(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		identity uint64
		change   func(*sitter.Pose)
	}{
		{"frontal", 2, nil},
		{"another", 6, nil},
		{"third", 8, nil},
		{"turned right", 3, func(p *sitter.Pose) { p.Yaw = 15 }},
		{"turned left", 2, func(p *sitter.Pose) { p.Yaw = -15 }},
		{"tilted", 3, func(p *sitter.Pose) { p.Roll = 20 }},
		{"tilted the other way", 4, func(p *sitter.Pose) { p.Roll = -30 }},
		{"close", 2, func(p *sitter.Pose) { p.Distance = 0.6 }},
		{"far", 3, func(p *sitter.Pose) { p.Distance = 0.15 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := portrait(c.identity, c.change)
			faces := photo.FindFaces(p.Image)
			require.Len(t, faces, 1)
			f := faces[0]
			require.Less(t, off(p, f), 0.1)
			require.InDelta(t, p.Roll, f.Roll, 3)
			require.Len(t, f.Landmarks, photo.LowerLip+1)
			for i, at := range []int{photo.MouthLeft, photo.MouthRight, photo.UpperLip, photo.LowerLip} {
				d := math.Hypot(f.Landmarks[at].X-p.Mouth[i][0], f.Landmarks[at].Y-p.Mouth[i][1])
				require.Less(t, d/p.EyeDistance(), 0.5, "mouth point %d", i)
			}
			require.True(t, image.Rect(f.Box.X, f.Box.Y, f.Box.X+f.Box.Width, f.Box.Y+f.Box.Height).In(p.Image.Rect))
			require.Equal(t, faces, photo.FindFaces(p.Image), "not repeatable")
		})
	}
}

func TestFindFacesFromFarToCloserThanThePicture(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		distance float64 // width of the face, of the picture's shorter side
		side     int
		off      float64 // eye distances
	}{
		{0.05, 1024, 0.2},
		{0.08, 640, 0.2},
		{0.8, side, 0.1},
		{0.95, side, 0.1},
	} {
		t.Run(fmt.Sprint(c.distance), func(t *testing.T) {
			t.Parallel()
			pose := sitter.DefaultPose()
			pose.Distance = c.distance
			p := sitter.New(3).Draw(c.side, c.side, pose)
			faces := photo.FindFaces(p.Image)
			require.NotEmpty(t, faces)
			require.Less(t, off(p, faces[0]), c.off)
		})
	}
}

func TestQuickSearchTellsTheSameQ(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*sitter.Pose){
		nil,
		func(p *sitter.Pose) { p.Distance = 0.15 },
		func(p *sitter.Pose) { p.Yaw, p.Distance = -15, 0.7 },
	} {
		g := greyOf(portrait(3, change).Image)
		quick, whole := photo.BestQ(g.Pix, side, side)
		require.InEpsilon(t, whole, quick, 0.05)
	}
}

func TestYawAndPitchFollowTheHead(t *testing.T) {
	t.Parallel()
	for _, identity := range []uint64{2, 3, 6} {
		t.Run(fmt.Sprint(identity), func(t *testing.T) {
			t.Parallel()
			find := func(yaw, pitch float64) photo.Face {
				faces := photo.FindFaces(portrait(identity, func(p *sitter.Pose) { p.Yaw, p.Pitch = yaw, pitch }).Image)
				require.NotEmpty(t, faces)
				return faces[0]
			}
			for _, yaw := range []float64{-15, 0, 15} {
				require.InDelta(t, yaw, find(yaw, 0).Yaw, 15, "the lamp at the side moves the nose")
			}
			up, down := find(0, -15), find(0, 15)
			require.InDelta(t, 30, down.Pitch-up.Pitch, 15)
		})
	}
}

func TestFindFacesReadsEveryLayoutAlike(t *testing.T) {
	t.Parallel()
	p, _ := plain()
	want := photo.FindFaces(p.Image)[0]
	jpeg, err := photo.Decode(encodePhoto(t, p.Image), smallPolicy())
	require.NoError(t, err)
	require.IsType(t, &image.YCbCr{}, jpeg)
	moved := image.NewNRGBA(p.Image.Rect.Add(image.Pt(-50, 70)))
	copy(moved.Pix, p.Image.Pix)
	for _, img := range []image.Image{jpeg, moved, struct{ image.Image }{p.Image}} {
		faces := photo.FindFaces(img)
		require.Len(t, faces, 1)
		require.InDelta(t, want.Eyes[0].X, faces[0].Eyes[0].X, 2)
		require.InDelta(t, want.Eyes[1].Y, faces[0].Eyes[1].Y, 2)
	}
}

func TestNoFaceWhereThereIsNone(t *testing.T) {
	t.Parallel()
	for _, img := range []image.Image{
		image.NewRGBA(image.Rect(0, 0, 1, 1)), image.NewGray(image.Rect(0, 0, 3000, 2)), image.NewGray(image.Rect(0, 0, 300, 300)),
		ramp(320, 240),
	} {
		require.Empty(t, photo.FindFaces(img))
	}
}

func TestSpotsAreNoFaces(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 1))
		spots := image.NewGray(image.Rect(0, 0, 32, 32))
		for i := range spots.Pix {
			spots.Pix[i] = uint8(r.IntN(256))
		}
		large := image.NewGray(image.Rect(0, 0, 480, 480))
		gift.New(gift.Resize(480, 480, gift.CubicResampling)).Draw(large, spots)
		require.Empty(t, photo.FindFaces(large))
	}
}

func TestFindFacesSeesTheSameInTheMirror(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		identity uint64
		yaw      float64
	}{{2, 35}, {6, -35}} {
		pose := sitter.DefaultPose()
		pose.Yaw = c.yaw
		p := sitter.New(c.identity).Draw(480, 480, pose)
		mirror := image.NewRGBA(p.Image.Rect)
		gift.New(gift.FlipHorizontal()).Draw(mirror, p.Image)
		plain, mirrored := photo.FindFaces(p.Image), photo.FindFaces(mirror)
		require.Len(t, plain, 1)
		require.Len(t, mirrored, 1)
		require.InEpsilon(t, plain[0].Q, mirrored[0].Q, 0.05, "half turned: the whole search, which knows no side")
	}
}
