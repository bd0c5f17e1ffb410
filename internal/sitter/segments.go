package sitter

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// withSegment puts a segment behind the first marker of a JPEG.
func withSegment(jpeg []byte, marker byte, body []byte) []byte {
	head := binary.BigEndian.AppendUint16([]byte{0xFF, marker}, uint16(len(body)+2))
	return slices.Insert(slices.Clone(jpeg), 2, append(head, body...)...)
}

// withWeight brings a JPEG to at least size bytes with application data, as cameras do that store a preview.
func withWeight(jpeg []byte, size int) []byte {
	const longest = 65_000
	out := []byte{jpeg[0], jpeg[1]}
	for len(out)+len(jpeg)-2 < size {
		body := append([]byte("preview\x00"), bytes.Repeat([]byte{0x5A}, longest)...)
		out = append(out, 0xFF, 0xEF)
		out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
		out = append(out, body...)
	}
	return append(out, jpeg[2:]...)
}

// withDate gives a JPEG an EXIF block that says when it was taken, as "2006:01:02 15:04:05" and a zero byte.
func withDate(jpeg []byte, date string) []byte {
	le := binary.LittleEndian
	b := []byte("Exif\x00\x00II*\x00\x08\x00\x00\x00")
	entry := func(tag, kind uint16, count, value uint32) {
		b = le.AppendUint16(b, tag)
		b = le.AppendUint16(b, kind)
		b = le.AppendUint32(b, count)
		b = le.AppendUint32(b, value)
	}
	const long, ascii = 4, 2
	const second, text = 8 + 18, 8 + 18 + 18 // offsets of the two blocks that follow, from the byte order mark
	b = le.AppendUint16(b, 1)
	entry(0x8769, long, 1, second) // where the EXIF directory is
	b = le.AppendUint32(b, 0)
	b = le.AppendUint16(b, 1)
	entry(0x9003, ascii, uint32(len(date)+1), text) // DateTimeOriginal
	b = le.AppendUint32(b, 0)
	b = append(b, date...)
	return withSegment(jpeg, 0xE1, append(b, 0))
}

// claimSize changes the size that a JPEG says it has.
func claimSize(jpeg []byte, width, height uint16) []byte {
	out := slices.Clone(jpeg)
	if at := bytes.Index(out, []byte{0xFF, 0xC0}); at >= 0 {
		binary.BigEndian.PutUint16(out[at+5:], height)
		binary.BigEndian.PutUint16(out[at+7:], width)
	}
	return out
}
