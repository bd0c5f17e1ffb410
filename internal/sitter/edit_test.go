package sitter_test

import (
	"image"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/sitter"
)

func edited(t *testing.T, e sitter.Edit) (before, after sitter.Portrait) {
	t.Helper()
	return draw(3, 200, nil), draw(3, 200, func(p *sitter.Pose) { p.Edit = e })
}

func TestColourEdits(t *testing.T) {
	t.Parallel()
	cheek := func(p sitter.Portrait) [3]float64 { return colour(p, [2]float64{p.Eyes[0][0], p.Nose[1]}, 4) }
	plain, grey := edited(t, sitter.Edit{Saturate: -1})
	was := cheek(plain)
	for i := 0; i < len(grey.Image.Pix); i += 4 {
		require.Equal(t, grey.Image.Pix[i], grey.Image.Pix[i+2])
	}
	_, vivid := edited(t, sitter.Edit{Saturate: 1})
	require.Greater(t, cheek(vivid)[0]-cheek(vivid)[2], 1.5*(was[0]-was[2]))
	_, cold := edited(t, sitter.Edit{Cast: [3]float64{-0.5, 0, 0.8}})
	require.Less(t, cheek(cold)[0]/cheek(cold)[2], 0.8*was[0]/was[2])
	_, sepia := edited(t, sitter.Edit{Sepia: 1})
	c := sepia.Image.RGBAAt(5, 5)
	require.InDelta(t, 0.88/1.07, float64(c.G)/float64(c.R), 0.02)
	_, hazy := edited(t, sitter.Edit{Haze: 0.7})
	require.InDelta(t, 0.7*205+0.3*was[0], cheek(hazy)[0], 2)
	_, few := edited(t, sitter.Edit{Posterise: 4})
	seen := map[uint8]bool{}
	for i := 0; i < len(few.Image.Pix); i += 4 {
		seen[few.Image.Pix[i]] = true
	}
	require.LessOrEqual(t, len(seen), 4)
}

func TestSmoothTakesPoresAndLeavesEdges(t *testing.T) {
	t.Parallel()
	plain, smooth := edited(t, sitter.Edit{Smooth: 1})
	rough := func(p sitter.Portrait, at [2]float64, half float64) (sum float64) {
		for y := int(at[1] - half); y < int(at[1]+half); y++ {
			for x := int(at[0] - half); x < int(at[0]+half); x++ {
				sum += math.Abs(luma(p.Image, x-1, y) - 2*luma(p.Image, x, y) + luma(p.Image, x+1, y))
			}
		}
		return sum
	}
	ied := plain.EyeDistance()
	cheek := [2]float64{plain.Eyes[0][0], plain.Nose[1]}
	skin := rough(smooth, cheek, 0.15*ied) / rough(plain, cheek, 0.15*ied)
	eye := rough(smooth, plain.Eyes[0], 0.2*ied) / rough(plain, plain.Eyes[0], 0.2*ied)
	require.Less(t, skin, 0.5)
	require.Greater(t, eye, 1.4*skin, "skin %.2f", skin)
	require.Greater(t, eye, 0.5)
}

func TestFramesMoveTheTruthWithThePicture(t *testing.T) {
	t.Parallel()
	other := sitter.New(4)
	for name, c := range map[string]struct {
		edit  sitter.Edit
		inner image.Rectangle
	}{
		"border":     {sitter.Edit{Border: 0.1}, image.Rect(20, 20, 180, 180)},
		"bars":       {sitter.Edit{Bars: 0.15}, image.Rect(0, 30, 200, 170)},
		"screenshot": {sitter.Edit{Screenshot: true}, image.Rect(0, 28, 200, 172)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change := func(p *sitter.Pose) { p.Second = &other }
			pose := sitter.DefaultPose()
			change(&pose)
			inner := sitter.New(3).Draw(c.inner.Dx(), c.inner.Dy(), pose)
			p := draw(3, 200, func(p *sitter.Pose) { change(p); p.Edit = c.edit })
			require.Equal(t, image.Rect(0, 0, 200, 200), p.Image.Rect)
			require.Equal(t, inner.Image.At(30, 40), p.Image.At(30+c.inner.Min.X, 40+c.inner.Min.Y))
			dx, dy := float64(c.inner.Min.X), float64(c.inner.Min.Y)
			require.Equal(t, [2]float64{inner.Eyes[1][0] + dx, inner.Eyes[1][1] + dy}, p.Eyes[1])
			require.Equal(t, [2]float64{inner.Second.Chin[0] + dx, inner.Second.Chin[1] + dy}, p.Second.Chin)
			require.InDelta(t, inner.Head[1]+dy, p.Head[1], 1e-9)
			require.Equal(t, p.Image.At(0, 0), p.Image.At(199, 199))
		})
	}
}
