package photo

import (
	"encoding/binary"
	"math"
)

// window is a square that the face cascade let pass: its middle and side in whole pixels, and by how much it passed.
type window struct {
	row, col, side int
	q              float32
}

// faceCascade is Pigo's face detector: regression trees over comparisons of pixel pairs, one after the other, left as
// soon as the sum of their answers falls under a tree's threshold.
type faceCascade struct {
	trees      int
	codes      []int8 // four offsets a node, nodes numbered from 1: row, column, row, column, in 256ths of the window
	answers    []float32
	thresholds []float32
}

// faceLeaves is what each tree of the embedded cascade ends in: its depth is 6.
const faceLeaves = 1 << 6

func unpackFace(data []byte) *faceCascade {
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(data[at:]) }
	c := &faceCascade{trees: int(u32(12))}
	at := 16
	for range c.trees {
		c.codes = append(c.codes, 0, 0, 0, 0)
		for _, b := range data[at : at+4*(faceLeaves-1)] {
			c.codes = append(c.codes, int8(b))
		}
		at += 4 * (faceLeaves - 1)
		for range faceLeaves {
			c.answers = append(c.answers, math.Float32frombits(u32(at)))
			at += 4
		}
		c.thresholds = append(c.thresholds, math.Float32frombits(u32(at)))
		at += 4
	}
	return c
}

// scanner runs a face cascade over one picture. For each window size the trees' offsets are worked out once, and only
// for the trees that some window reaches. The windows of a row go through the trees together: that keeps a tree's
// offsets at hand and spares the processor guessing which window is left when. The windows and their q are exactly
// those of Pigo's RunCascade, which a test checks; it takes less than half the time.
type scanner struct {
	*faceCascade
	g       plane
	offsets []int32 // two pixel offsets a node
	ready   int     // trees whose offsets are worked out
	side    int
	at      []int32   // windows still in the race, by the pixel of their middle
	sums    []float32 // what their trees answered so far
}

// run returns the windows from smallest to largest that pass, moved by shift of their size and growing by grow. Only
// windows whose middle is at least border pixels inside g are looked at.
func (c *faceCascade) run(g plane, smallest, largest, border int, shift, grow float64) []window {
	s := &scanner{
		faceCascade: c, g: g, offsets: make([]int32, 2*len(c.codes)/4),
		at: make([]int32, g.w), sums: make([]float32, g.w),
	}
	var out []window
	for side := smallest; side <= largest; side = int(float64(side) + max(2, float64(side)*grow-float64(side))) {
		s.side, s.ready = side, 0
		step := max(1, int(shift*float64(side)))
		edge := side/2 + 1
		// Smaller borders than half a window change nothing; larger ones skip whole steps of the same grid.
		first := edge + (max(0, border-edge)+step-1)/step*step
		last := max(edge, border)
		for row := first; row <= g.h-last; row += step {
			n := 0
			for col := first; col <= g.w-last; col += step {
				s.at[n], s.sums[n] = int32(row*g.w+col), 0
				n++
			}
			n = s.race(n)
			for i := range n {
				q := s.sums[i] - s.thresholds[s.trees-1]
				out = append(out, window{row, int(s.at[i]) - row*g.w, side, q})
			}
		}
	}
	return out
}

// race sends the first n windows through the trees and returns how many are left, moved to the front.
func (s *scanner) race(n int) int {
	pix := s.g.pix
	for t := 0; t < s.trees && n > 0; t++ {
		if t == s.ready {
			s.prepare(t)
		}
		nodes := (*[2 * faceLeaves]int32)(s.offsets[2*faceLeaves*t:])
		answers := (*[faceLeaves]float32)(s.answers[faceLeaves*t:])
		threshold := s.thresholds[t]
		left := 0
		for i, at := range s.at[:n] {
			node := uint32(1)
			for node < faceLeaves {
				pair := (*[2]int32)(nodes[2*node:])
				a, b := pix[at+pair[0]], pix[at+pair[1]]
				// 2*node + 1 where a <= b, without a branch: it would be foretold wrongly every other time.
				node = 2*node + (uint32(a)-uint32(b)-1)>>31
			}
			sum := s.sums[i] + answers[node-faceLeaves]
			s.at[left], s.sums[left] = at, sum
			if sum > threshold {
				left++
			}
		}
		n = left
	}
	return n
}

// prepare works out where tree t looks for the present window size.
func (s *scanner) prepare(t int) {
	codes := s.codes[4*faceLeaves*t:][:4*faceLeaves]
	offsets := s.offsets[2*faceLeaves*t:][:2*faceLeaves]
	for i := 0; i < len(codes); i += 4 {
		offsets[i/2] = int32((int(codes[i])*s.side>>8)*s.g.w + int(codes[i+1])*s.side>>8)
		offsets[i/2+1] = int32((int(codes[i+2])*s.side>>8)*s.g.w + int(codes[i+3])*s.side>>8)
	}
	s.ready = t + 1
}
