package photo

import (
	"encoding/binary"
	"hash/crc32"
)

// pngHeader describes how a PNG is stored.
type pngHeader struct {
	depth       int // bits a sample
	colour      byte
	interlaced  bool
	transparent bool // a colour, or some of the palette, is
}

// maxPNG bounds a width, a height and a chunk's length (PNG specification, 7.1: four-byte unsigned integers).
const maxPNG = 1<<31 - 1

// pngStream parses the chunks of a PNG and verifies their checksums. It keeps only the header and an EXIF block.
type pngStream struct {
	head   [8]byte // length and type of the chunk, then its checksum
	filled int
	left   int // bytes of data left in the chunk
	inData bool
	kind   string
	keep   []byte
	keeps  int
	crc    uint32
	chunks int
	width  int
	height int
	form   pngHeader
	exif   exifFacts
	pixels bool
	ended  bool
	broken bool
}

func (s *pngStream) facts() header {
	return header{
		format: FormatPNG, width: s.width, height: s.height, exif: s.exif, complete: s.ended && s.pixels && !s.broken,
		png: s.form,
	}
}

func (s *pngStream) write(b []byte) {
	for len(b) > 0 && !s.ended && !s.broken {
		if s.inData && s.left > 0 {
			n := min(s.left, len(b))
			s.crc = crc32.Update(s.crc, crc32.IEEETable, b[:n])
			s.keep = append(s.keep, b[:min(n, s.keeps-len(s.keep))]...)
			s.left -= n
			b = b[n:]
			continue
		}
		need := 8
		if s.inData {
			need = 4
		}
		n := copy(s.head[s.filled:need], b)
		s.filled += n
		b = b[n:]
		if s.filled < need {
			continue
		}
		s.filled = 0
		if s.inData {
			s.end()
		} else {
			s.begin()
		}
	}
}

// begin handles a chunk's length and type.
func (s *pngStream) begin() {
	length := binary.BigEndian.Uint32(s.head[:4])
	s.kind = string(s.head[4:8])
	s.chunks++
	if length > maxPNG || (s.chunks == 1) != (s.kind == "IHDR") {
		s.broken = true
		return
	}
	s.inData, s.left = true, int(length)
	s.crc = crc32.ChecksumIEEE(s.head[4:8])
	s.keep, s.keeps = s.keep[:0], 0
	switch {
	case s.kind == "IHDR":
		s.keeps = 13
	case s.kind == "eXIf" && length <= maxEXIF:
		s.keeps = maxEXIF
	}
}

// end handles a chunk's checksum.
func (s *pngStream) end() {
	s.inData = false
	if binary.BigEndian.Uint32(s.head[:4]) != s.crc {
		s.broken = true
		return
	}
	switch s.kind {
	case "IHDR":
		if len(s.keep) < 13 {
			s.broken = true
			return
		}
		width, height := binary.BigEndian.Uint32(s.keep), binary.BigEndian.Uint32(s.keep[4:])
		if width == 0 || height == 0 || width > maxPNG || height > maxPNG {
			s.broken = true
			return
		}
		s.width, s.height = int(width), int(height)
		s.form.depth, s.form.colour, s.form.interlaced = int(s.keep[8]), s.keep[9], s.keep[12] != 0
	case "tRNS":
		s.form.transparent = true
	case "IDAT":
		s.pixels = true
	case "eXIf":
		s.exif = readEXIF(s.keep)
		s.keep = nil
	case "IEND":
		s.ended = true
	}
}
