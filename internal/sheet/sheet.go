package sheet

import (
	"fmt"
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"

	"github.com/inflio/persona/internal/persona"
)

// Photo is one photo of a sheet.
type Photo struct {
	Name    string      // under the picture, shortened where it is long
	Picture image.Image // reduced, upright; nil when the file could not be decoded
	Scale   float64     // pixels of the photo for one of Picture
	Points  []Mark      // points of the face, in pixels of the photo
	Report  persona.PhotoReport
}

// Mark is a point of a face, in pixels of the photo. Eyes are drawn larger.
type Mark struct {
	X, Y float64
	Eye  bool
}

// Sizes of a sheet, in pixels.
const (
	pictureSide = 320
	gap         = 24
	captionRows = 5
	rowHeight   = 19
	headHeight  = 56
	barHeight   = 6
	mostColumns = 5
	cellHeight  = pictureSide + barHeight + 12 + captionRows*rowHeight
)

// PictureSide is the longer side, in pixels, at which a Photo's Picture is drawn; larger ones are reduced.
const PictureSide = pictureSide

var (
	paper  = color.RGBA{0xfa, 0xfa, 0xf8, 0xff}
	ink    = color.RGBA{0x20, 0x22, 0x26, 0xff}
	faded  = color.RGBA{0x6a, 0x6e, 0x76, 0xff}
	empty  = color.RGBA{0xe4, 0xe5, 0xe6, 0xff}
	colors = map[persona.Verdict]color.RGBA{
		persona.VerdictAccept: {0x1f, 0x8a, 0x4c, 0xff},
		persona.VerdictWarn:   {0xc7, 0x82, 0x00, 0xff},
		persona.VerdictRefuse: {0xc0, 0x2b, 0x2b, 0xff},
	}
)

// Draw draws the photos in their order with their verdicts, and below them the report on the set.
func Draw(photos []Photo, set persona.SetReport) *image.RGBA {
	columns := max(1, min(mostColumns, int(math.Ceil(math.Sqrt(float64(len(photos))*1.2)))))
	rows := (len(photos) + columns - 1) / columns
	width := gap + max(columns, 2)*(pictureSide+gap)
	foot := footLines(set, width-2*gap)
	height := headHeight + rows*(cellHeight+gap) + len(foot)*rowHeight + gap
	c := newCanvas(width, height)
	c.text(gap, 36, fmt.Sprintf("%d of %d photos can be used", set.Used, len(photos)), large, ink)
	for i, p := range photos {
		x, y := gap+i%columns*(pictureSide+gap), headHeight+i/columns*(cellHeight+gap)
		c.photo(x, y, i+1, p)
	}
	y := headHeight + rows*(cellHeight+gap) + rowHeight
	for _, line := range foot {
		c.text(gap, y, line, small, ink)
		y += rowHeight
	}
	return c.RGBA
}

// photo draws one cell.
func (c canvas) photo(x, y, number int, p Photo) {
	tone := colors[p.Report.Verdict]
	c.fill(image.Rect(x-4, y-4, x+pictureSide+4, y+pictureSide+4), tone)
	frame := image.Rect(x, y, x+pictureSide, y+pictureSide)
	c.fill(frame, empty)
	if p.Picture == nil {
		c.text(x+pictureSide/2-50, y+pictureSide/2, "no picture", small, faded)
	} else {
		c.picture(frame, p, tone)
	}
	c.scores(x, y+pictureSide+8, p.Report.Score)
	line := y + pictureSide + barHeight + 12 + rowHeight - 4
	c.text(x, line, small.cut(fmt.Sprintf("%d  %s", number, p.Name), pictureSide), small, ink)
	line += rowHeight
	c.text(x, line, small.cut(verdict(p.Report), pictureSide), small, tone)
	for _, said := range captions(p.Report.Findings, captionRows-2) {
		line += rowHeight
		c.text(x, line, said, small, faded)
	}
}

func verdict(r persona.PhotoReport) string {
	text := r.Verdict.Words() // the colour alone is not enough for people who cannot distinguish red and green
	if r.Primary {
		text += ", the primary photo"
	}
	if r.Score.Overall > 0 {
		text = fmt.Sprintf("%.0f  %s", r.Score.Overall, text)
	}
	return text
}

// captions returns the reasons, broken into at most most lines.
func captions(findings []persona.Finding, most int) []string {
	var out []string
	for _, f := range persona.RefusalsFirst(findings) {
		out = append(out, small.wrap(f.Why, pictureSide)...)
	}
	if len(out) > most {
		out = out[:most]
		out[most-1] = small.cut(out[most-1]+" …", pictureSide)
	}
	return out
}

// picture draws the photo into its frame, with the box and the points of its face.
func (c canvas) picture(frame image.Rectangle, p Photo, tone color.RGBA) {
	b := p.Picture.Bounds()
	k := min(float64(frame.Dx())/float64(b.Dx()), float64(frame.Dy())/float64(b.Dy()), 1)
	w, h := int(math.Round(k*float64(b.Dx()))), int(math.Round(k*float64(b.Dy())))
	at := image.Pt(frame.Min.X+(frame.Dx()-w)/2, frame.Min.Y+(frame.Dy()-h)/2)
	inside := image.Rectangle{Min: at, Max: at.Add(image.Pt(w, h))}
	draw.ApproxBiLinear.Scale(c.RGBA, inside, p.Picture, b, draw.Src, nil)
	if p.Scale <= 0 {
		return
	}
	place := func(x, y float64) image.Point {
		return at.Add(image.Pt(int(math.Round(x*k/p.Scale)), int(math.Round(y*k/p.Scale))))
	}
	clipped := c.part(inside)
	if f := p.Report.Face; f.Width > 0 {
		low := place(float64(f.X), float64(f.Y))
		clipped.outline(image.Rectangle{Min: low, Max: place(float64(f.X+f.Width), float64(f.Y+f.Height))}, tone)
	}
	for _, m := range p.Points {
		clipped.mark(place(m.X, m.Y), m.Eye)
	}
}

// scores draws a bar for each part of the score: resolution, sharpness, lighting, face detection.
func (c canvas) scores(x, y int, s persona.Score) {
	const space = 6
	width := (pictureSide - 3*space) / 4
	for i, v := range [4]float64{s.Resolution, s.Sharpness, s.Lighting, s.FaceDetection} {
		left := x + i*(width+space)
		c.fill(image.Rect(left, y, left+width, y+barHeight), empty)
		tone := colors[persona.VerdictAccept]
		if v < 70 {
			tone = colors[persona.VerdictWarn]
		}
		c.fill(image.Rect(left, y, left+int(math.Round(float64(width)*min(v, 100)/100)), y+barHeight), tone)
	}
}

// footLines returns the text below the pictures.
func footLines(set persona.SetReport, width int) []string {
	lines := small.wrap("The bars are resolution, sharpness, lighting and how sure the face is. Crosses are eyes, dots are other points of the face.", width)
	if set.Tier != "" {
		lines = append(lines, fmt.Sprintf("The photos reach the %s tier.", set.Tier))
	}
	for _, cover := range set.Coverage {
		lines = append(lines, small.wrap(cover.String(), width)...)
	}
	for _, advice := range set.Advice {
		lines = append(lines, small.wrap("– "+advice, width)...)
	}
	return lines
}
