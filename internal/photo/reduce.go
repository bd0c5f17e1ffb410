package photo

import "encoding/binary"

// reduce averages a picture of sw by sh pixels, given row by row, down to w by h. It adds up rows first, eight pixels at
// once, because that step processes all pixels.
func reduce(sw, sh, w, h int, row func(y int) []uint8) plane {
	small := newPlane(w, h)
	// Weights of rows are in units of 1/parts; a sum must fit 16 bits.
	parts := 64
	for parts > 1 && (sh/h+2)*parts*255 > 1<<16-1 {
		parts /= 2
	}
	columns, rows := spans(sw, w, 256), spans(sh, h, parts)
	words := (sw + 7) / 8
	even, odd := make([]uint64, words), make([]uint64, words)
	sums := make([]uint16, 8*words)
	var last [8]byte
	for dy, span := range rows {
		clear(even)
		clear(odd)
		for y := span.first; y <= span.last; y++ {
			if weight := uint64(span.weight(y)); weight > 0 {
				addRow(even, odd, row(y), weight, &last)
			}
		}
		unpack(sums, even, odd)
		out := small.pix[dy*w:][:w]
		for x, c := range columns {
			out[x] = c.mean(sums, uint64(span.total))
		}
	}
	return small
}

// addRow adds the pixels of a row, times a weight, in lanes of 16 bits: those at even places, and those at odd ones.
func addRow(even, odd []uint64, row []uint8, weight uint64, last *[8]byte) {
	const lanes = 0x00FF00FF00FF00FF
	odd = odd[:len(even)]
	for i := range even {
		if len(row) < 8 {
			clear(last[:])
			copy(last[:], row)
			row = last[:]
		}
		v := binary.LittleEndian.Uint64(row)
		row = row[8:]
		even[i] += v & lanes * weight
		odd[i] += v >> 8 & lanes * weight
	}
}

// unpack writes the lanes in the order of the pixels.
func unpack(sums []uint16, even, odd []uint64) {
	for i, e := range even {
		o := odd[i]
		s := sums[8*i : 8*i+8 : 8*i+8]
		s[0], s[2], s[4], s[6] = uint16(e), uint16(e>>16), uint16(e>>32), uint16(e>>48)
		s[1], s[3], s[5], s[7] = uint16(o), uint16(o>>16), uint16(o>>32), uint16(o>>48)
	}
}

// blocks adds up blocks of k by k pixels, w side by side: down in lanes, then across.
type blocks struct {
	k         int
	even, odd []uint64
	columns   []uint16
	sums      []uint32
}

func newBlocks(w, k int) *blocks {
	words := (k*w + 7) / 8
	return &blocks{k, make([]uint64, words), make([]uint64, words), make([]uint16, 8*words), make([]uint32, w)}
}

// add returns the sums of the next k rows, of which row returns one each. The sums are overwritten by the next call.
// Columns of up to 257 pixels fit into a lane.
func (b *blocks) add(row func(i int) []uint8) []uint32 {
	clear(b.even)
	clear(b.odd)
	var last [8]byte
	for i := range b.k {
		addRow(b.even, b.odd, row(i)[:b.k*len(b.sums)], 1, &last)
	}
	unpack(b.columns, b.even, b.odd)
	for x := range b.sums {
		var v uint32
		for _, c := range b.columns[x*b.k:][:b.k] {
			v += uint32(c)
		}
		b.sums[x] = v
	}
	return b.sums
}

// span is the part of a source line that one reduced pixel covers; its first and last pixels have lower weights.
type span struct {
	first, last int
	full        uint32 // weight of a pixel between them
	head, tail  uint32
	total       uint32
}

func (s span) weight(i int) uint32 {
	switch i {
	case s.first:
		return s.head
	case s.last:
		return s.tail
	default:
		return s.full
	}
}

// mean is the weighted mean of a span of sums that are times as large as their pixels.
func (s span) mean(sums []uint16, times uint64) uint8 {
	v := uint64(s.head) * uint64(sums[s.first])
	if s.last > s.first {
		var inner uint64
		for _, b := range sums[s.first+1 : s.last] {
			inner += uint64(b)
		}
		v += inner*uint64(s.full) + uint64(s.tail)*uint64(sums[s.last])
	}
	area := uint64(s.total) * times
	return uint8((v + area/2) / area)
}

// spans divides a line of from pixels into to spans, with weights in so many parts of a pixel.
func spans(from, to, parts int) []span {
	out := make([]span, to)
	step := float64(from) / float64(to)
	for i := range out {
		begin, end := int(float64(i)*step*float64(parts)), int(float64(i+1)*step*float64(parts))
		s := span{first: begin / parts, last: min((end-1)/parts, from-1), full: uint32(parts)}
		s.head = uint32(parts - begin%parts)
		s.tail = uint32(end - s.last*parts)
		if s.first == s.last {
			s.head = uint32(end - begin)
			s.tail = 0
		}
		s.total = uint32(end - begin)
		out[i] = s
	}
	return out
}
