package photo

import (
	"image"
	"math"
	"slices"
)

// cheekColour is the mean CIELAB colour of the two cheeks.
func cheekColour(chip *image.RGBA) (out [3]float64) {
	var n float64
	for _, side := range []float64{-1, 1} {
		cx, cy, r := chipWidth/2+side*chipIED/2, chipEyeY+0.55*chipIED, 0.15*chipIED
		for y := int(cy - r); y < int(cy+r); y++ {
			for x := int(cx - r); x < int(cx+r); x++ {
				px := chip.Pix[y*chip.Stride+4*x:]
				a, b := lab(px[0], px[1], px[2])
				out[0], out[1], out[2] = out[0]+lightness(luma(px[0], px[1], px[2])), out[1]+a, out[2]+b
				n++
			}
		}
	}
	for i := range out {
		out[i] /= n
	}
	return out
}

// unnatural is how far a and b lie outside the range of human skin (OFIQ: a 5 to 25, b 5 to 35).
func unnatural(skin [3]float64) float64 {
	return math.Hypot(
		max(5-skin[1], skin[1]-25, 0),
		max(5-skin[2], skin[2]-35, 0))
}

// tint is Quality.Tint. It is 0 for overexposed skin, which has lost its colour.
func tint(skin [3]float64, light [2]float64) float64 {
	const burntL, lightSlack = 92, 12
	cold := math.Hypot(max(5-skin[1], 0), max(5-skin[2], 0))
	if skin[0] > burntL {
		cold = 0
	}
	red, yellow := max(skin[1]-25, 0), max(skin[2]-35, 0)
	beyond := math.Hypot(red, yellow)
	if beyond == 0 {
		return cold
	}
	agrees := (light[0]*red + light[1]*yellow) / beyond
	return max(cold, min(beyond, agrees-lightSlack))
}

// cast estimates the light's colour: the sixth root of the mean sixth power of each channel (shades of grey, Finlayson
// and Trezzi 2004), which is closer than the mean for most scenes. It is the CIELAB a and b of a light grey.
func cast(t thumb) [2]float64 {
	var sums [3]float64
	for i, v := range t.rgb {
		l := linear[v]
		sums[i%3] += l * l * l * l * l * l
	}
	var high float64
	for i := range sums {
		sums[i] = math.Pow(sums[i], 1.0/6)
		high = max(high, sums[i])
	}
	if high == 0 {
		return [2]float64{}
	}
	var rgb [3]uint8
	for i := range rgb {
		rgb[i] = encode(0.6 * sums[i] / high)
	}
	a, b := lab(rgb[0], rgb[1], rgb[2])
	return [2]float64{a, b}
}

// encode is the sRGB value of a linear light of 0 to 1.
func encode(v float64) uint8 {
	at, _ := slices.BinarySearch(linear[:], v)
	return uint8(min(at, 255))
}

// colourful measures the amount of colour: the 95th percentile of CIELAB chroma, and the spread of colours of the same
// lightness, which is 0 in black and white and low in sepia.
func colourful(t thumb) (chroma, hues float64) {
	const bins = 10
	var sums [bins]struct{ n, a, b, squares float64 }
	chromas := make([]float64, 0, t.w*t.h)
	for i := 0; i+2 < len(t.rgb); i += 3 {
		a, b := lab(t.rgb[i], t.rgb[i+1], t.rgb[i+2])
		chromas = append(chromas, math.Hypot(a, b))
		l := lightness(luma(t.rgb[i], t.rgb[i+1], t.rgb[i+2]))
		s := &sums[min(int(l/100*bins), bins-1)]
		s.n, s.a, s.b, s.squares = s.n+1, s.a+a, s.b+b, s.squares+a*a+b*b
	}
	var spread float64
	for _, s := range sums {
		if s.n > 0 {
			spread += s.squares - (s.a*s.a+s.b*s.b)/s.n
		}
	}
	slices.Sort(chromas)
	return chromas[int(0.95*float64(len(chromas)-1))], math.Sqrt(max(0, spread/float64(len(chromas))))
}
