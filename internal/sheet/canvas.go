package sheet

import (
	"image"
	"image/color"
	"strings"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// canvas is a picture that text can be drawn on.
type canvas struct{ *image.RGBA }

func newCanvas(w, h int) canvas {
	c := canvas{image.NewRGBA(image.Rect(0, 0, w, h))}
	c.fill(c.Rect, paper)
	return c
}

// part is the same canvas, clipped to r.
func (c canvas) part(r image.Rectangle) canvas {
	if part, ok := c.SubImage(r).(*image.RGBA); ok {
		return canvas{part}
	}
	return c
}

func (c canvas) fill(r image.Rectangle, with color.RGBA) {
	draw.Draw(c.RGBA, r, image.NewUniform(with), image.Point{}, draw.Src)
}

// outline draws a frame two pixels wide.
func (c canvas) outline(r image.Rectangle, with color.RGBA) {
	const thick = 2
	for _, side := range [4]image.Rectangle{
		image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+thick), image.Rect(r.Min.X, r.Max.Y-thick, r.Max.X, r.Max.Y),
		image.Rect(r.Min.X, r.Min.Y, r.Min.X+thick, r.Max.Y), image.Rect(r.Max.X-thick, r.Min.Y, r.Max.X, r.Max.Y),
	} {
		c.fill(side, with)
	}
}

// mark draws an eye as a cross and any other point as a dot, light with a dark rim so that it is visible on every skin.
func (c canvas) mark(at image.Point, eye bool) {
	light, dark := color.RGBA{0xff, 0xff, 0xff, 0xff}, color.RGBA{0x10, 0x10, 0x10, 0xff}
	if !eye {
		c.fill(image.Rect(at.X-1, at.Y-1, at.X+2, at.Y+2), dark)
		c.fill(image.Rect(at.X, at.Y, at.X+1, at.Y+1), light)
		return
	}
	const arm = 6
	c.fill(image.Rect(at.X-arm-1, at.Y-1, at.X+arm+2, at.Y+2), dark)
	c.fill(image.Rect(at.X-1, at.Y-arm-1, at.X+2, at.Y+arm+2), dark)
	c.fill(image.Rect(at.X-arm, at.Y, at.X+arm+1, at.Y+1), light)
	c.fill(image.Rect(at.X, at.Y-arm, at.X+1, at.Y+arm+1), light)
}

// text writes one line whose baseline begins at (x, y).
func (c canvas) text(x, y int, line string, in face, with color.RGBA) {
	d := font.Drawer{Dst: c.RGBA, Src: image.NewUniform(with), Face: in.new(), Dot: fixed.P(x, y)}
	d.DrawString(line)
}

// face is a size of the one typeface, in pixels.
type face float64

const (
	small face = 14
	large face = 22
)

var typeface = func() *opentype.Font {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic(err) // the file is part of the program
	}
	return f
}()

// new returns a new face, because goroutines must not share one.
func (f face) new() font.Face {
	made, err := opentype.NewFace(typeface, &opentype.FaceOptions{Size: float64(f), DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err) // only invalid options are refused
	}
	return made
}

func (f face) width(text string) int { return font.MeasureString(f.new(), text).Ceil() }

// cut shortens a line to width pixels, with an ellipsis in the end.
func (f face) cut(line string, width int) string {
	if f.width(line) <= width {
		return line
	}
	letters := []rune(strings.TrimSuffix(line, " …"))
	for len(letters) > 0 && f.width(string(letters)+" …") > width {
		letters = letters[:len(letters)-1]
	}
	return strings.TrimRight(string(letters), " ") + " …"
}

// wrap breaks a sentence between words into lines of at most width pixels.
func (f face) wrap(sentence string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(sentence) {
		switch longer := strings.TrimSpace(line + " " + word); {
		case line == "" || f.width(longer) <= width:
			line = longer
		default:
			lines = append(lines, line)
			line = word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
