package photo

import "image"

// patch is a rectangle of a chip: left and top inside, right and bottom outside.
type patch struct{ x0, y0, x1, y1 int }

// facePatch is the patch of a chip whose sides are given in eye distances from the middle between the eyes.
func facePatch(left, top, right, bottom float64) patch {
	return patch{
		int(chipWidth/2 + left*chipIED), int(chipEyeY + top*chipIED),
		int(chipWidth/2 + right*chipIED), int(chipEyeY + bottom*chipIED),
	}
}

// visit calls f for every second pixel of every second row: chips are finer than what is measured here.
func (p patch) visit(f func(x, y int)) {
	for y := p.y0; y < p.y1; y += 2 {
		for x := p.x0; x < p.x1; x += 2 {
			f(x, y)
		}
	}
}

// share is the share of the pixels for which is returns true.
func (p patch) share(is func(x, y int) bool) float64 {
	var hits, n float64
	p.visit(func(x, y int) {
		n++
		if is(x, y) {
			hits++
		}
	})
	return hits / n
}

func (p patch) median(g plane) float64 {
	var histogram [256]int
	p.visit(func(x, y int) { histogram[g.pix[y*g.w+x]]++ })
	return percentile(histogram, 0.5)
}

// colour is the mean CIELAB a and b.
func (p patch) colour(chip *image.RGBA) (ma, mb float64) {
	var n float64
	p.visit(func(x, y int) {
		px := chip.Pix[y*chip.Stride+4*x:]
		pa, pb := lab(px[0], px[1], px[2])
		ma, mb, n = ma+pa, mb+pb, n+1
	})
	return ma / n, mb / n
}
