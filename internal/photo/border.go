package photo

import "slices"

const (
	barLevels  = 6    // how far the luma of a bar's pixels may differ from its level
	barEven    = 0.97 // share of the outermost lines that must have the bar's level
	barFilled  = 0.75 // share of each further line: a status bar has letters
	barEnds    = 0.40 // share at most of the line after the bar: a picture begins abruptly, a background gradually
	barThin    = 0.015
	barThick   = 0.45
	barAlone   = 0.03 // a bar without an opposite one must be at least this thick, and black or white
	barAlike   = 10   // how far the levels of opposite bars may differ
	barExtreme = 5    // levels from black or white
)

// bar is an even strip along one edge of a picture.
type bar struct {
	thick float64 // share of the picture's height or width
	level int
}

// border is the share of g that even bars at its edges take.
func border(g plane) float64 {
	row := func(at int) func(i, depth int) uint8 {
		return func(i, depth int) uint8 { return g.pix[abs(at-depth)*g.w+i] }
	}
	column := func(at int) func(i, depth int) uint8 {
		return func(i, depth int) uint8 { return g.pix[i*g.w+abs(at-depth)] }
	}
	top, bottom := findBar(g.w, g.h, row(0)), findBar(g.w, g.h, row(g.h-1))
	left, right := findBar(g.h, g.w, column(0)), findBar(g.h, g.w, column(g.w-1))
	across := pair(top, bottom)
	down := pair(left, right)
	return 1 - (1-across)*(1-down)
}

// pair is the thickness of two opposite bars together, 0 if they probably belong to the picture.
func pair(a, b bar) float64 {
	switch {
	case a.thick > 0 && b.thick > 0 && abs(a.level-b.level) <= barAlike:
		return a.thick + b.thick
	case a.alone():
		return a.thick
	case b.alone():
		return b.thick
	default:
		return 0
	}
}

func (b bar) alone() bool {
	return b.thick >= barAlone && (b.level <= barExtreme || b.level >= 255-barExtreme)
}

// findBar searches from one edge inwards; at(i, depth) is pixel i of the line at that depth. The outermost line is
// skipped, because resampling often mixes it with made-up pixels.
func findBar(length, depth int, at func(i, depth int) uint8) bar {
	if depth < 20 || length < 20 {
		return bar{}
	}
	line := make([]uint8, length)
	for i := range line {
		line[i] = at(i, 1)
	}
	slices.Sort(line)
	level := int(line[length/2])
	even := func(d int) float64 {
		n := 0
		for i := range length {
			if abs(int(at(i, d))-level) <= barLevels {
				n++
			}
		}
		return float64(n) / float64(length)
	}
	if even(1) < barEven || even(2) < barEven {
		return bar{}
	}
	d := 3
	for d < depth/2-2 && even(d) >= barFilled {
		d++
	}
	thick := float64(d) / float64(depth)
	if thick < barThin || thick > barThick || even(d+1) > barEnds {
		return bar{}
	}
	return bar{thick: thick, level: level}
}

func abs(v int) int { return max(v, -v) }
