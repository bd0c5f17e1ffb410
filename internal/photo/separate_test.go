package photo_test

import (
	"sync"
	"testing"

	"github.com/gen2brain/jpegn"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

// sitters are the people on whom separation is measured: fair and dark, with and without beard, young and old.
var sitters = []uint64{2, 3, 7, 12}

// TestMeasuresFollowTheTruth draws people without and with a fault, and asks that the measure tells the two apart: the
// area under the curve over all pairs.
func TestMeasuresFollowTheTruth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		without func(*sitter.Pose)
		with    func(*sitter.Pose)
		measure func(photo.Quality) float64
		least   float64
	}{
		{
			"closed eyes", nil, func(p *sitter.Pose) { p.EyesOpen = 0 },
			func(q photo.Quality) float64 { return -q.EyesOpen[0] - q.EyesOpen[1] }, 1,
		},
		{
			"narrowed eyes", nil, func(p *sitter.Pose) { p.EyesOpen = 0.45 },
			func(q photo.Quality) float64 { return -q.EyesOpen[0] - q.EyesOpen[1] }, 0.9,
		},
		{
			"dark glasses against clear ones",
			func(p *sitter.Pose) { p.Glasses = true }, func(p *sitter.Pose) { p.Sunglasses = true },
			func(q photo.Quality) float64 { return q.EyesHidden }, 1,
		},
		{
			"mask", func(p *sitter.Pose) { p.Smile = 1 }, func(p *sitter.Pose) { p.Mask = true },
			func(q photo.Quality) float64 { return q.FaceCovered }, 1,
		},
		{
			"open mouth", func(p *sitter.Pose) { p.Smile = 0 }, func(p *sitter.Pose) { p.MouthOpen = 0.7 },
			func(q photo.Quality) float64 { return q.MouthOpen }, 0.9,
		},
		{
			"noise does not hide blur",
			func(p *sitter.Pose) { p.Noise = 10 }, func(p *sitter.Pose) { p.Blur, p.Noise = 0.03, 10 },
			func(q photo.Quality) float64 { return -q.Fineness }, 1,
		},
		{
			"wrong white balance", nil, func(p *sitter.Pose) { p.Edit.Cast = [3]float64{-0.9, 0, 1.1} },
			func(q photo.Quality) float64 { return q.Tint }, 0.9,
		},
		{
			"sepia", nil, func(p *sitter.Pose) { p.Edit.Sepia = 1 },
			func(q photo.Quality) float64 { return -q.Hues }, 1,
		},
		{
			"light from the right", func(p *sitter.Pose) { p.Light = -60 }, func(p *sitter.Pose) { p.Light = 60 },
			func(q photo.Quality) float64 { return q.SideLight }, 1,
		},
		{
			"head cut off", nil, func(p *sitter.Pose) { p.Distance, p.OffsetY = 0.5, -0.3 },
			func(q photo.Quality) float64 { return q.HeadOutside }, 1,
		},
		{
			"frame", nil, func(p *sitter.Pose) { p.Edit.Bars = 0.1 },
			func(q photo.Quality) float64 { return q.Border }, 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var without, with []float64
			for _, id := range sitters {
				without = append(without, measured(t, id, c.without, c.measure)...)
				with = append(with, measured(t, id, c.with, c.measure)...)
			}
			require.GreaterOrEqual(t, len(without), 3)
			require.NotEmpty(t, with)
			require.GreaterOrEqual(t, separation(with, without), c.least, "with %.3f without %.3f", with, without)
		})
	}
}

// measured is empty where the fault keeps the face from being found.
func measured(t *testing.T, id uint64, change func(*sitter.Pose), measure func(photo.Quality) float64) []float64 {
	t.Helper()
	j := sitterPlain(id)
	if change != nil {
		j = judge(t, portrait(id, change)).Measures
	}
	if j.Face.IED() == 0 || j.Quality.EyeDistance == 0 {
		return nil
	}
	return []float64{measure(j.Quality)}
}

// plains are portraits without any fault, judged once for all tests.
var plains sync.Map

func sitterPlain(id uint64) photo.Measures {
	once, _ := plains.LoadOrStore(id, sync.OnceValue(func() photo.Measures { return judgeJPEG(portrait(id, nil)).Measures }))
	return once.(func() photo.Measures)()
}

// separation is the share of pairs in which the first is larger: the area under the curve.
func separation(larger, smaller []float64) float64 {
	var wins float64
	for _, a := range larger {
		for _, b := range smaller {
			switch {
			case a > b:
				wins++
			case a == b:
				wins += 0.5
			}
		}
	}
	return wins / float64(len(larger)*len(smaller))
}

func TestJPEGDoesNotLookLikeBlur(t *testing.T) {
	t.Parallel()
	p, j := plain()
	squeezed, err := look(encodeJPEG(t, p.Image, jpegn.EncodeOptions{Quality: 25}), smallPolicy())
	require.NoError(t, err)
	require.InDelta(t, j.Quality.Fineness, squeezed.Quality.Fineness, 0.25*j.Quality.Fineness)
	require.NotContains(t, codes(squeezed.Findings), "blurred")
}
