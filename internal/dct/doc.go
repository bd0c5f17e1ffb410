// Package dct decodes parts of baseline JPEG files, at full, half or a quarter size.
//
// A JPEG holds the coefficients of a discrete cosine transform, block by block, in codes of different lengths, so a block
// can only be found by reading all codes before it. Open does that once. It checks every code, stores where each unit of
// blocks begins, and makes the picture at a quarter of its size from the lowest coefficients. Any part can then be decoded
// at full, half or a quarter size, at the cost of that part. So faces are searched for in the quarter of a
// twelve-megapixel portrait, and only the head is decoded at full size.
//
//	segments  the file's segments up to the coded data
//	codes     its codes as tables, and reading with them
//	index     the pass over all codes
//	part      decoding a part
//	inverse   from coefficients to samples
//
// Only baseline files in one scan are read, of grey or of luminance and colour; others give ErrUnsupported. A file whose
// codes do not fit its size gives ErrDamaged, even if other decoders would conceal that.
package dct
