package photo

import "math"

// Bounds between the thirds of a Background's histogram, CIELAB.
const (
	darkBelow   = 35
	brightAbove = 70
	greyWithin  = 8
)

// background measures the picture outside the head and the body below it; without a face, all of it.
func background(t thumb, f *Face) Background {
	var b Background
	var n, squares float64
	for y := range t.h {
		for x := range t.w {
			if f != nil && f.hides(Point{(float64(x) + 0.5) * t.scale, (float64(y) + 0.5) * t.scale}) {
				continue
			}
			px := t.rgb[3*(y*t.w+x):]
			l, la, lb := lightness(luma(px[0], px[1], px[2])), 0.0, 0.0
			la, lb = lab(px[0], px[1], px[2])
			b.Colour[0], b.Colour[1], b.Colour[2] = b.Colour[0]+l, b.Colour[1]+la, b.Colour[2]+lb
			squares += l * l
			b.Histogram[9*third(l, darkBelow, brightAbove)+3*third(la, -greyWithin, greyWithin)+third(lb, -greyWithin, greyWithin)]++
			n++
		}
	}
	if n == 0 {
		return b
	}
	for i := range b.Colour {
		b.Colour[i] = rounded(b.Colour[i]/n, 10)
	}
	b.Busy = rounded(math.Sqrt(max(0, squares/n-b.Colour[0]*b.Colour[0])), 10)
	for i := range b.Histogram {
		b.Histogram[i] = float32(rounded(float64(b.Histogram[i])/n, 1000))
	}
	return b
}

// hides reports whether p lies on the person: the head with its hair, or the shoulders below.
func (f *Face) hides(p Point) bool {
	mid := middle(f.Eyes[0], f.Eyes[1])
	sin, cos := math.Sincos(-f.Roll * math.Pi / 180)
	dx, dy := mid.to(p)
	x, y := (cos*dx-sin*dy)/f.IED(), (sin*dx+cos*dy)/f.IED()
	if y > chinBelow {
		return math.Abs(x) < 1.2+1.2*(y-chinBelow)
	}
	const hair = 0.3
	rx, ry := headHalf+hair, (crownAbove+chinBelow)/2+hair
	x, y = x/rx, (y-(chinBelow-crownAbove)/2)/ry
	return x*x+y*y < 1
}

func third(v, low, high float64) int {
	switch {
	case v < low:
		return 0
	case v <= high:
		return 1
	default:
		return 2
	}
}

// lightness is CIELAB L of an sRGB grey, 0 to 100.
func lightness(v uint8) float64 {
	y := linear[v]
	if y > 0.008856 {
		return 116*math.Cbrt(y) - 16
	}
	return 903.3 * y
}

// rounded drops digits without meaning, because measures are also read by people.
func rounded(v, per float64) float64 { return math.Round(v*per) / per }
