package photo_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/disintegration/gift"
	"github.com/gen2brain/jpegn"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
)

// smallPolicy is the guide's policy for pictures small enough to be drawn quickly.
func smallPolicy() persona.PhotoPolicy {
	p := persona.DefaultPhotoPolicy()
	p.MinBytes, p.MinSide = 0, 200
	return p
}

// ramp is a picture whose every pixel tells where it is: red grows to the right, green downwards.
func ramp(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, color.RGBA{R: uint8(255 * x / w), G: uint8(255 * y / h), B: 90, A: 255})
		}
	}
	return img
}

func encodePNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, img))
	return b.Bytes()
}

func encodeJPEG(t testing.TB, img image.Image, o jpegn.EncodeOptions) []byte {
	t.Helper()
	if o.Quality == 0 {
		o.Quality = 95
	}
	var b bytes.Buffer
	require.NoError(t, jpegn.Encode(&b, img, &o))
	return b.Bytes()
}

// encodePhoto makes a JPEG as a camera would.
func encodePhoto(t testing.TB, img image.Image) []byte {
	t.Helper()
	return encodeJPEG(t, img, jpegn.EncodeOptions{Quality: 95})
}

// exif makes an EXIF block that names an orientation.
func exif(orientation uint16) []byte {
	b := []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00")
	b = binary.LittleEndian.AppendUint16(b, orientation)
	return append(b, 0, 0, 0, 0, 0, 0)
}

// withSegment puts a segment right behind the start of a JPEG.
func withSegment(jpeg []byte, marker byte, payload []byte) []byte {
	out := append([]byte{0xFF, 0xD8, 0xFF, marker}, byte((len(payload)+2)>>8), byte(len(payload)+2))
	return append(append(out, payload...), jpeg[2:]...)
}

// chunk makes a chunk of a PNG.
func chunk(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// afterHeader puts chunks behind the header of a PNG.
func afterHeader(file []byte, chunks ...[]byte) []byte {
	const header = 8 + 25
	return bytes.Join([][]byte{file[:header], bytes.Join(chunks, nil), file[header:]}, nil)
}

// hugePNG claims to be w by h pixels and holds next to nothing.
func hugePNG(w, h uint32) []byte {
	head := binary.BigEndian.AppendUint32(nil, w)
	head = binary.BigEndian.AppendUint32(head, h)
	head = append(head, 8, 2, 0, 0, 0)
	return bytes.Join([][]byte{
		[]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", head), chunk("IDAT", []byte{0x78, 0x9C}), chunk("IEND", nil),
	}, nil)
}

func codes(findings []persona.Finding) []persona.PhotoCode {
	out := []persona.PhotoCode{}
	for _, f := range findings {
		out = append(out, f.Code)
	}
	return out
}

// datedEXIF makes an EXIF block whose sub-directory tells when the photo was taken. An empty string leaves a tag out.
func datedEXIF(original, offset string) []byte {
	type tag struct {
		id   uint16
		text string
	}
	var tags []tag
	for _, t := range []tag{{0x9003, original}, {0x9011, offset}} {
		if t.text != "" {
			tags = append(tags, tag{t.id, t.text + "\x00"})
		}
	}
	le := binary.LittleEndian
	b := []byte("II*\x00\x08\x00\x00\x00\x01\x00\x69\x87\x04\x00\x01\x00\x00\x00\x1A\x00\x00\x00\x00\x00\x00\x00")
	b = le.AppendUint16(b, uint16(len(tags)))
	texts := len(b) + 12*len(tags) + 4
	for _, t := range tags {
		b = le.AppendUint16(le.AppendUint16(b, t.id), 2)
		b = le.AppendUint32(le.AppendUint32(b, uint32(len(t.text))), uint32(texts))
		texts += len(t.text)
	}
	b = append(b, 0, 0, 0, 0)
	for _, t := range tags {
		b = append(b, t.text...)
	}
	return append([]byte(exifStart), b...)
}

const exifStart = "Exif\x00\x00"

// enlarged is img at the given width.
func enlarged(img image.Image, side int) *image.RGBA {
	b := img.Bounds()
	g := gift.New(gift.Resize(side, side*b.Dy()/b.Dx(), gift.CubicResampling))
	out := image.NewRGBA(g.Bounds(b))
	g.Draw(out, img)
	return out
}
