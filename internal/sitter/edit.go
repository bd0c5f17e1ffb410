package sitter

import (
	"image"
	"image/color"
	"image/draw"
	"math"
)

// Edit describes how a picture was edited. The zero value changes nothing.
type Edit struct {
	Smooth    float64    // 0 to 1: a beauty filter that removes pores, spots and folds and keeps edges
	Saturate  float64    // -1 greyscale, 0 as taken, 2 three times as vivid
	Sepia     float64    // 0 to 1: the brown of old photos
	Cast      [3]float64 // stops by which red, green and blue are brighter: the wrong white balance
	Haze      float64    // 0 to 1: a veil of white light
	Posterise int        // levels of each colour that are left; 0 leaves all

	Border     float64 // share of the shorter side that a plain white border takes at every edge
	Bars       float64 // share of the height that black bars take above and below
	Screenshot bool    // a screenshot of a telephone: a status bar above the picture and buttons below
}

// frame is the area of the picture itself in one of width x height.
func (e Edit) frame(width, height int) image.Rectangle {
	r := image.Rect(0, 0, width, height)
	if e.Border > 0 {
		r = r.Inset(int(e.Border * float64(min(width, height))))
	}
	bars := e.Bars
	if e.Screenshot {
		bars = 0.14
	}
	bar := int(bars * float64(r.Dy()))
	r.Min.Y, r.Max.Y = r.Min.Y+bar, r.Max.Y-bar
	if r.Dx() < 16 || r.Dy() < 16 {
		return image.Rect(0, 0, width, height)
	}
	return r
}

// even reports whether the edit makes areas of one colour, which a camera does not.
func (e Edit) even() bool {
	return e.Smooth > 0 || e.Posterise > 0 || e.Border > 0 || e.Bars > 0 || e.Screenshot
}

// apply edits the portrait, and sets it into a frame of width x height.
func (e Edit) apply(p *Portrait, frame image.Rectangle, width, height int) {
	if e.Smooth > 0 {
		smooth(p.Image, e.Smooth, 0.05*p.EyeDistance())
	}
	if e.Saturate != 0 || e.Sepia > 0 || e.Haze > 0 || e.Posterise > 0 || e.Cast != [3]float64{} {
		e.recolour(p.Image)
	}
	if frame.Dx() == width && frame.Dy() == height {
		return
	}
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	var ground color.Color = color.White
	if e.Bars > 0 || e.Screenshot {
		ground = color.Black
	}
	draw.Draw(out, out.Rect, image.NewUniform(ground), image.Point{}, draw.Src)
	draw.Draw(out, frame, p.Image, image.Point{}, draw.Src)
	if e.Screenshot {
		buttons(out, frame)
	}
	x, y := float64(frame.Min.X), float64(frame.Min.Y)
	p.Image, p.Features = out, p.moved(x, y)
	if p.Second != nil {
		second := p.Second.moved(x, y)
		p.Second = &second
	}
}

// recolour changes each pixel by itself.
func (e Edit) recolour(img *image.RGBA) {
	var gain [3]float64
	for c, stops := range e.Cast {
		gain[c] = math.Pow(2, stops/2.2) // a factor of the level, not of the light
	}
	sepia := [3]float64{1.07, 0.88, 0.66}
	rows(img.Rect.Dy(), func(from, to int) {
		for y := from; y < to; y++ {
			for x := range img.Rect.Dx() {
				px := img.Pix[y*img.Stride+4*x:]
				luma := 0.299*float64(px[0]) + 0.587*float64(px[1]) + 0.114*float64(px[2])
				for c := range 3 {
					v := luma + (float64(px[c])-luma)*(1+e.Saturate)
					v = mix(v, luma*sepia[c], e.Sepia)
					v = mix(v*gain[c], 205, e.Haze)
					if e.Posterise > 1 {
						step := 255 / float64(e.Posterise-1)
						v = math.Round(v/step) * step
					}
					px[c] = uint8(max(0, min(255, v+0.5)))
				}
			}
		}
	})
}

// smooth is a guided filter over the given radius in pixels: it evens out what varies by a few levels and keeps edges,
// like beauty filters.
func smooth(img *image.RGBA, strength, radius float64) {
	const little = 14 * 14 // levels squared: variance that counts as skin rather than as an edge
	soft, square := clone(img), clone(img)
	for i, v := range square.Pix {
		square.Pix[i] = uint8(int(v) * int(v) >> 8)
	}
	blur(soft, max(1, radius))
	blur(square, max(1, radius))
	keep := clone(img) // share of the difference from the mean that stays, in 255ths
	for i, v := range soft.Pix {
		variance := max(0, float64(square.Pix[i])*256-float64(v)*float64(v))
		keep.Pix[i] = uint8(255 * variance / (variance + little*6))
	}
	blur(keep, max(1, radius/2))
	for i, v := range soft.Pix {
		even := float64(v) + (float64(img.Pix[i])-float64(v))*float64(keep.Pix[i])/255
		img.Pix[i] = uint8(mix(float64(img.Pix[i]), even, strength) + 0.5)
	}
}

// buttons draws what a telephone shows around a picture: the time, battery and antenna above, three buttons below.
func buttons(img *image.RGBA, frame image.Rectangle) {
	unit := float64(img.Rect.Dy()) / 100
	rect := func(x, y, w, h float64, c color.Color) {
		r := image.Rect(int(x*unit), int(y*unit), int((x+w)*unit), int((y+h)*unit))
		draw.Draw(img, r, image.NewUniform(c), image.Point{}, draw.Src)
	}
	white, grey, green := color.Gray{235}, color.Gray{120}, color.RGBA{80, 200, 110, 255}
	wide := float64(img.Rect.Dx()) / unit
	for i, h := range [4]float64{0.7, 1.1, 1.5, 1.9} {
		rect(wide-13+float64(i)*0.9, 3.2-h, 0.6, h, white)
	}
	rect(wide-8.5, 1.3, 4.6, 2, white)
	rect(wide-8.2, 1.6, 2.8, 1.4, green)
	for i, digit := range [4]uint{0b111_101_101_101_111, 0b111_101_111_001_111, 0b101_101_111_001_001, 0b010_110_010_010_111} {
		at := 4 + 1.9*float64(i)
		if i > 1 {
			at += 1
		}
		for bit := range uint(15) {
			if digit>>(14-bit)&1 == 1 {
				rect(at+0.45*float64(bit%3), 1.2+0.45*float64(bit/3), 0.45, 0.45, white)
			}
		}
	}
	rect(4, 8, 12, 1.2, grey)
	rect(wide-7, 8.4, 4, 0.5, grey)
	below := float64(frame.Max.Y)/unit + 4
	for i := range 3 {
		x := wide * (0.2 + 0.3*float64(i))
		rect(x-1.6, below, 3.2, 3.2, white)
		rect(x-1.1, below+0.5, 2.2, 2.2, color.Black)
	}
	rect(wide/2-9, 98, 18, 0.5, white)
}
