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
)

// kind is one way to store a picture.
type kind struct {
	name  string
	data  []byte
	want  image.Image
	slack int
}

// kinds stores a picture in every way that is read.
func kinds(t testing.TB, w, h int) []kind {
	t.Helper()
	img := ramp(w, h)
	// An even end looks like data that ends too early, and is decoded twice.
	for i := range 8 {
		c := img.RGBAAt(w-1-i, h-1)
		c.R, c.G, c.B = c.R-uint8(i%2*6), c.G-uint8(i%2*6), c.B-uint8(i%2*6)
		img.SetRGBA(w-1-i, h-1, c)
	}
	r := img.Bounds()
	grey := drawn(image.NewGray(r), img)
	palette := make(color.Palette, 0, 256)
	for i := range 256 {
		palette = append(palette, color.RGBA{R: uint8(i & 0xF0), G: uint8(i << 4), B: 90, A: 255})
	}
	flat := image.NewPaletted(r, palette)
	draw.Draw(flat, r, img, image.Point{}, draw.Src)
	half := color.NRGBA{R: 250, G: 30, A: 128}
	veil := drawn(image.NewNRGBA(r), image.NewUniform(half))
	veiled := drawn(image.NewRGBA(r), image.NewUniform(color.RGBA{R: 252, G: 142, B: 127, A: 255}))

	jpeg := func(src image.Image, o jpegn.EncodeOptions) []byte { return encodeJPEG(t, src, o) }
	return []kind{
		{"baseline jpeg", jpeg(img, jpegn.EncodeOptions{Subsampling: jpegn.Subsample420}), img, 8},
		{"4:2:2 jpeg", jpeg(img, jpegn.EncodeOptions{Subsampling: jpegn.Subsample422}), img, 8},
		{"4:4:0 jpeg", jpeg(img, jpegn.EncodeOptions{Subsampling: jpegn.Subsample440}), img, 8},
		{"4:4:4 jpeg", jpeg(img, jpegn.EncodeOptions{Subsampling: jpegn.Subsample444}), img, 8},
		{"jpeg with restarts", jpeg(img, jpegn.EncodeOptions{RestartInterval: 3}), img, 8},
		{"progressive jpeg", jpeg(img, jpegn.EncodeOptions{Progressive: true}), img, 8},
		{"progressive 4:4:4 jpeg with restarts", jpeg(img, jpegn.EncodeOptions{
			Progressive: true, Subsampling: jpegn.Subsample444, RestartInterval: 5,
		}), img, 8},
		{"grey jpeg", jpeg(grey, jpegn.EncodeOptions{}), grey, 4},
		{"progressive grey jpeg", jpeg(grey, jpegn.EncodeOptions{Progressive: true}), grey, 4},
		{"4:1:1 jpeg, a scan a channel", planarJPEG(t, grey, 0x41, nil, 3), grey, 4},
		{"4:2:0 jpeg, a scan a channel", planarJPEG(t, grey, 0x22, nil, 3), grey, 4},
		{"rgb jpeg", planarJPEG(t, grey, 0x11, adobe(0), 3), grey, 4},
		{"cmyk jpeg", planarJPEG(t, grey, 0x11, adobe(0), 4), inked(grey, true), 6},
		{"ycck jpeg", planarJPEG(t, grey, 0x11, adobe(2), 4), inked(grey, false), 6},
		{"png", encodePNG(t, img), img, 0},
		{"grey png", encodePNG(t, grey), grey, 0},
		{"16-bit grey png", encodePNG(t, drawn(image.NewGray16(r), img)), grey, 1},
		{"16-bit png", encodePNG(t, drawn(image.NewRGBA64(r), img)), img, 1},
		{"png with alpha", encodePNG(t, veil), veiled, 1},
		{"16-bit png with alpha", encodePNG(t, drawn(image.NewNRGBA64(r), image.NewUniform(half))), veiled, 1},
		{"palette png", encodePNG(t, flat), flat, 0},
		{"interlaced png", interlacedPNG(t, grey), grey, 0},
	}
}

func drawn(dst draw.Image, src image.Image) image.Image {
	draw.Draw(dst, dst.Bounds(), src, image.Point{}, draw.Src)
	return dst
}

// adobe makes the segment that tells what the channels of a JPEG are.
func adobe(transform byte) []byte {
	return append([]byte("Adobe\x00\x64\x00\x00\x00\x00"), transform)
}

// planarJPEG stores a grey picture in the first channel of a JPEG, sampled as told beside the others, each channel in a
// scan of its own. In a file of luminance and colour the others hold no colour; in others each holds the picture too.
func planarJPEG(t testing.TB, grey image.Image, sampling byte, adobe []byte, channels int) []byte {
	t.Helper()
	b := grey.Bounds()
	across, down := int(sampling>>4), int(sampling&15)
	neutral := drawn(image.NewGray(image.Rect(0, 0, (b.Dx()+across-1)/across, (b.Dy()+down-1)/down)),
		image.NewUniform(color.Gray{Y: 128}))
	out := []byte{0xFF, 0xD8}
	coloured := adobe == nil || adobe[len(adobe)-1] == 2
	if adobe != nil {
		out = withSegment(out, 0xEE, adobe)
	}
	var scans []byte
	for channel := range channels {
		src, tables := grey, byte(0)
		if coloured && (channel == 1 || channel == 2) {
			src = neutral
		}
		file := encodeJPEG(t, src, jpegn.EncodeOptions{})
		for at := 2; ; {
			marker, n := file[at+1], int(binary.BigEndian.Uint16(file[at+2:]))
			segment := file[at : at+2+n]
			at += 2 + n
			switch {
			case marker == 0xDA:
				scans = append(scans, 0xFF, 0xDA, 0, 8, 1, byte(channel+1), tables, 0, 63, 0)
				scans = append(scans, file[at:len(file)-2]...)
			case channel == 0 && (marker == 0xDB || marker == 0xC4):
				out = append(out, segment...)
			case channel == 0 && marker == 0xC0:
				out = append(out, 0xFF, 0xC0, 0, byte(8+3*channels))
				out = append(out, segment[4:9]...)
				out = append(out, byte(channels))
				for c := range channels {
					s := byte(0x11)
					if c == 0 || c == 3 {
						s = sampling
					}
					out = append(out, byte(c+1), s, 0)
				}
			}
			if marker == 0xDA {
				break
			}
		}
	}
	return append(append(out, scans...), 0xFF, 0xD9)
}

// inked is what a picture looks like whose four inks print files store inverted, the black one as bright as img; the
// colours are as bright too, or (converted to luminance, which inverts them once more) as dark.
func inked(img image.Image, bright bool) image.Image {
	out := image.NewRGBA(img.Bounds())
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			g := int(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
			colour := g
			if !bright {
				colour = 255 - g
			}
			v := uint8(colour * g / 255)
			out.SetRGBA(x, y, color.RGBA{v, v, v, 255})
		}
	}
	return out
}

// interlacedPNG writes a grey picture in Adam7's seven passes, which image/png reads but does not write.
func interlacedPNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	var raw bytes.Buffer
	for _, pass := range [7][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}} {
		for y := pass[1]; y < h && pass[0] < w; y += pass[3] {
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
