package dct

import "encoding/binary"

// Numbers of bits with which tables are indexed. Most codes are shorter, together with the bits of their value.
const (
	valueBits = 10 // 4 KB a table
	skipBits  = 12 // 8 KB a table; an entry often covers two or three codes
)

// An entry of a table describes the codes at the beginning of its index. It is 0 if the index is too short for a code.
//
//	bits 0 to 4    how many bits the codes take, with those of their values
//	bits 5 to 11   how many coefficients they fill; stop or more if they end the block
//	bits 16 to 31  the value, signed
type entry uint32

const stop = 64

func (e entry) bits() uint   { return uint(e & 31) }
func (e entry) fills() int   { return int(e >> 5 & 127) }
func (e entry) value() int   { return int(int32(e) >> 16) }
func (e entry) isStop() bool { return e&(stop<<5) != 0 }

// table holds the codes of one kind of coefficient.
type table struct {
	value [1 << valueBits]entry // the first code
	skip  [1 << skipBits]uint16 // the lower half of an entry, for as many whole codes as fit
	// Codes of n bits are below limit[n], shifted to 16 bits; symbols[code-first[n]] is what they mean.
	limit   [17]uint32
	first   [17]int
	symbols [256]byte
}

// codesLength checks a table as a file stores it (ITU-T T.81, annex C), sixteen counts and the symbols, and returns how
// many bytes it takes.
func codesLength(b []byte) (int, error) {
	if len(b) < 16 {
		return 0, ErrDamaged
	}
	code, count := 0, 0
	for n := 1; n <= 16; n++ {
		code, count = code+int(b[n-1]), count+int(b[n-1])
		if code > 1<<n || count > 256 {
			return 0, ErrDamaged
		}
		code *= 2
	}
	if len(b) < 16+count {
		return 0, ErrDamaged
	}
	return 16 + count, nil
}

// newTable makes a table of bytes that codesLength has checked.
func newTable(b []byte) *table {
	t := &table{}
	code, count := 0, 0
	for n := 1; n <= 16; n++ {
		t.first[n] = code - count
		code, count = code+int(b[n-1]), count+int(b[n-1])
		t.limit[n] = uint32(code) << (16 - n)
		code *= 2
	}
	copy(t.symbols[:], b[16:])
	for i := range t.value {
		t.value[i] = t.ask(uint32(i)<<(16-valueBits), valueBits)
	}
	for i := range t.skip {
		t.skip[i] = t.askAll(uint32(i)<<(16-skipBits), skipBits)
	}
	return t
}

// symbol returns the symbol and the length of the code at the beginning of 16 bits. The length is 17 if there is no such
// code.
func (t *table) symbol(bits uint32) (symbol byte, n int) {
	for n = 1; n <= 16 && bits >= t.limit[n]; n++ {
	}
	if n > 16 {
		return 0, n
	}
	return t.symbols[(int(bits>>(16-n))-t.first[n])&255], n
}

// ask returns the entry for 16 bits, of which only the first known bits are valid.
func (t *table) ask(bits uint32, known int) entry {
	symbol, n := t.symbol(bits)
	fills, size := meaning(symbol)
	if n+size > known {
		return 0
	}
	value := 0
	if size > 0 {
		value = extend(bits<<n&0xFFFF>>(16-size), size)
	}
	return entry(n+size) | entry(fills)<<5 | entry(uint32(value)<<16)
}

// meaning returns the number of coefficients that a symbol fills, and the number of bits of the last one's value. Of coefficients that
// are not the first of a block, the symbol holds how many zeros are before the value.
func meaning(symbol byte) (fills, size int) {
	zeros, size := int(symbol>>4), int(symbol&15)
	if size == 0 && zeros < 15 {
		return stop, 0
	}
	return zeros + 1, size
}

// askAll returns the entry for as many codes as lie within the first known of 16 bits. It stops before a block is full,
// because no code marks the end of a full block.
func (t *table) askAll(bits uint32, known int) uint16 {
	used, fills := 0, 0
	for fills < stop {
		e := t.ask(bits<<used&0xFFFF, known-used)
		if e == 0 || !e.isStop() && fills+e.fills() >= stop {
			break
		}
		used, fills = used+int(e.bits()), fills+e.fills()
	}
	return uint16(used | fills<<5)
}

// extend makes a signed value of its bits (ITU-T T.81, figure F.12).
func extend(bits uint32, size int) int {
	if bits < 1<<(size-1) {
		return int(bits) - 1<<size + 1
	}
	return int(bits)
}

// long reads a code and its value that are longer than the index of a table. The entry is 0 if there is no such code.
func (t *table) long(w uint64, at uint) (next uint, e entry, value int) {
	symbol, n := t.symbol(uint32(w >> 48))
	if n > 16 {
		return at, 0, 0
	}
	fills, size := meaning(symbol)
	if size > 0 {
		value = extend(uint32(w<<n>>(64-size)), size)
	}
	return at + uint(n+size), entry(n+size) | entry(fills)<<5, value
}

// window is the 57 bits or more from position at on, the first one uppermost.
func window(coded []byte, at uint) uint64 {
	return binary.BigEndian.Uint64(coded[at>>3:]) << (at & 7)
}
