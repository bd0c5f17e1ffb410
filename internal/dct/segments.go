package dct

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
)

var (
	// ErrUnsupported is returned for a JPEG that this package does not read: progressive, with twelve bits a sample, in
	// other colours, of unusual sampling, or with more than one scan.
	ErrUnsupported = errors.New("dct: not a plain baseline JPEG")
	// ErrDamaged is returned for a file whose parts contradict each other.
	ErrDamaged = errors.New("dct: damaged JPEG")
)

// Markers of JPEG files (ITU-T T.81, table B.1).
const (
	markerSOF0 = 0xC0
	markerSOF1 = 0xC1
	markerSOFn = 0xCF
	markerDHT  = 0xC4
	markerJPG  = 0xC8
	markerDAC  = 0xCC
	markerRST0 = 0xD0
	markerRST7 = 0xD7
	markerSOI  = 0xD8
	markerEOI  = 0xD9
	markerSOS  = 0xDA
	markerDQT  = 0xDB
	markerDRI  = 0xDD
	markerAPPE = 0xEE
)

const (
	blockSide = 8
	blockSize = blockSide * blockSide
	// mostBytes of coded data keep positions within 32 bits.
	mostBytes = 1<<29 - 2*padding
)

// channel is one component of the picture.
type channel struct {
	id     byte
	h, v   int // blocks in a unit, across and down
	quant  int // number of its quantisation table
	dc, ac *table
	scales scales
}

// reader parses a file's segments.
type reader struct {
	pic     *Picture
	quant   [4]*[blockSize]uint16 // in the order of the file, zigzag
	tables  [2][4][]byte          // of first coefficients and of the others
	restart int                   // units between restart markers; 0 for none
	inks    bool                  // three channels are not luminance and colour
}

// segments reads up to the coded data, which it returns with everything after it.
func (r *reader) segments(data []byte) (coded []byte, err error) {
	if len(data) < 2 || data[0] != 0xFF || data[1] != markerSOI {
		return nil, ErrUnsupported
	}
	data = data[2:]
	for {
		at := bytes.IndexByte(data, 0xFF)
		if at < 0 || at+1 >= len(data) {
			return nil, ErrDamaged
		}
		marker := data[at+1]
		if marker == 0xFF { // a fill byte
			data = data[at+1:]
			continue
		}
		data = data[at+2:]
		if marker == 0 || marker == 1 || marker >= markerRST0 && marker <= markerSOI {
			continue // stands alone
		}
		if marker == markerEOI || len(data) < 2 {
			return nil, ErrDamaged
		}
		n := int(binary.BigEndian.Uint16(data))
		if n < 2 || n > len(data) {
			return nil, ErrDamaged
		}
		segment := data[2:n]
		data = data[n:]
		if err := r.segment(marker, segment); err != nil {
			return nil, err
		}
		if marker == markerSOS {
			return data, nil
		}
	}
}

func (r *reader) segment(marker byte, b []byte) error {
	switch {
	case marker == markerDQT:
		return r.quantisation(b)
	case marker == markerDHT:
		return r.codes(b)
	case marker == markerDRI:
		if len(b) < 2 {
			return ErrDamaged
		}
		r.restart = int(binary.BigEndian.Uint16(b))
		return nil
	case marker == markerAPPE:
		r.inks = len(b) > 11 && bytes.HasPrefix(b, []byte("Adobe")) && b[11] == 0
		return nil
	case marker == markerSOF0 || marker == markerSOF1:
		return r.frame(b)
	case marker >= markerSOF0 && marker <= markerSOFn && marker != markerJPG, marker == markerDAC:
		return ErrUnsupported
	case marker == markerSOS:
		return r.scan(b)
	default:
		return nil
	}
}

func (r *reader) quantisation(b []byte) error {
	for len(b) > 0 {
		at, wide := b[0]&15, b[0]>>4
		n := blockSize << (wide & 1)
		if b = b[1:]; at > 3 || wide > 1 || len(b) < n {
			return ErrDamaged
		}
		var q [blockSize]uint16
		for i := range q {
			if wide == 1 {
				q[i] = binary.BigEndian.Uint16(b[2*i:])
			} else {
				q[i] = uint16(b[i])
			}
		}
		r.quant[at] = &q
		b = b[n:]
	}
	return nil
}

// codes stores the tables as bytes: only those that are used are made.
func (r *reader) codes(b []byte) error {
	for len(b) > 0 {
		at, class := b[0]&15, b[0]>>4
		if at > 3 || class > 1 {
			return ErrDamaged
		}
		n, err := codesLength(b[1:])
		if err != nil {
			return err
		}
		r.tables[class][at] = b[1 : 1+n]
		b = b[1+n:]
	}
	return nil
}

// frame parses a frame header.
func (r *reader) frame(b []byte) error {
	p := r.pic
	if len(b) < 6 || len(b) < 6+3*int(b[5]) || p.channels != nil {
		return ErrDamaged
	}
	if n := b[5]; b[0] != 8 || n != 1 && n != 3 {
		return ErrUnsupported
	}
	p.height, p.width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	if p.width == 0 || p.height == 0 {
		return ErrUnsupported
	}
	for d := b[6 : 6+3*int(b[5])]; len(d) > 0; d = d[3:] {
		p.channels = append(p.channels, channel{id: d[0], h: int(d[1] >> 4), v: int(d[1] & 15), quant: int(d[2])})
	}
	first := &p.channels[0]
	if len(p.channels) == 1 {
		first.h, first.v = 1, 1 // a single channel's blocks follow each other row by row
		return nil
	}
	for _, c := range p.channels[1:] {
		if c.h != 1 || c.v != 1 {
			return ErrUnsupported
		}
	}
	if p.channels[0].id == 'R' && p.channels[1].id == 'G' && p.channels[2].id == 'B' {
		return ErrUnsupported
	}
	ratio, ok := ratios[[2]int{first.h, first.v}]
	p.ratio = ratio
	if !ok {
		return ErrUnsupported
	}
	return nil
}

var ratios = map[[2]int]image.YCbCrSubsampleRatio{
	{1, 1}: image.YCbCrSubsampleRatio444, {2, 1}: image.YCbCrSubsampleRatio422,
	{2, 2}: image.YCbCrSubsampleRatio420, {1, 2}: image.YCbCrSubsampleRatio440,
	{4, 1}: image.YCbCrSubsampleRatio411, {4, 2}: image.YCbCrSubsampleRatio410,
}

// Samples reports whether pictures are read in which the first of three channels has so many samples, across and down,
// for each sample of the others.
func Samples(across, down int) bool {
	_, ok := ratios[[2]int{across, down}]
	return ok
}

// scan parses the header of a scan.
func (r *reader) scan(b []byte) error {
	n := len(r.pic.channels)
	if n == 3 && r.inks {
		return ErrUnsupported
	}
	if n == 0 || len(b) == 0 || len(b) < 4+2*int(b[0]) {
		return ErrDamaged
	}
	if int(b[0]) != n {
		return ErrUnsupported
	}
	for i := range r.pic.channels {
		c := &r.pic.channels[i]
		id, dc, ac := b[1+2*i], b[2+2*i]>>4, b[2+2*i]&15
		if id != c.id {
			return ErrUnsupported
		}
		if dc > 3 || ac > 3 || c.quant > 3 || r.tables[0][dc] == nil || r.tables[1][ac] == nil || r.quant[c.quant] == nil {
			return ErrDamaged
		}
		c.dc, c.ac = newTable(r.tables[0][dc]), newTable(r.tables[1][ac])
		c.scales = newScales(r.quant[c.quant])
	}
	return nil
}
