package photo

import (
	"image"
	"math"
)

// The part of a chip that is measured: an ellipse from the brows to the chin, without hair and background.
const (
	ovalX, ovalY   = chipWidth / 2, chipEyeY + 0.6*chipIED
	ovalRX, ovalRY = 0.85 * chipIED, 1.1 * chipIED
)

func inOval(x, y int) bool {
	dx, dy := (float64(x)+0.5-ovalX)/ovalRX, (float64(y)+0.5-ovalY)/ovalRY
	return dx*dx+dy*dy <= 1
}

// light measures exposure and editing on the face of a chip.
func (q *Quality) light(chip *image.RGBA, g plane) {
	q.SideLight = math.Log2((cheek(g, 1) + 1e-4) / (cheek(g, -1) + 1e-4))
	var histogram [256]int
	var n, burnt, black, clipped, flat, sum, squares, chroma, chromaN float64
	for y := int(ovalY - ovalRY); y <= int(ovalY+ovalRY); y++ {
		for x := int(ovalX - ovalRX); x <= int(ovalX+ovalRX); x++ {
			if !inOval(x, y) {
				continue
			}
			v := g.pix[y*g.w+x]
			px := chip.Pix[y*chip.Stride+4*x:][:3:3]
			histogram[v]++
			n++
			sum += float64(v)
			squares += float64(v) * float64(v)
			high, low := max(px[0], px[1], px[2]), min(px[0], px[1], px[2])
			switch {
			case v >= 250:
				burnt++
			case v <= 8:
				black++
			case v < 235 && high >= 252 || v > 24 && low <= 3:
				clipped++
			}
			right, below := int(g.pix[y*g.w+x+1]), int(g.pix[(y+1)*g.w+x])
			if right == int(v) && below == int(v) {
				flat++
			}
			if y > int(chipEyeY+0.35*chipIED) && y < int(chipEyeY+0.8*chipIED) {
				a, b := lab(px[0], px[1], px[2])
				chroma += math.Hypot(a, b)
				chromaN++
			}
		}
	}
	mean := sum / n
	q.Contrast = math.Sqrt(max(0, squares/n-mean*mean))
	q.Burnt, q.Black, q.Clipped, q.Flat = burnt/n, black/n, clipped/n, flat/n
	q.Chroma = chroma / chromaN
	q.Comb = comb(histogram)
	q.Shadows, q.Skin, q.Highlights = percentile(histogram, 0.05), percentile(histogram, 0.75), percentile(histogram, 0.95)
}

// comb measures gaps between the levels of a histogram of luma: the mean difference of each level from the thirteen
// around it, over the mean. JPEG widens the levels, but does not fill the gaps.
func comb(histogram [256]int) float64 {
	const reach = 6
	var off, total float64
	for v := reach; v < len(histogram)-reach; v++ {
		var around float64
		for _, n := range histogram[v-reach : v+reach+1] {
			around += float64(n) / (2*reach + 1)
		}
		off += math.Abs(float64(histogram[v]) - around)
		total += around
	}
	return off / max(total, 1)
}

func percentile(histogram [256]int, share float64) float64 {
	total := 0
	for _, n := range histogram {
		total += n
	}
	seen := 0
	for v, n := range histogram {
		if seen += n; float64(seen) >= share*float64(total) {
			return float64(v)
		}
	}
	return 255
}

// cheek is the mean linear light on the square of .3 eye distances under one eye; side is -1 for the picture's left.
func cheek(g plane, side float64) float64 {
	cx, cy, r := chipWidth/2+side*chipIED/2, chipEyeY+0.55*chipIED, 0.15*chipIED
	var sum, n float64
	for y := int(cy - r); y < int(cy+r); y++ {
		for x := int(cx - r); x < int(cx+r); x++ {
			sum += linear[g.pix[y*g.w+x]]
			n++
		}
	}
	return sum / n
}

// linear is the light behind an sRGB value, 0 to 1 (IEC 61966-2-1).
var linear = func() (t [256]float64) {
	for i := range t {
		v := float64(i) / 255
		if v <= 0.04045 {
			t[i] = v / 12.92
		} else {
			t[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return t
}()

// lab is the CIELAB a and b of an sRGB colour (D65).
func lab(r, g, b uint8) (la, lb float64) {
	red, green, blue := linear[r], linear[g], linear[b]
	f := func(v float64) float64 {
		if v > 0.008856 {
			return math.Cbrt(v)
		}
		return 7.787*v + 16.0/116
	}
	x := f((0.4124*red + 0.3576*green + 0.1805*blue) / 0.9505)
	y := f(0.2126*red + 0.7152*green + 0.0722*blue)
	z := f((0.0193*red + 0.1192*green + 0.9505*blue) / 1.089)
	return 500 * (x - y), 200 * (y - z)
}
