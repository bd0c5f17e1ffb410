package dct_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"math/rand/v2"
	"testing"

	"github.com/gen2brain/jpegn"
	"github.com/stretchr/testify/require"
)

// scene is a colourful picture with fine and coarse detail.
func scene(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	grain := rand.New(rand.NewPCG(5, 6))
	for y := range h {
		for x := range w {
			light := 120 + 60*((x/9+y/7)%2) + grain.IntN(30)
			img.SetRGBA(x, y, color.RGBA{uint8(light), uint8((2*x + light) / 3 % 256), uint8(light / (1 + y%50/25)), 255})
		}
	}
	return img
}

func encoded(t testing.TB, img image.Image, o jpegn.EncodeOptions) []byte {
	t.Helper()
	if o.Quality == 0 {
		o.Quality = 92
	}
	var b bytes.Buffer
	require.NoError(t, jpegn.Encode(&b, img, &o))
	return b.Bytes()
}

// bitWriter writes codes and marks what looks like a marker.
type bitWriter struct {
	out   []byte
	bits  uint64
	count int
}

func (w *bitWriter) write(v, n int) {
	w.bits = w.bits<<n | uint64(v&(1<<n-1))
	for w.count += n; w.count >= 8; {
		w.count -= 8
		b := byte(w.bits >> w.count)
		if w.out = append(w.out, b); b == 0xFF {
			w.out = append(w.out, 0)
		}
	}
}

func (w *bitWriter) end() {
	w.write(1<<7-1, (8-w.count)%8)
}

// Codes of the made files: those of the first symbols are short, all others have sixteen bits.
var (
	firstSymbols = []byte{4, 0, 2, 3, 7, 1, 5, 6, 8, 9, 10, 11}
	otherSymbols = func() []byte {
		out := []byte{0x01, 0x00, 0x03, 0x11, 0x02, 0x21, 0xF0}
		for run := range 16 {
			for size := range 11 {
				if s := byte(run<<4 | size); size > 0 && bytes.IndexByte(out, s) < 0 {
					out = append(out, s)
				}
			}
		}
		return out
	}()
)

// codeOf is the code of a symbol and its length: one of each length from 2 to 8 bits, and then those of 16.
func codeOf(symbols []byte, symbol byte) (code, n int) {
	at := bytes.IndexByte(symbols, symbol)
	if at < 7 {
		return 1<<(at+1) - 2, at + 2
	}
	return 127<<8 + at - 7, 16
}

func storedCodes(class byte, symbols []byte) []byte {
	out := []byte{class << 4, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, byte(len(symbols) - 7)}
	return append(out, symbols...)
}

func (w *bitWriter) value(symbols []byte, zeros, v int) {
	size, bits := 0, max(v, -v)
	for bits > 0 {
		bits >>= 1
		size++
	}
	code, n := codeOf(symbols, byte(zeros<<4|size))
	w.write(code, n)
	if v < 0 {
		v += 1<<size - 1
	}
	w.write(v, size)
}

// block writes a block of a few to all coefficients, and returns its first.
func (w *bitWriter) block(r *rand.Rand, before int) int {
	first := r.IntN(400) - 200
	w.value(firstSymbols, 0, first-before)
	zeros, most := 0, 1<<r.IntN(7)
	for k := 1; k < 64; k++ {
		if r.IntN(64) > 2*most || r.IntN(3) == 0 && most < 64 {
			zeros++
			continue
		}
		for ; zeros > 15; zeros -= 16 {
			code, n := codeOf(otherSymbols, 0xF0)
			w.write(code, n)
		}
		v := 1 + r.IntN(1+400/(1+k*k/8))
		if r.IntN(2) == 0 {
			v = -v
		}
		w.value(otherSymbols, zeros, v)
		zeros = 0
	}
	if zeros > 0 {
		code, n := codeOf(otherSymbols, 0)
		w.write(code, n)
	}
	return first
}

// made is a file of random coefficients of w by h pixels, whose first channel has so many blocks in a unit, with
// restart markers after so many units, or none.
func made(w, h, across, down, restart int) []byte {
	r := rand.New(rand.NewPCG(uint64(w*across), uint64(h*down)))
	segment := func(marker byte, b []byte) []byte {
		out := binary.BigEndian.AppendUint16([]byte{0xFF, marker}, uint16(len(b)+2))
		return append(out, b...)
	}
	quant := make([]byte, 65)
	for i := range 64 {
		quant[1+i] = byte(1 + i/16)
	}
	frame := []byte{8, byte(h >> 8), byte(h), byte(w >> 8), byte(w), 3, 1, byte(across<<4 | down), 0, 2, 0x11, 0, 3, 0x11, 0}
	out := bytes.Join([][]byte{
		{0xFF, 0xD8},
		segment(0xDB, quant), segment(0xC0, frame), segment(0xC4, storedCodes(0, firstSymbols)),
		segment(0xC4, storedCodes(1, otherSymbols)), segment(0xDD, []byte{0, byte(restart)}),
		segment(0xDA, []byte{3, 1, 0, 2, 0, 3, 0, 0, 63, 0}),
	}, nil)
	var coded bitWriter
	var first [3]int
	units := ((w + 8*across - 1) / (8 * across)) * ((h + 8*down - 1) / (8 * down))
	for unit := range units {
		if restart > 0 && unit > 0 && unit%restart == 0 {
			coded.end()
			coded.out = append(coded.out, 0xFF, byte(0xD0+(unit/restart-1)%8))
			first = [3]int{}
		}
		for range across * down {
			first[0] = coded.block(r, first[0])
		}
		first[1], first[2] = coded.block(r, first[1]), coded.block(r, first[2])
	}
	coded.end()
	return append(append(out, coded.out...), 0xFF, 0xD9)
}
