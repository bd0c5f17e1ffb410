package dct

import "math"

// Fraction bits of the fixed-point numbers in which coefficients become samples.
const (
	digits = 12
	half   = 1 << (digits - 1)
)

// zigzag is the place in a block, row by row, of each coefficient in the order of the file (ITU-T T.81, figure A.6).
var zigzag = zigzagOrder()

func zigzagOrder() (order [blockSize]uint8) {
	x, y := 0, 0
	for i := range order {
		order[i] = uint8(blockSide*y + x)
		switch up := (x+y)%2 == 0; {
		case up && x == blockSide-1:
			y++
		case up && y == 0:
			x++
		case up:
			x, y = x+1, y-1
		case y == blockSide-1:
			x++
		case x == 0:
			y++
		default:
			x, y = x-1, y+1
		}
	}
	return order
}

// scales are the factors of a channel's coefficients, in the order of the file: quantisation, and the factors that the
// transforms leave out.
type scales struct {
	full, half [blockSize]int
	quarter    [lowest]int
	first      int // quantisation of the first
}

func newScales(quant *[blockSize]uint16) scales {
	s := scales{first: int(quant[0])}
	for i, at := range zigzag {
		across, down := int(at%blockSide), int(at/blockSide)
		scaled := func(share *[blockSide]float64) int {
			return int(math.Round(float64(quant[i]) * share[across] * share[down] * (1 << digits)))
		}
		s.full[i], s.half[i] = scaled(&fullShares), scaled(&halfShares)
		if i < lowest {
			s.quarter[i] = scaled(&quarterShares)
		}
	}
	return s
}

// The transform adds up cosines: sample x of a line is the sum of norm(u) cos((2x+1)uπ/16) over its coefficients u.
// Shares are the factors that can be applied beforehand.
var fullShares, halfShares, quarterShares = shares()

func shares() (full, half, quarter [blockSide]float64) {
	for u := range full {
		norm := 0.5
		if u == 0 {
			norm = 1 / math.Sqrt(8)
		}
		angle := float64(u) * math.Pi / 16
		// The scaled coefficients of the transform of Arai, Agui and Nakajima.
		full[u] = norm * math.Cos(angle)
		// The mean of two neighbours is a cosine of half the length: cos(a-b)+cos(a+b) = 2 cos(a) cos(b).
		half[u] = norm * math.Cos(angle)
		switch u {
		case 2, 6:
			half[u] *= math.Sqrt2 / 2
		}
		if u > 4 {
			half[u] = -half[u]
		}
		for x := range 4 {
			quarter[u] += norm * math.Cos(float64(2*x+1)*angle) / 4
		}
	}
	return full, half, quarter
}

// halved is where in a block of 4 by 4 a coefficient counts, in the order of the file. Above the fourth they look like
// the lower ones when only every second sample is taken; the fourth itself vanishes in the mean of neighbours.
var halved = halvedOrder()

const nowhere = 16

func halvedOrder() (order [blockSize]uint8) {
	for i, at := range zigzag {
		u, v := at%blockSide, at/blockSide
		if order[i] = nowhere; u != 4 && v != 4 {
			order[i] = 4*min(v, blockSide-v) + min(u, blockSide-u)
		}
	}
	return order
}

// sample rounds and moves a sum to between 0 and 255.
func sample(v int) uint8 {
	if v = (v + (128<<digits + half)) >> digits; uint(v) > 255 {
		return uint8(^v >> 63)
	}
	return uint8(v)
}

// drawQuarter writes the 2 by 2 means of a block's quarters, computed from the lowest coefficients.
func (s *scales) drawQuarter(out []uint8, stride int, l low) {
	m, a, d, b := l.first*s.quarter[0], l.across*s.quarter[1], l.down*s.quarter[2], l.both*s.quarter[4]
	out[0], out[1] = sample(m+a+d+b), sample(m-a+d-b)
	out = out[stride:]
	out[0], out[1] = sample(m+a-d-b), sample(m-a-d+b)
}

