package photo

import (
	"encoding/hex"
	"fmt"
	"math/bits"
)

// bits512 is a difference hash: for each of 16 x 16 places whether it gets brighter to the right, and whether it gets
// brighter downwards, on a picture reduced to 17 x 17.
type bits512 [64]byte

// MarshalText writes hexadecimal digits.
func (b bits512) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b[:])), nil }

// UnmarshalText reads what MarshalText wrote.
func (b *bits512) UnmarshalText(text []byte) error {
	if len(text) != 2*len(b) {
		return fmt.Errorf("photo: a hash has %d digits, not %d", 2*len(b), len(text))
	}
	_, err := hex.Decode(b[:], text)
	return err
}

func (b bits512) distance(o bits512) int {
	n := 0
	for i := range b {
		n += bits.OnesCount8(b[i] ^ o[i])
	}
	return n
}

// Hash identifies copies of a photo that differ by compression, size, brightness, a filter, cropping, turning, a border
// or mirroring.
type Hash struct {
	Picture  bits512 `json:"picture"`
	Mirrored bits512 `json:"mirrored"`
	Aligned  []byte  `json:"aligned,omitempty"` // the face and its surroundings, unchanged by cropping; nil without a face
}

// Cuts for copies: bits in which the hashes of two pictures differ, and agreement of their aligned views. Share of pairs
// that agree by more than sameDetail:
//
//	copies of 73 real portraits: small ones for chats     92 %
//	  with borders                                        93 %
//	  cropped by 3, 8 and 15 %, grey, gamma              100 %
//	1,378 pairs of photos of one person                    0 %
//	frames of one video                                    3 %
//	copies of drawn portraits                            100 %
//	drawn series whose poses differ by 1.5 degrees        10 %
const (
	samePicture = 90   // bits: the closest of 88,000 pairs of different photos differ in 99
	likePicture = 140  // bits: crops of 8 % reach 136
	sameDetail  = 0.92 // agreement: the median of copies is .98
	likeDetail  = 0.75 // agreement: half of drawn series have more; other photos of one person have at most .71, drawn ones .75
)

// likeness classifies how alike two photos are.
type likeness int

const (
	different likeness = iota
	veryAlike          // of one moment: a series, one pose in one place
	samePhoto          // one photo, however it was changed
)

// SamePhoto reports whether m and o were measured on copies of one photo.
func (m Measures) SamePhoto(o Measures) bool { return newPrint(m).likeness(newPrint(o)) == samePhoto }

// fingerprint is the data for finding copies of a photo, prepared for many comparisons.
type fingerprint struct {
	Hash
	face         bool
	view, mirror faceView
}

func newPrint(m Measures) fingerprint {
	f := fingerprint{Hash: m.Hash}
	if f.view, f.face = newFaceView(m); f.face {
		f.mirror = f.view.mirrored()
	}
	return f
}

// likeness compares the whole pictures, and their aligned views if both have a face.
func (f fingerprint) likeness(o fingerprint) likeness {
	bits := min(f.Picture.distance(o.Picture), f.Picture.distance(o.Mirrored))
	if !f.face || !o.face {
		return likenessOf(bits <= samePicture, bits <= likePicture)
	}
	agree := max(f.view.agreement(o.view), f.view.agreement(o.mirror))
	return likenessOf(agree >= sameDetail, agree >= likeDetail || bits <= samePicture)
}

func likenessOf(same, alike bool) likeness {
	switch {
	case same:
		return samePhoto
	case alike:
		return veryAlike
	default:
		return different
	}
}

func hashOf(g plane) Hash {
	var h Hash
	h.Picture, h.Mirrored = differences(g)
	return h
}

// addFace adds what the chip of the main face shows.
func (h *Hash) addFace(chip plane) { h.Aligned = chip.reduced(alignedWidth, alignedHeight).pix }

func differences(g plane) (plain, flipped bits512) {
	small := g.reduced(17, 17)
	mirror := newPlane(17, 17)
	for y := range 17 {
		for x := range 17 {
			mirror.pix[17*y+x] = small.pix[17*y+16-x]
		}
	}
	return gradientBits(small), gradientBits(mirror)
}

func gradientBits(g plane) (b bits512) {
	for y := range 16 {
		for x := range 16 {
			here, i := g.pix[17*y+x], 16*y+x
			if g.pix[17*y+x+1] > here {
				b[i/8] |= 1 << (i % 8)
			}
			if g.pix[17*(y+1)+x] > here {
				b[32+i/8] |= 1 << (i % 8)
			}
		}
	}
	return b
}
