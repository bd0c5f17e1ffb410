package photo_test

import (
	"image"
	"image/color"
	"testing"

	"github.com/gen2brain/jpegn"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// near asserts that img shows want at the same places, each channel within slack levels.
func near(t *testing.T, want, img image.Image, slack int) {
	t.Helper()
	require.Equal(t, want.Bounds().Size(), img.Bounds().Size())
	for y := 3; y < want.Bounds().Dy(); y += 11 {
		for x := 3; x < want.Bounds().Dx(); x += 11 {
			wr, wg, wb, _ := want.At(want.Bounds().Min.X+x, want.Bounds().Min.Y+y).RGBA()
			r, g, b, a := img.At(img.Bounds().Min.X+x, img.Bounds().Min.Y+y).RGBA()
			require.Equal(t, uint32(0xFFFF), a)
			for _, d := range []int{int(wr) - int(r), int(wg) - int(g), int(wb) - int(b)} {
				require.LessOrEqual(t, max(d, -d), slack<<8, "at %d, %d", x, y)
			}
		}
	}
}

func TestDecodeReadsEveryKindOfFile(t *testing.T) {
	t.Parallel()
	for _, c := range kinds(t, 233, 217) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := photo.Decode(c.data, smallPolicy())
			require.NoError(t, err)
			near(t, c.want, got, c.slack)
			j, err := look(c.data, smallPolicy())
			require.NoError(t, err)
			require.Equal(t, [2]int{233, 217}, [2]int{j.Width, j.Height})
		})
	}
}

func TestDecodeLaysTransparencyOverWhite(t *testing.T) {
	t.Parallel()
	img := image.NewNRGBA(image.Rect(0, 0, 210, 210))
	want := image.NewRGBA(img.Rect)
	for y := range 210 {
		for x := range 210 {
			img.SetNRGBA(x, y, color.NRGBA{R: 200, A: uint8(x)})
			// Over white, a share x/255 of (200, 0, 0).
			want.SetRGBA(x, y, color.RGBA{uint8(255 - x*55/255), uint8(255 - x), uint8(255 - x), 255})
		}
	}
	got, err := photo.Decode(encodePNG(t, img), smallPolicy())
	require.NoError(t, err)
	near(t, want, got, 2)
}

func TestDecodeTurnsByEXIF(t *testing.T) {
	t.Parallel()
	w, h := 240, 208
	stored := ramp(w, h)
	// What the upright picture shows at (x, y), by orientation, as the EXIF standard words it.
	from := map[uint16]func(x, y int) (int, int){
		1: func(x, y int) (int, int) { return x, y },
		2: func(x, y int) (int, int) { return w - 1 - x, y },
		3: func(x, y int) (int, int) { return w - 1 - x, h - 1 - y },
		4: func(x, y int) (int, int) { return x, h - 1 - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return y, h - 1 - x },
		7: func(x, y int) (int, int) { return w - 1 - y, h - 1 - x },
		8: func(x, y int) (int, int) { return w - 1 - y, x },
	}
	plain := encodePNG(t, stored)
	for orientation, source := range from {
		data := afterHeader(plain, chunk("eXIf", exif(orientation)[6:]))
		got, err := photo.Decode(data, smallPolicy())
		require.NoError(t, err)
		size := image.Rect(0, 0, w, h)
		if orientation >= 5 {
			size = image.Rect(0, 0, h, w)
		}
		want := image.NewRGBA(size)
		for y := range size.Dy() {
			for x := range size.Dx() {
				sx, sy := source(x, y)
				want.Set(x, y, stored.At(sx, sy))
			}
		}
		near(t, want, got, 0)
	}
}

func TestDecodeRefusesWhatCannotBeShown(t *testing.T) {
	t.Parallel()
	jpeg := encodeJPEG(t, ramp(233, 217), jpegn.EncodeOptions{})
	file := encodePNG(t, ramp(233, 217))
	for name, c := range map[string]struct {
		data []byte
		code persona.PhotoCode
	}{
		"empty":            {nil, persona.PhotoEmpty},
		"text":             {[]byte("not a picture at all"), persona.PhotoNotImage},
		"jpeg cut off":     {jpeg[:len(jpeg)/2], persona.PhotoDamaged},
		"png cut off":      {file[:len(file)/2], persona.PhotoDamaged},
		"bomb":             {hugePNG(60_000, 60_000), persona.PhotoTooManyPixels},
		"pixels that lie":  {hugePNG(300, 300), persona.PhotoDamaged},
		"jpeg of two bits": {[]byte("\xFF\xD8\xFF\xC0\x00\x0B\x02\x01\x00\x01\x00\x01\x01\x11\x00\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00\x12\xFF\xD9"), persona.PhotoNotImage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := photo.Decode(c.data, smallPolicy())
			var e *persona.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, persona.Invalid, e.Kind)
			require.Equal(t, persona.CodePhotosUnusable, e.Code)
			require.Contains(t, codes(e.Photos[0].Findings), c.code)
			_, err = look(c.data, smallPolicy())
			require.ErrorAs(t, err, &e)
		})
	}
}