// Factors of the transforms, with as many digits.
const (
	sqrt2      = 5793  // 1.4142
	cosine1    = 3784  // cos(π/8)
	cosine3    = 1567  // cos(3π/8)
	twice1     = 7568  // 2 cos(π/8)
	difference = 4433  // 2 (cos(π/8) - cos(3π/8))
	sum        = 10703 // 2 (cos(π/8) + cos(3π/8))
)

// line is the transform of eight scaled coefficients by Arai, Agui and Nakajima: 5 multiplications, 29 additions.
func line(a0, a1, a2, a3, a4, a5, a6, a7 int) (s0, s1, s2, s3, s4, s5, s6, s7 int) {
	p, q, r := a0+a4, a0-a4, a2+a6
	t := (a2-a6)*sqrt2>>digits - r
	e0, e1, e2, e3 := p+r, q+t, q-t, p-r

	b, c, d, e := a5+a3, a5-a3, a1+a7, a1-a7
	o0 := d + b
	turn := (c + e) * twice1
	o1 := (turn-c*sum)>>digits - o0
	o2 := (d-b)*sqrt2>>digits - o1
	o3 := (e*difference-turn)>>digits + o2
	return e0 + o0, e1 + o1, e2 + o2, e3 - o3, e3 + o3, e2 - o2, e1 - o1, e0 - o0
}

// drawFull writes the samples of a block, whose coefficients stand row by row, and clears them. Seen tells, bit by bit,
// where there are others than the first.
func drawFull(block *[blockSize]int, seen uint64, out []uint8, stride int) {
	if seen == 0 {
		fill(out, stride, blockSide, sample(block[0]))
		block[0] = 0
		return
	}
	columns := seen >> 8
	columns |= columns >> 32
	columns |= columns >> 16
	columns |= columns >> 8
	for x := range blockSide {
		c := (*[57]int)(block[x:])
		if columns>>x&1 == 0 {
			v := c[0]
			c[8], c[16], c[24], c[32], c[40], c[48], c[56] = v, v, v, v, v, v, v
			continue
		}
		c[0], c[8], c[16], c[24], c[32], c[40], c[48], c[56] = line(c[0], c[8], c[16], c[24], c[32], c[40], c[48], c[56])
	}
	for y := range blockSide {
		r := (*[blockSide]int)(block[8*y:])
		o := (*[blockSide]uint8)(out[y*stride:])
		s0, s1, s2, s3, s4, s5, s6, s7 := line(r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7])
		o[0], o[1], o[2], o[3] = sample(s0), sample(s1), sample(s2), sample(s3)
		o[4], o[5], o[6], o[7] = sample(s4), sample(s5), sample(s6), sample(s7)
	}
	*block = [blockSize]int{}
}

// drawHalf writes the 4 by 4 means of a block's samples in the same way; its last place is of coefficients that do not
// count.
func drawHalf(block *[blockSize]int, seen uint64, out []uint8, stride int) {
	if seen&(1<<nowhere-1) == 0 {
		fill(out, stride, 4, sample(block[0]))
		block[0], block[nowhere] = 0, 0
		return
	}
	for x := range 4 {
		c := (*[13]int)(block[x:])
		c[0], c[4], c[8], c[12] = shortLine(c[0], c[4], c[8], c[12])
	}
	for y := range 4 {
		r := (*[4]int)(block[4*y:])
		o := (*[4]uint8)(out[y*stride:])
		s0, s1, s2, s3 := shortLine(r[0], r[1], r[2], r[3])
		o[0], o[1], o[2], o[3] = sample(s0), sample(s1), sample(s2), sample(s3)
	}
	clear(block[:nowhere+1])
}

func fill(out []uint8, stride, side int, v uint8) {
	for y := range side {
		row := out[y*stride:][:side]
		for x := range row {
			row[x] = v
		}
	}
}

func shortLine(a0, a1, a2, a3 int) (s0, s1, s2, s3 int) {
	p, q := a0+a2, a0-a2
	r, t := (a1*cosine1+a3*cosine3)>>digits, (a1*cosine3-a3*cosine1)>>digits
	return p + r, q + t, q - t, p - r
}
