package photo_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"testing"

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
