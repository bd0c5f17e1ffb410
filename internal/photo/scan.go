package photo

import (
	"encoding/binary"
	"math"
)

// window is a square that passed the face cascade: its centre and side in pixels, and its margin q.
type window struct {
	row, col, side int
	q              float32
}

// faceCascade is Pigo's face detector: regression trees over comparisons of pixel pairs. A window fails as soon as the sum
// of the results falls below a tree's threshold.
type faceCascade struct {
	trees      int
	codes      []int8 // four offsets a node, nodes numbered from 1: row, column, row, column, in 256ths of the window
	answers    []float32
	thresholds []float32
}

// faceLeaves is the number of leaves of each tree of the embedded cascade: its depth is 6.
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

// headTrees is the number of trees that are applied to every window. One window in a hundred passes them. Their offsets are
// computed once for each window size. The other trees are applied to all remaining windows, one tree after the other.
const headTrees = 16

// fewWindows is the number of windows up to which a tree's offsets are computed on demand: a window visits 6 of its 63
// nodes.
const fewWindows = 10

// scanner runs a face cascade over one picture. Each of the first trees is applied to all windows of a row, each of the
// others to all windows of a size: a tree stays in the cache, and there are fewer mispredicted branches. The windows and
// their q are exactly those of Pigo's RunCascade; a test checks that.
type scanner struct {
	*faceCascade
	g       plane
	shift   float64 // between windows, of their size
	border  int     // how far inside the picture a window's middle must lie at least
	side    int
	offsets []int32   // two pixel offsets a node, of the head's trees and one more
	at      []int32   // remaining windows, by the pixel of their centre
	sums    []float32 // sums of their trees' results
}

func (c *faceCascade) scanner(g plane, shift float64, border int) *scanner {
	return &scanner{
		faceCascade: c, g: g, shift: shift, border: border, offsets: make([]int32, (headTrees+1)*2*faceLeaves),
		at: make([]int32, 2*g.w), sums: make([]float32, 2*g.w),
	}
}

// sizes are the window sizes from smallest to largest, each larger than the one before by the factor grow and by two
// pixels at least.
func sizes(smallest, largest int, grow float64) []int {
	var out []int
	for side := smallest; side <= largest; side = int(float64(side) + max(2, float64(side)*grow-float64(side))) {
		out = append(out, side)
	}
	return out
}

// area is a part of a picture, in pixels, ends included.
type area struct{ top, left, bottom, right int }

func (g plane) area() area { return area{0, 0, g.h, g.w} }

// run appends to out the windows of a size that pass and have their middle in a.
func (s *scanner) run(out []window, side int, a area) []window {
	s.side = side
	for t := range headTrees {
		s.prepare(t, t)
	}
	step := max(1, int(s.shift*float64(side)))
	edge := side/2 + 1
	// Smaller borders than half a window change nothing; larger ones skip whole steps of the same grid.
	first := edge + (max(0, s.border-edge)+step-1)/step*step
	last := max(edge, s.border)
	from := func(low int) int { return first + (max(0, low-first)+step-1)/step*step }
	left, right := from(a.left), min(a.right, s.g.w-last)
	n := 0
	for row := from(a.top); row <= min(a.bottom, s.g.h-last); row += step {
		if n+s.g.w > len(s.at) {
			s.at = append(s.at, make([]int32, len(s.at))...)
			s.sums = append(s.sums, make([]float32, len(s.sums))...)
		}
		end := n
		for col := left; col <= right; col += step {
			s.at[end], s.sums[end] = int32(row*s.g.w+col), 0
			end++
		}
		at, sums := s.at[n:end], s.sums[n:end]
		for t := 0; t < headTrees && len(at) > 0; t++ {
			left := s.pass(t, t, at, sums)
			at, sums = at[:left], sums[:left]
		}
		n += len(at)
	}
	for t := headTrees; t < s.trees && n > 0; t++ {
		if n <= fewWindows {
			n = s.passFew(t, s.at[:n], s.sums[:n])
			continue
		}
		s.prepare(t, headTrees)
		n = s.pass(t, headTrees, s.at[:n], s.sums[:n])
	}
	for i, at := range s.at[:n] {
		row := int(at) / s.g.w
		out = append(out, window{row, int(at) - row*s.g.w, side, s.sums[i] - s.thresholds[s.trees-1]})
	}
	return out
}

// pass sends windows through tree t, whose offsets are at place, and returns how many are left, moved to the front.
func (s *scanner) pass(t, place int, at []int32, sums []float32) int {
	pix := s.g.pix
	nodes := (*[2 * faceLeaves]int32)(s.offsets[2*faceLeaves*place:])
	answers := (*[faceLeaves]float32)(s.answers[faceLeaves*t:])
	threshold := s.thresholds[t]
	left := 0
	for i, at0 := range at {
		node := uint32(1)
		for node < faceLeaves {
			pair := (*[2]int32)(nodes[2*node:])
			a, b := pix[at0+pair[0]], pix[at0+pair[1]]
			// 2*node + 1 where a <= b, without a branch: it would be mispredicted half of the time.
			node = 2*node + (uint32(a)-uint32(b)-1)>>31
		}
		sum := sums[i] + answers[node-faceLeaves]
		at[left], sums[left] = at0, sum
		if sum > threshold {
			left++
		}
	}
	return left
}

// passFew is pass that computes offsets on demand.
func (s *scanner) passFew(t int, at []int32, sums []float32) int {
	pix := s.g.pix
	codes := s.codes[4*faceLeaves*t:][:4*faceLeaves]
	left := 0
	for i, at0 := range at {
		node := uint32(1)
		for node < faceLeaves {
			code := codes[4*node:][:4:4]
			a, b := pix[at0+s.offset(code[0], code[1])], pix[at0+s.offset(code[2], code[3])]
			node = 2*node + (uint32(a)-uint32(b)-1)>>31
		}
		sum := sums[i] + s.answers[faceLeaves*t+int(node)-faceLeaves]
		at[left], sums[left] = at0, sum
		if sum > s.thresholds[t] {
			left++
		}
	}
	return left
}

// prepare computes the offsets of tree t for the present window size and stores them at place.
func (s *scanner) prepare(t, place int) {
	codes := s.codes[4*faceLeaves*t:][:4*faceLeaves]
	offsets := s.offsets[2*faceLeaves*place:][:2*faceLeaves]
	for i := 0; i < len(codes); i += 4 {
		offsets[i/2], offsets[i/2+1] = s.offset(codes[i], codes[i+1]), s.offset(codes[i+2], codes[i+3])
	}
}

// offset is the distance in pixels from a window's middle to a point of it, given in 256ths of its side.
func (s *scanner) offset(row, col int8) int32 {
	return int32((int(row)*s.side>>8)*s.g.w + int(col)*s.side>>8)
}
