package dct

import (
	"bytes"
	"image"
)

// padding is what follows the coded data: more than the longest unit, ten blocks of 64 codes of 31 bits, so that the
// end has to be checked only once a unit.
const padding = 10*64*4 + 16

// Coefficients outside these bounds mean damage: samples lie between 0 and 255, and the lowest coefficient of a block is
// eight times their mean less 128.
const mostMean = 2 * 1024

// Picture is a baseline JPEG whose codes have been checked, and whose units can be decoded one by one. It is safe for
// concurrent use.
type Picture struct {
	width, height int
	channels      []channel
	ratio         image.YCbCrSubsampleRatio
	across, down  int    // units
	coded         []byte // without stuffed zeros, and padded
	units         []unit
	quarter       planes
}

// unit is the beginning of a unit of blocks.
type unit struct {
	at uint32   // bit of the coded data
	dc [3]int16 // the lowest coefficient of the block before, of each channel
}

// Open checks a file and decodes a quarter of it. The error is ErrUnsupported or ErrDamaged. It takes memory for the
// coded data, 12 bytes a unit of blocks, and a sixteenth of the picture.
func Open(data []byte) (*Picture, error) {
	p := &Picture{}
	r := &reader{pic: p}
	coded, err := r.segments(data)
	if err != nil {
		return nil, err
	}
	first := p.channels[0]
	p.across = (p.width + blockSide*first.h - 1) / (blockSide * first.h)
	p.down = (p.height + blockSide*first.v - 1) / (blockSide * first.v)
	all := p.across * p.down
	piece := r.restart
	if piece == 0 || piece > all {
		piece = all
	}
	ends, err := p.unmark(coded, (all+piece-1)/piece)
	if err != nil {
		return nil, err
	}
	// A picture that is far too large for its coded data must be refused before its memory is allocated.
	if len(p.coded)*8 < all {
		return nil, ErrDamaged
	}
	p.units = make([]unit, 0, all)
	p.quarter = p.newPlanes(image.Rect(0, 0, p.across, p.down), 4, func(n int) []uint8 { return make([]uint8, n) })
	begin := 0
	for _, end := range ends {
		if err := p.walk(uint(begin)*8, uint(end)*8, min(piece, all-len(p.units))); err != nil {
			return nil, err
		}
		begin = end
	}
	return p, nil
}

// unmark copies the coded data without the zeros after 0xFF. It also returns the ends of the pieces between restart
// markers.
func (p *Picture) unmark(coded []byte, pieces int) (ends []int, err error) {
	p.coded = make([]byte, 0, len(coded)+padding)
	for {
		at := bytes.IndexByte(coded, 0xFF)
		if at < 0 || at+1 >= len(coded) {
			return nil, ErrDamaged
		}
		p.coded = append(p.coded, coded[:at]...)
		marker := coded[at+1]
		if marker == 0xFF { // a fill byte
			coded = coded[at+1:]
			continue
		}
		coded = coded[at+2:]
		if marker == 0 {
			p.coded = append(p.coded, 0xFF)
			continue
		}
		ends = append(ends, len(p.coded))
		if restarts := marker >= markerRST0 && marker <= markerRST7; restarts != (len(ends) < pieces) {
			return nil, ErrDamaged
		} else if restarts && int(marker-markerRST0) != (len(ends)-1)%8 {
			return nil, ErrDamaged
		} else if restarts {
			continue
		}
		if len(p.coded) > mostBytes {
			return nil, ErrUnsupported
		}
		p.coded = append(p.coded, make([]byte, padding)...)
		return ends, nil
	}
}

// slack is how many bytes may be left after the last unit of a piece: some cameras leave a few; more mean damage.
const slack = 32

