package sheet_test

import (
	"image"
	"image/color"
	"image/draw"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/sheet"
)

var blue = color.RGBA{0x20, 0x40, 0xe0, 0xff}

// one is a blue photo of 800 x 400 pixels with a face in it.
func one(verdict persona.Verdict, findings ...persona.Finding) sheet.Photo {
	img := image.NewRGBA(image.Rect(0, 0, 320, 160))
	draw.Draw(img, img.Rect, image.NewUniform(blue), image.Point{}, draw.Src)
	return sheet.Photo{
		Name: "photo.jpg", Picture: img, Scale: 2.5,
		Points: []sheet.Mark{{X: 350, Y: 180, Eye: true}, {X: 450, Y: 180, Eye: true}, {X: 400, Y: 250}},
		Report: persona.PhotoReport{
			Verdict: verdict, Score: persona.Score{Resolution: 100, Sharpness: 60, Lighting: 90, FaceDetection: 80, Overall: 82},
			Face: persona.Rect{X: 300, Y: 100, Width: 200, Height: 200}, Findings: findings,
		},
	}
}

// count tells how many pixels of a part have a colour.
func count(img image.Image, part image.Rectangle, c color.Color) (n int) {
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			if img.At(x, y) == c {
				n++
			}
		}
	}
	return n
}

func TestSheetShowsPictureBoxEyesAndVerdict(t *testing.T) {
	t.Parallel()
	frames := map[persona.Verdict]color.RGBA{}
	for _, verdict := range []persona.Verdict{persona.VerdictAccept, persona.VerdictWarn, persona.VerdictRefuse} {
		img := sheet.Draw([]sheet.Photo{one(verdict)}, persona.SetReport{Photos: 1})
		frame := img.RGBAAt(22, 60) // on the frame, left of the picture
		frames[verdict] = frame
		// The picture fills the width of its place at a third of the photo's size, below a grey band of a quarter.
		picture := image.Rect(24, 56+80, 24+320, 56+240)
		require.Greater(t, count(img, picture, blue), 45_000)
		require.Equal(t, 0, count(img, image.Rect(24, 56, 24+320, 56+79), blue))
		require.Equal(t, frame, img.RGBAAt(24+120, 136+60), "the face's box")
		require.Equal(t, color.RGBA{255, 255, 255, 255}, img.RGBAAt(24+140, 136+72), "an eye")
		require.Equal(t, color.RGBA{255, 255, 255, 255}, img.RGBAAt(24+160, 136+100), "another point")
	}
	require.Len(t, frames, 3)
	require.NotEqual(t, frames[persona.VerdictAccept], frames[persona.VerdictRefuse])
	require.NotEqual(t, frames[persona.VerdictAccept], frames[persona.VerdictWarn])
}

func TestSheetGrowsWithWhatItTells(t *testing.T) {
	t.Parallel()
	var photos []sheet.Photo
	heights := map[int]int{}
	for range 12 {
		photos = append(photos, one(persona.VerdictAccept))
		img := sheet.Draw(photos, persona.SetReport{Photos: len(photos)})
		heights[len(photos)] = img.Rect.Dy()
		require.LessOrEqual(t, img.Rect.Dx(), 24+5*(320+24))
	}
	require.Equal(t, heights[1], heights[2], "side by side")
	require.Greater(t, heights[12], heights[4])

	advised := sheet.Draw(photos, persona.SetReport{
		Photos: 12, Tier: persona.TierStandard, Advice: []string{strings.Repeat("Add photos with other backgrounds. ", 20)},
		Coverage: []persona.Coverage{{Aspect: persona.AspectPose, Kinds: []persona.CoverageKind{{Kind: persona.ShotFront, Count: 3, Wanted: 4}}}},
	})
	require.Greater(t, advised.Rect.Dy(), heights[12]+3*19, "a line for the tier, one for the coverage, several for the advice")
}

// Whatever it is given, nothing is drawn outside and nothing breaks.
func TestSheetOfOddThings(t *testing.T) {
	t.Parallel()
	long := one(persona.VerdictRefuse, persona.NewFinding(persona.PhotoSeveralFaces, true, "4 faces"),
		persona.NewFinding(persona.PhotoBlurred, true, ""), persona.NewFinding(persona.PhotoTooDark, true, ""))
	long.Name = strings.Repeat("a very long name of a photo ", 10) + "ß漢字.jpg"
	outside := one(persona.VerdictWarn)
	outside.Report.Face = persona.Rect{X: -500, Y: -500, Width: 5000, Height: 5000}
	outside.Points = []sheet.Mark{{X: -1e6, Y: 1e6, Eye: true}}
	tiny := one(persona.VerdictAccept)
	tiny.Picture = image.NewGray(image.Rect(5, 5, 6, 6))
	img := sheet.Draw([]sheet.Photo{{Name: "empty.jpg", Report: persona.PhotoReport{Verdict: persona.VerdictRefuse}}, long, outside, tiny}, persona.SetReport{})
	paper := img.RGBAAt(1, 1)
	require.Equal(t, 20*img.Rect.Dy(), count(img, image.Rect(0, 0, 20, img.Rect.Dy()), paper), "the left margin stays empty")
	require.Equal(t, 20*img.Rect.Dy(), count(img, image.Rect(img.Rect.Dx()-20, 0, img.Rect.Dx(), img.Rect.Dy()), paper), "and the right one")
	require.Positive(t, sheet.Draw(nil, persona.SetReport{}).Rect.Dx())
}

// The text under the pictures is as wide as the sheet allows, whatever the number of columns.
func TestTheTextStaysInsideTheSheet(t *testing.T) {
	t.Parallel()
	for n := range 6 {
		img := sheet.Draw(slices.Repeat([]sheet.Photo{one(persona.VerdictAccept)}, n), persona.SetReport{
			Tier: persona.TierBasic, Advice: []string{strings.Repeat("Add photos with other backgrounds. ", 9)},
		})
		margin := image.Rect(img.Rect.Dx()-20, 0, img.Rect.Dx(), img.Rect.Dy())
		require.Equal(t, 20*img.Rect.Dy(), count(img, margin, img.RGBAAt(1, 1)), "%d photos", n)
	}
}
