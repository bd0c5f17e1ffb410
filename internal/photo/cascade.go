package photo

import (
	"embed"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
)

// The detector's trained cascades are those of Pigo (MIT, see cascade/LICENSE), read by our own code: the library counts
// windows twice when it clusters, mixes up rows and columns when it rotates, and returns other results each time. Our
// reader does not validate its input, so the files are compiled in and a test checks their hashes.
//
//go:embed cascade
var cascades embed.FS

// detectors are the unpacked cascades; they are only read, so all goroutines share them.
type detectors struct {
	face   *faceCascade
	pupil  *pointCascade
	points map[string]*pointCascade
}

// loadDetectors unpacks the cascades on first use: about 7 MB that a process without photos does not need.
var loadDetectors = sync.OnceValue(func() *detectors {
	d := &detectors{
		face: unpackFace(mustRead("facefinder")), pupil: unpackPoint(mustRead("puploc")),
		points: map[string]*pointCascade{},
	}
	for _, name := range []string{"lp312", "lp38", "lp42", "lp44", "lp46", "lp81", "lp82", "lp84", "lp93"} {
		d.points[name] = unpackPoint(mustRead("lps/" + name))
	}
	return d
})

func mustRead(name string) []byte {
	data, err := cascades.ReadFile("cascade/" + name)
	if err != nil {
		panic(fmt.Sprintf("photo: embedded cascade: %v", err))
	}
	return data
}

// pointCascade finds one point of a face (a pupil, a mouth corner) near a guess: stages of regression trees over
// comparisons of pixel pairs, each stage in a smaller window than the one before.
type pointCascade struct {
	stages, trees, depth int
	zoom                 float32
	codes                []int8 // four offsets a node: row, column, row, column, in 256ths of the window
	moves                []float32
}

// unpackPoint reads the format that Pigo's puploc and landmark files share.
func unpackPoint(data []byte) *pointCascade {
	u32 := func(at int) uint32 { return binary.LittleEndian.Uint32(data[at:]) }
	c := &pointCascade{
		stages: int(u32(0)), zoom: math.Float32frombits(u32(4)), trees: int(u32(8)), depth: int(u32(12)),
	}
	leaves := 1 << c.depth
	at := 16
	for range c.stages * c.trees {
		for _, b := range data[at : at+4*(leaves-1)] {
			c.codes = append(c.codes, int8(b))
		}
		at += 4 * (leaves - 1)
		for range 2 * leaves {
			c.moves = append(c.moves, math.Float32frombits(u32(at)))
			at += 4
		}
	}
	return c
}

// runs is the number of searches for a point, each from another guess. Their median is the result; their scatter is
// large if the point cannot be seen. Pigo draws 63 guesses at random. Measured on 84 hand-marked faces:
//
//	guesses     eyes within 5 %, 10 % of the eye distance   correlation of the scatter with that of 63
//	63 random   .63, .90                                    1
//	21 fixed    .63, .90                                    .92 to .97
//	15 fixed                                                .85 for the mouth
const runs = 21

// guesses are the present positions of the runs, and the size of the window of each, in pixels.
type guesses struct{ rows, cols, sizes [runs]float32 }

// nudges are the fixed offsets of the guesses in windows (row, column) and the factors of the window: an
// additive recurrence with the generalised golden ratio of three dimensions, which fills a cube evenly at any number.
// The offsets reach as far as gives the scatter of 63 random guesses in .075: .07, where .066 gives .94 of it and .075 1.08.
var nudges = func() (n [runs][3]float32) {
	const root = 1.2207440846057596 // of x^4 = x + 1
	at := func(i, power int) float64 {
		_, rest := math.Modf(0.5 + float64(i+1)/math.Pow(root, float64(power)))
		return rest - 0.5
	}
	for i := range n {
		n[i] = [3]float32{float32(-0.14 * at(i, 1)), float32(-0.14 * at(i, 2)), float32(1 + 0.15*at(i, 3))}
	}
	return n
}()

// run moves the guesses to where the point is; mirrored runs the same cascade for the other side of the face.
// The sampling arithmetic is that of the training: another rounding shifts every result by 2 % of the eye distance. All
// guesses pass a tree before the next tree, because the trees of a stage are larger than a processor's first cache.
func (c *pointCascade) run(g plane, at *guesses, mirrored bool) {
	leaves := 1 << c.depth
	sign := 1
	if mirrored {
		sign = -1
	}
	root, leaf := 0, 0
	for range c.stages {
		var dr, dc [runs]float32
		for range c.trees {
			codes := c.codes[root:][:4*(leaves-1)]
			moves := c.moves[leaf:][:2*leaves]
			for i := range at.rows {
				node := c.leaf(g, codes, int(at.rows[i]), int(at.cols[i]), int(at.sizes[i]+0.5), sign)
				dr[i] += moves[2*node]
				dc[i] += float32(sign) * moves[2*node+1]
			}
			root += 4 * (leaves - 1)
			leaf += 2 * leaves
		}
		for i := range at.rows {
			at.rows[i] += dr[i] * at.sizes[i]
			at.cols[i] += dc[i] * at.sizes[i]
			at.sizes[i] *= c.zoom
		}
	}
}

// leaf is the leaf of one tree that a window of size around (row, col) falls into.
func (c *pointCascade) leaf(g plane, codes []int8, row, col, size, sign int) int {
	node := 0
	if half := size/2 + 1; row >= half && col >= half && row+half < g.h && col+half < g.w {
		at, side := row*g.w+col, sign*size
		for range c.depth {
			code := codes[4*node:][:4:4]
			a := g.pix[at+int(code[0])*size>>8*g.w+int(code[1])*side>>8]
			b := g.pix[at+int(code[2])*size>>8*g.w+int(code[3])*side>>8]
			// 2*node + 2 where a > b, without a branch: it would be mispredicted half of the time.
			node = 2*node + 1 + int((uint32(b)-uint32(a))>>31)
		}
		return node - (1<<c.depth - 1)
	}
	for range c.depth {
		code := codes[4*node:][:4:4]
		r1 := min(g.h-1, max(0, row+int(code[0])*size>>8))
		c1 := min(g.w-1, max(0, col+sign*int(code[1])*size>>8))
		r2 := min(g.h-1, max(0, row+int(code[2])*size>>8))
		c2 := min(g.w-1, max(0, col+sign*int(code[3])*size>>8))
		a, b := g.pix[r1*g.w+c1], g.pix[r2*g.w+c2]
		node = 2*node + 1 + int((uint32(b)-uint32(a))>>31)
	}
	return node - (1<<c.depth - 1)
}

// find returns the point near guess, and the scatter of the answers: their mean absolute deviation from it, in pixels.
func (c *pointCascade) find(g plane, guess Point, window float64, mirrored bool) (Point, float64) {
	var at guesses
	for i, n := range nudges {
		size := float32(window)
		// Pixel centres lie at .5 in our coordinates and at whole numbers in the cascade's.
		at.rows[i], at.cols[i], at.sizes[i] = float32(guess.Y-0.5)+size*n[0], float32(guess.X-0.5)+size*n[1], size*n[2]
	}
	c.run(g, &at, mirrored)
	y, dy := medianAndSpread(at.rows[:])
	x, dx := medianAndSpread(at.cols[:])
	return Point{x + 0.5, y + 0.5}, (dx + dy) / 2
}

func medianAndSpread(v []float32) (median, spread float64) {
	slices.Sort(v)
	m := v[len(v)/2]
	var sum float64
	for _, x := range v {
		sum += math.Abs(float64(x - m))
	}
	return float64(m), sum / float64(len(v))
}
