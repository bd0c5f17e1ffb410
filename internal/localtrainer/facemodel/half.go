package facemodel

import "math"

// toHalf is the nearest IEEE 754 half-precision number; beyond ±65504 it is infinite.
func toHalf(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	exponent := int(bits>>23&0xff) - 127 + 15
	fraction := bits & 0x7fffff
	switch {
	case bits&0x7fffffff > 0x7f800000:
		return sign | 0x7e00
	case exponent >= 31:
		return sign | 0x7c00
	case exponent < -10:
		return sign
	case exponent <= 0:
		fraction |= 0x800000
		shift := uint(14 - exponent)
		return sign | uint16(roundShift(fraction, shift))
	}
	// A carry out of the fraction correctly increments the exponent.
	return sign | uint16(uint32(exponent)<<10+roundShift(fraction, 13))
}

// roundShift is v >> shift, rounded to nearest, ties to even.
func roundShift(v uint32, shift uint) uint32 {
	half := uint32(1) << (shift - 1)
	return (v + half - 1 + v>>shift&1) >> shift
}

func fromHalf(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent, fraction := uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0:
		v := float32(fraction) / (1 << 24)
		if sign != 0 {
			v = -v
		}
		return v
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
