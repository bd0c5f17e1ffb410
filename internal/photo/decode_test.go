package photo_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/draw"
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

func drawn(dst draw.Image, src image.Image) image.Image {
	draw.Draw(dst, dst.Bounds(), src, image.Point{}, draw.Src)
	return dst
}

func TestDecodeReadsEveryKindOfFile(t *testing.T) {
	t.Parallel()
	img := ramp(233, 217)
	r := img.Bounds()
	grey := drawn(image.NewGray(r), img)
	palette := make(color.Palette, 0, 256)
	for i := range 256 {
		palette = append(palette, color.RGBA{R: uint8(i & 0xF0), G: uint8(i << 4), B: 90, A: 255})
	}
	flat := image.NewPaletted(r, palette)
	draw.Draw(flat, r, img, image.Point{}, draw.Src)
	deepGrey := drawn(image.NewGray16(r), img)

	for _, c := range []struct {
		name  string
		data  []byte
		want  image.Image
		slack int
	}{
		{"baseline jpeg", encodeJPEG(t, img, jpegn.EncodeOptions{}), img, 8},
		{"progressive jpeg", encodeJPEG(t, img, jpegn.EncodeOptions{Progressive: true}), img, 8},
		{"full-colour jpeg", encodeJPEG(t, img, jpegn.EncodeOptions{Subsampling: jpegn.Subsample444}), img, 8},
		{"grey jpeg", encodeJPEG(t, grey, jpegn.EncodeOptions{}), grey, 4},
		{"cmyk jpeg", cmykJPEG(t, grey), cmykLooks(grey), 6},
		{"png", encodePNG(t, img), img, 0},
		{"grey png", encodePNG(t, grey), grey, 0},
		{"16-bit grey png", encodePNG(t, deepGrey), grey, 1},
		{"16-bit png", encodePNG(t, drawn(image.NewRGBA64(r), img)), img, 1},
		{"16-bit png with alpha", encodePNG(t, drawn(image.NewNRGBA64(r), img)), img, 1},
		{"palette png", encodePNG(t, flat), flat, 0},
		{"interlaced png", interlacedPNG(t, grey), grey, 0},
	} {
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

// cmykJPEG writes img as all four inks of a JPEG: each ink is a scan of its own with the same data as the grey file.
func cmykJPEG(t *testing.T, img image.Image) []byte {
	t.Helper()
	grey := encodeJPEG(t, img, jpegn.EncodeOptions{})
	out := append([]byte{0xFF, 0xD8, 0xFF, 0xEE, 0, 14}, "Adobe\x00\x64\x00\x00\x00\x00\x00"...)
	at := 2
	for {
		marker, n := grey[at+1], int(binary.BigEndian.Uint16(grey[at+2:]))
		segment := grey[at : at+2+n]
		at += 2 + n
		switch marker {
		case 0xC0:
			out = append(out, 0xFF, 0xC0, 0, 20)
			out = append(out, segment[4:9]...)
			out = append(out, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0)
		case 0xDA:
			for ink := byte(1); ink <= 4; ink++ {
				out = append(out, 0xFF, 0xDA, 0, 8, 1, ink, 0, 0, 63, 0)
				out = append(out, grey[at:len(grey)-2]...)
			}
			return append(out, 0xFF, 0xD9)
		case 0xDB, 0xC4:
			out = append(out, segment...)
		}
	}
}

// cmykLooks is what a picture of four inks looks like, which print files store inverted: each as bright as img.
func cmykLooks(img image.Image) image.Image {
	out := image.NewRGBA(img.Bounds())
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			g := color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y
			v := uint8(int(g) * int(g) / 255)
			out.SetRGBA(x, y, color.RGBA{v, v, v, 255})
		}
	}
	return out
}

// interlacedPNG writes a grey picture in Adam7's seven passes, which image/png reads but does not write.
func interlacedPNG(t *testing.T, img image.Image) []byte {
	t.Helper()
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	var raw bytes.Buffer
	for _, pass := range [7][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		for y := pass[1]; y < h; y += pass[3] {
			raw.WriteByte(0)
			for x := pass[0]; x < w; x += pass[2] {
				raw.WriteByte(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
			}
		}
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, err := z.Write(raw.Bytes())
	require.NoError(t, errors.Join(err, z.Close()))
	head := binary.BigEndian.AppendUint32(nil, uint32(w))
	head = binary.BigEndian.AppendUint32(head, uint32(h))
	head = append(head, 8, 0, 0, 0, 1)
	return bytes.Join([][]byte{
		[]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", head), chunk("IDAT", packed.Bytes()), chunk("IEND", nil),
	}, nil)
}

func FuzzDecode(f *testing.F) {
	jpeg := encodeJPEG(f, ramp(24, 20), jpegn.EncodeOptions{})
	f.Add(jpeg)
	f.Add(encodeJPEG(f, ramp(24, 20), jpegn.EncodeOptions{Progressive: true}))
	f.Add(withSegment(jpeg, 0xE1, exif(5)))
	f.Add(encodePNG(f, ramp(24, 20)))
	f.Add(jpeg[:len(jpeg)-9])
	f.Fuzz(func(t *testing.T, data []byte) {
		p := persona.DefaultPhotoPolicy()
		p.MaxPixels = 1 << 16
		img, err := photo.Decode(data, p)
		if err != nil {
			var e *persona.Error
			require.ErrorAs(t, err, &e)
			return
		}
		b := img.Bounds()
		require.False(t, b.Empty())
		img.At(b.Min.X, b.Min.Y)
		img.At(b.Max.X-1, b.Max.Y-1)
		_, err = look(data, p)
		require.NoError(t, err)
	})
}