// walk reads the next units, which lie between two bits of the coded data.
func (p *Picture) walk(at, end uint, units int) error {
	var dc [3]int
	for range units {
		if at >= end {
			return ErrDamaged
		}
		n := len(p.units)
		p.units = append(p.units, unit{uint32(at), [3]int16{int16(dc[0]), int16(dc[1]), int16(dc[2])}})
		for i := range p.channels {
			var ok bool
			if at, dc[i], ok = p.walkChannel(i, at, dc[i], n%p.across, n/p.across); !ok {
				return ErrDamaged
			}
		}
	}
	if at > end || end-at > 8*slack && !even(p.coded[(at+7)/8:end/8]) {
		return ErrDamaged
	}
	return nil
}

// walkChannel reads a channel's blocks of the unit at x and y and draws them at a quarter of their size. ok is false if
// they are damaged.
func (p *Picture) walkChannel(i int, at uint, dc, x, y int) (next uint, last int, ok bool) {
	c, plane := &p.channels[i], &p.quarter[i]
	for by := range c.v {
		line := plane.pix[2*(y*c.v+by)*plane.stride:]
		for bx := range c.h {
			var l low
			if at, l, ok = c.skim(p.coded, at); !ok {
				return 0, 0, false
			}
			dc += l.first
			if mean := dc * c.scales.first; mean > mostMean || mean < -mostMean {
				return 0, 0, false
			}
			l.first = dc
			c.scales.drawQuarter(line[2*(x*c.h+bx):], plane.stride, l)
		}
	}
	return at, dc, true
}

// even reports whether all bytes are the same, as in the padding of a file.
func even(b []byte) bool {
	for _, v := range b {
		if v != b[0] {
			return false
		}
	}
	return true
}

// low is the lowest coefficients of a block: the first, and those that change once across, down and both.
type low struct{ first, across, down, both int }

// lowest is the number of coefficients in the order of the file up to the last of low.
const lowest = 5

// skim reads a block from bit at on. ok is false if there is no such code, or if the codes exceed the block. An entry takes
// at most as many bits as its index has, so that several entries can be read from one window.
func (c *channel) skim(coded []byte, at uint) (next uint, l low, ok bool) {
	w := window(coded, at)
	e := c.dc.value[w>>(64-valueBits)]
	if e == 0 {
		if at, e, l.first = c.dc.long(w, at); e == 0 {
			return at, l, false
		}
		w = window(coded, at)
	} else {
		l.first = e.value()
		at += e.bits()
		w <<= e.bits()
	}
	var values [lowest]int
	k := 1
	for k < lowest {
		e = c.ac.value[w>>(64-valueBits)]
		v := e.value()
		if e == 0 {
			if at, e, v = c.ac.long(window(coded, at), at); e == 0 {
				return at, l, false
			}
			w = window(coded, at)
		} else {
			at += e.bits()
			w <<= e.bits()
		}
		if k += e.fills(); k <= lowest {
			values[k-1] = v
		}
	}
	l.across, l.down, l.both = values[1], values[2], values[4]
	if k >= stop {
		return at, l, true
	}
	for {
		w := window(coded, at)
		for range 4 {
			e := entry(c.ac.skip[w>>(64-skipBits)])
			reached := k + e.fills()
			if e.isStop() && reached < blockSize+stop {
				return at + e.bits(), l, true
			}
			if e == 0 || reached >= blockSize {
				at, ok = c.end(coded, at, k)
				return at, l, ok
			}
			k = reached
			at += e.bits()
			w <<= e.bits()
		}
	}
}

// end continues from coefficient k, a code at a time: for long codes, and for a block that is full before the last code of
// an entry.
func (c *channel) end(coded []byte, at uint, k int) (next uint, ok bool) {
	for k < blockSize {
		w := window(coded, at)
		e := c.ac.value[w>>(64-valueBits)]
		if e == 0 {
			if at, e, _ = c.ac.long(w, at); e == 0 {
				return at, false
			}
		} else {
			at += e.bits()
		}
		if e.isStop() {
			return at, true
		}
		k += e.fills()
	}
	return at, k == blockSize
}
