package photo

import (
	"bytes"
	"encoding/binary"
)

// JPEG markers (ITU-T T.81, table B.1).
const (
	markerTEM  = 0x01
	markerSOF0 = 0xC0
	markerSOF2 = 0xC2 // progressive
	markerDHT  = 0xC4
	markerJPG  = 0xC8
	markerDAC  = 0xCC
	markerSOFn = 0xCF
	markerRST0 = 0xD0
	markerRST7 = 0xD7
	markerSOI  = 0xD8
	markerEOI  = 0xD9
	markerSOS  = 0xDA
	markerAPP1 = 0xE1
	markerAPPE = 0xEE
)

// Bounds of the passes of a JPEG. Cameras and editors write about ten scans into a progressive file and send each
// coefficient three or four times; every other file sends each component once. A scan costs the decoder a walk over the
// whole picture, however little it sends: 32 of them keep it busy for a second at the largest size that fits the memory.
const (
	maxScans  = 32
	maxPasses = 8 // of a progressive file, over all coefficients of all components
	blockSize = 64
)

// Prefixes of the segments that are parsed.
const (
	exifPrefix  = "Exif\x00\x00"
	adobePrefix = "Adobe"
)

const maxComponents = 4

// jpegHeader describes how a JPEG is stored.
type jpegHeader struct {
	progressive bool
	components  int
	sampling    [maxComponents][2]int // across and down
	ids         [maxComponents]byte
	scans       int
	sent        int // coefficients in all scans
	adobe       bool
	transform   byte // the Adobe segment's: 0 means that the channels are not luminance and colour
}

// read parses a frame header.
func (h *jpegHeader) read(marker byte, b []byte) {
	h.progressive = marker == markerSOF2
	h.components = int(b[5])
	for i := range min(h.components, maxComponents, (len(b)-6)/3) {
		d := b[6+3*i:]
		h.ids[i], h.sampling[i] = d[0], [2]int{int(d[1] >> 4), int(d[1] & 15)}
	}
	if h.components == 1 {
		h.sampling[0] = [2]int{1, 1}
	}
}

// jpegState is the position of the next byte in the structure of a JPEG.
type jpegState int

const (
	jpegBetween  jpegState = iota // looking for the 0xFF of the next marker
	jpegMarker                    // after 0xFF
	jpegLength1                   // first byte of a segment's length
	jpegLength2                   // second byte of a segment's length
	jpegSegment                   // inside a segment
	jpegScan                      // inside entropy-coded data
	jpegScanMark                  // after 0xFF inside entropy-coded data
	jpegEnded                     // after EOI; previews and motion photos may follow
)

// jpegStream parses the segments of a JPEG. It keeps only the frame header and the first EXIF block.
type jpegStream struct {
	state   jpegState
	marker  byte
	left    int    // bytes left in the segment
	keep    []byte // the first bytes of the segment
	keeps   int    // how many of them to keep
	width   int
	height  int
	exif    exifFacts
	hasEXIF bool // an EXIF block was read
	frame   jpegHeader
	broken  bool
}

// scan parses the header of a scan.
func (h *jpegHeader) scan(b []byte) {
	h.scans++
	if len(b) < 4 || len(b) < 4+2*int(b[0]) {
		return
	}
	coefficients := blockSize // decoders ignore the band of a file that is not progressive
	if band := b[1+2*int(b[0]):]; h.progressive {
		coefficients = max(1, int(band[1])-int(band[0])+1)
	}
	h.sent += int(b[0]) * coefficients
}

// excessive reports whether there are more scans or coefficients than in any file of a camera or an editor.
func (h *jpegHeader) excessive() bool {
	passes := 1
	if h.progressive {
		passes = maxPasses
	}
	return h.scans > maxScans || h.sent > passes*blockSize*h.components
}

func (s *jpegStream) facts() header {
	return header{
		format: FormatJPEG, width: s.width, height: s.height, exif: s.exif, jpeg: s.frame,
		complete: s.state == jpegEnded && s.frame.scans > 0 && !s.broken,
	}
}

func (s *jpegStream) write(b []byte) {
	for len(b) > 0 {
		switch s.state {
		case jpegBetween:
			if b[0] == 0xFF {
				s.state = jpegMarker
			}
			b = b[1:]
		case jpegMarker:
			s.begin(b[0])
			b = b[1:]
		case jpegLength1:
			s.left = int(b[0]) << 8
			s.state = jpegLength2
			b = b[1:]
		case jpegLength2:
			s.left += int(b[0]) - 2
			b = b[1:]
			s.state = jpegSegment
			if s.left < 0 {
				s.broken, s.left = true, 0
			}
			if s.left == 0 {
				s.end()
			}
		case jpegSegment:
			n := min(s.left, len(b))
			s.keep = append(s.keep, b[:min(n, s.keeps-len(s.keep))]...)
			b = b[n:]
			if s.left -= n; s.left == 0 {
				s.end()
			}
		case jpegScan:
			at := bytes.IndexByte(b, 0xFF)
			if at < 0 {
				return
			}
			s.state = jpegScanMark
			b = b[at+1:]
		case jpegScanMark:
			switch c := b[0]; {
			case c == 0 || c >= markerRST0 && c <= markerRST7:
				s.state = jpegScan
			case c != 0xFF:
				s.begin(c)
			}
			b = b[1:]
		case jpegEnded:
			return
		}
	}
}

// begin handles the code of a marker.
func (s *jpegStream) begin(c byte) {
	s.marker, s.keeps, s.keep = c, 0, s.keep[:0]
	switch {
	case c == 0xFF: // fill byte
	case c == 0 || c == markerTEM || c == markerSOI || c >= markerRST0 && c <= markerRST7:
		s.state = jpegBetween
	case c == markerEOI:
		s.state = jpegEnded
	default:
		s.state = jpegLength1
		switch {
		case frameHeader(c):
			s.keeps = 6 + 3*maxComponents
		case c == markerSOS:
			s.keeps = 4 + 2*maxComponents
		case c == markerAPPE:
			s.keeps = len(adobePrefix) + 7
		case c == markerAPP1 && !s.hasEXIF:
			s.keeps = maxEXIF
		}
	}
}

// end handles a finished segment.
func (s *jpegStream) end() {
	s.state = jpegBetween
	switch {
	case s.marker == markerSOS:
		s.frame.scan(s.keep)
		s.broken = s.broken || s.frame.excessive()
		s.state = jpegScan
	case frameHeader(s.marker):
		// A second frame header could hide the size that will be decoded behind a harmless one.
		if len(s.keep) < 6 || s.width > 0 {
			s.broken = true
			return
		}
		s.height, s.width = int(binary.BigEndian.Uint16(s.keep[1:])), int(binary.BigEndian.Uint16(s.keep[3:]))
		s.frame.read(s.marker, s.keep)
	case s.marker == markerAPPE && bytes.HasPrefix(s.keep, []byte(adobePrefix)) && len(s.keep) == s.keeps:
		s.frame.adobe, s.frame.transform = true, s.keep[len(s.keep)-1]
	case s.marker == markerAPP1 && bytes.HasPrefix(s.keep, []byte(exifPrefix)):
		s.hasEXIF = true
		s.exif = readEXIF(s.keep[len(exifPrefix):])
		s.keep = nil
	}
}

func frameHeader(c byte) bool {
	return c >= markerSOF0 && c <= markerSOFn && c != markerDHT && c != markerJPG && c != markerDAC
}
