package photo_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
)

// Colour types of a PNG.
const (
	pngGrey    = 0
	pngColour  = 2
	pngPalette = 3
	pngAlpha   = 6
)

// enoughBytes is the weight that a file needs so as not to be refused for its size.
const enoughBytes = 510_000

// flatPNG is a PNG of one colour, without a picture of that size in memory. It is as heavy as a photo.
func flatPNG(w, h, depth int, colour byte, interlaced bool) []byte {
	samples := map[byte]int{pngGrey: 1, pngColour: 3, pngPalette: 1, pngAlpha: 4}[colour]
	head := binary.BigEndian.AppendUint32(nil, uint32(w))
	head = binary.BigEndian.AppendUint32(head, uint32(h))
	head = append(head, byte(depth), colour, 0, 0, 0)
	passes := [][4]int{{0, 0, 1, 1}} // first column and row, and the steps to the next
	if interlaced {
		head[12] = 1
		passes = [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
	}
	var data bytes.Buffer
	pack, _ := zlib.NewWriterLevel(&data, zlib.BestSpeed) // the level is a valid one
	for _, p := range passes {
		across, down := (w-p[0]+p[2]-1)/p[2], (h-p[1]+p[3]-1)/p[3]
		row := make([]byte, 1+(across*samples*depth+7)/8)
		for range down {
			_, _ = pack.Write(row) // a buffer takes everything
		}
	}
	_ = pack.Close()
	file := append([]byte(pngStart), chunk("IHDR", head)...)
	if colour == pngPalette {
		file = append(file, chunk("PLTE", []byte{90, 90, 90})...)
	}
	file = append(file, comment()...)
	return append(append(file, chunk("IDAT", data.Bytes())...), chunk("IEND", nil)...)
}

// flatJPEG is a grey picture of any size, made without encoding one: its only Huffman code is a zero bit, which stands
// for the coefficient of the block before, and for the end of a block.
type flatJPEG struct {
	w, h        int
	components  int // 3 by default
	whole       bool
	progressive bool
	broken      bool // its entropy-coded data has codes that do not exist
	scans       int  // further ones, of one coefficient each when progressive, else a component each
}

// encode returns the file, as heavy as a photo.
func (f flatJPEG) encode() []byte {
	if f.components == 0 {
		f.components = 3
	}
	file := []byte("\xFF\xD8")
	segment := func(marker byte, payload ...byte) {
		file = append(file, 0xFF, marker)
		file = binary.BigEndian.AppendUint16(file, uint16(len(payload)+2))
		file = append(file, payload...)
	}
	for len(file) < enoughBytes {
		segment(0xFE, make([]byte, 60_000)...)
	}
	if f.components == 4 {
		segment(0xEE, []byte("Adobe\x00\x64\x00\x00\x00\x00\x02")...)
	}
	segment(0xDB, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)
	for _, class := range []byte{0x00, 0x10} {
		segment(0xC4, append(append([]byte{class}, 1), make([]byte, 15+1)...)...)
	}
	frame := []byte{8, byte(f.h >> 8), byte(f.h), byte(f.w >> 8), byte(f.w), byte(f.components)}
	unit := 8
	blocks := f.components // of a unit
	for i := range f.components {
		sampling := byte(0x11)
		if i == 0 && !f.whole && f.components == 3 {
			sampling, unit, blocks = 0x22, 16, 6
		}
		frame = append(frame, byte(i+1), sampling, 0)
	}
	marker := byte(0xC0)
	if f.progressive {
		marker = 0xC2
	}
	segment(marker, frame...)
	ceil := func(a, b int) int { return (a + b - 1) / b }
	scan := func(components []byte, from, to byte, bits int) {
		head := []byte{byte(len(components))}
		for _, c := range components {
			head = append(head, c, 0)
		}
		segment(0xDA, append(head, from, to, 0)...)
		data := make([]byte, ceil(bits, 8))
		if f.broken {
			data = bytes.Repeat([]byte{0xFE}, len(data))
		}
		file = append(file, data...)
	}
	units := ceil(f.w, unit) * ceil(f.h, unit)
	inScan := []byte{1, 2, 3, 4}[:f.components]
	switch {
	case f.progressive:
		scan(inScan, 0, 0, units*blocks)
		for i := range max(f.scans, 1) {
			at := byte(1 + i%63)
			scan([]byte{1}, at, at, ceil(f.w, 8)*ceil(f.h, 8))
		}
	case f.scans > 0:
		for _, c := range inScan {
			side := 8
			if c != 1 {
				side = unit
			}
			scan([]byte{c}, 0, 63, 2*ceil(f.w, side)*ceil(f.h, side))
		}
	default:
		scan(inScan, 0, 63, 2*units*blocks)
	}
	return append(file, 0xFF, 0xD9)
}

// repeated is img with each pixel n times in both directions.
func repeated(img *image.RGBA, n int) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, n*img.Rect.Dx(), n*img.Rect.Dy()))
	for y := range out.Rect.Dy() {
		row, from := out.Pix[y*out.Stride:], img.Pix[y/n*img.Stride:]
		for x := range out.Rect.Dx() {
			copy(row[4*x:4*x+4], from[x/n*4:])
		}
	}
	return out
}

// comment is a chunk of a PNG that makes the file as heavy as a photo.
func comment() []byte {
	return chunk("tEXt", append([]byte("Comment\x00"), make([]byte, enoughBytes)...))
}

// heavy is a JPEG with comments that make it as heavy as a photo.
func heavy(jpeg []byte) []byte {
	for len(jpeg) < enoughBytes {
		jpeg = withSegment(jpeg, 0xFE, make([]byte, 60_000))
	}
	return jpeg
}
