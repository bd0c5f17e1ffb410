package dct_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"sync"
	"testing"

	"github.com/gen2brain/jpegn"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/dct"
)

var twelve = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	if err := jpegn.Encode(&b, scene(4000, 3000), &jpegn.EncodeOptions{Quality: 85}); err != nil {
		panic(err)
	}
	return b.Bytes()
})

// BenchmarkRead is a picture of twelve megapixels and parts of it, beside two decoders of whole files.
func BenchmarkRead(b *testing.B) {
	data := twelve()
	p, err := dct.Open(data)
	require.NoError(b, err)
	buffer := make([]uint8, 40e6)
	parts := func(r image.Rectangle, scale int) func() {
		return func() { p.Part(r, scale, func(n int) []uint8 { return buffer[:n] }) }
	}
	for _, c := range []struct {
		name string
		read func()
	}{
		{"open, a quarter size", func() { _, _ = dct.Open(data) }},
		{"a third of it, half size", parts(image.Rect(400, 100, 1550, 1250), 2)},
		{"a third of it, full size", parts(image.Rect(1000, 500, 3000, 2500), 1)},
		{"all, full size", parts(image.Rectangle{Max: p.Size(1)}, 1)},
		{"jpegn, all", func() { _, _ = jpegn.Decode(bytes.NewReader(data)) }},
		{"image jpeg, all", func() { _, _ = jpeg.Decode(bytes.NewReader(data)) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				c.read()
			}
		})
	}
}
