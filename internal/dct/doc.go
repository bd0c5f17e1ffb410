// Package dct reads baseline JPEG files without decoding more of them than is looked at.
//
// A JPEG holds the coefficients of a discrete cosine transform, block by block, in codes of different lengths: to know
// where the last block begins, all before it must be walked through. Open does that once. It checks every code, notes
// where each unit of blocks begins, and draws the picture at a quarter of its size from the lowest coefficients that it
// meets on the way. Any part can then be had at full, half or a quarter size, at the cost of that part. A twelve-megapixel
// portrait is searched for faces in the quarter, and only the head is decoded further.
//
//	segments  the file's segments up to the coded data
//	codes     its codes as tables, and reading with them
//	index     the walk through all of it
//	part      decoding a part
//	inverse   from coefficients to samples
//
// What is not a baseline file of grey or of luminance and colour, in one scan, is refused with ErrUnsupported. A file
// whose codes do not add up to its picture is refused with ErrDamaged, also where other decoders conceal it.
package dct
