package photo

import (
	"context"
	"image"
	"image/color"
	"slices"

	"github.com/inflio/persona/internal/persona"
)

// Window is a passing window of the face cascade, for the comparison with Pigo.
type Window struct {
	Row, Col, Side int
	Q              float32
}

// ScanWindows runs the face cascade over a grey picture of w by h pixels with the production steps.
func ScanWindows(pix []uint8, w, h, smallest, largest int) []Window {
	var out []Window
	g := plane{pix, w, h}
	s := loadDetectors().face.scanner(g, windowShift, 0)
	for _, side := range sizes(smallest, largest, windowScale) {
		for _, x := range s.run(nil, side, g.area()) {
			out = append(out, Window{x.row, x.col, x.side, x.q})
		}
	}
	return out
}

// WindowShift and WindowScale are the production steps.
const (
	WindowShift = windowShift
	WindowScale = windowScale
)

// Cascade returns an embedded cascade file.
func Cascade(name string) []byte { return mustRead(name) }

// ScoreAgain returns a function that measures and scores the face of a judged photo, and nothing else.
func ScoreAgain(j *Judgement) func() {
	small, scale := j.pic.overview(overviewSide)
	faces, _ := j.pic.closer(small, scale)
	return func() {
		main := faces[0]
		score(j.Width, j.Height, main, j.pic.measure(small, faces))
		known().takenOut(main.aligned().rawDescription())
	}
}

// Planned is how a file would be decoded by the policy p: reduced by a factor, within so many bytes for the decoded
// picture alone and for everything together.
func Planned(data []byte, p persona.PhotoPolicy) (reduce int, decoded, all int64, err error) {
	f, err := inspectFile(data, p)
	if err != nil {
		return 0, 0, 0, err
	}
	return f.plan.reduce, f.header.decodedBytes(f.plan.reduce), f.plan.bytes, nil
}

// DecodeStored decodes as stored, by the policy's plan, and does nothing else.
func DecodeStored(data []byte, p persona.PhotoPolicy) (func() error, error) {
	f, err := inspectFile(data, p)
	if err != nil {
		return nil, err
	}
	return func() error {
		_, err := f.decode(context.Background())
		return err
	}, nil
}

// Tile is a part of a picture, as faces are cut from.
type Tile struct{ t *tile }

// CutTile cuts the rectangle between low and high out of img, reduced by shrink.
func CutTile(img image.Image, low, high Point, shrink int) Tile {
	return Tile{view(img).tile(low, high, shrink)}
}

// Size is the tile's width and height.
func (t Tile) Size() (w, h int) { return t.t.w, t.t.h }

// At is the colour of a pixel.
func (t Tile) At(x, y int) []uint8 { return t.t.rgb[3*(y*t.t.w+x):][:3] }

// Draw draws the tile by the affine map of six numbers.
func (t Tile) Draw(m [6]float64, w, h int) *image.RGBA {
	return t.t.draw(affine{m[0], m[1], m[2], m[3], m[4], m[5]}, w, h)
}

// Overview is the grey picture that faces are searched in.
func Overview(img image.Image, side int) (pix []uint8, w, h int) {
	small, _ := view(img).overview(side)
	return small.pix, small.w, small.h
}

// RawDescription describes the best face of an upright picture before what is common to all is taken out; nil without
// a sure one. It asks the detector alone: what faces have in common is not known yet when it is learnt.
func RawDescription(img image.Image) Descriptor {
	pic := view(img)
	small, scale := pic.overview(overviewSide)
	found := search(small)
	if len(found) == 0 || found[0].q < sureQ {
		return nil
	}
	c := found[0]
	c.x, c.y, c.side = c.x*scale, c.y*scale, c.side*scale
	return pic.refine(c, small, scale).aligned().rawDescription()
}

// CommonMean is the mean that is taken out of raw descriptions.
func CommonMean() []float32 { return known().mean }

// BestQ is the best candidate's confidence by the quick search and by the whole one.
func BestQ(pix []uint8, w, h int) (quick, whole float64) {
	g := plane{pix, w, h}
	border := padding(g)
	padded := g.padded(border)
	return quickSearch(padded, limits(g), border)[0].q, scan(padded, limits(g), border)[0].q
}

// Decode returns the picture in a JPEG or PNG file, upright and opaque (transparency is laid over white). Progressive,
// interlaced, grey, CMYK, palette and 16-bit files all work. A picture that is too large for the policy's memory at its
// full size is decoded at a half or a quarter of it where the format allows. The error is an *persona.Error
// with CodePhotosUnusable that carries the findings: empty, not an image, damaged or cut off, or too many pixels.
func Decode(data []byte, p persona.PhotoPolicy) (image.Image, error) {
	f, err := inspectFile(data, p)
	if err != nil {
		return nil, err
	}
	pic, err := f.decode(context.Background())
	if err != nil {
		return nil, err
	}
	return pic.at(f.plan.reduce).upright(), nil
}

// upright is the picture as people see it, without a copy, at the size that it was decoded at.
func (p *picture) upright() image.Image {
	if p.turn <= 1 {
		switch {
		case p.ycc != nil:
			return p.ycc
		case p.gray != nil:
			return p.gray
		case p.opaque:
			return p.other
		}
	}
	return &uprightImage{p}
}

// uprightImage shows a picture turned and opaque, pixel by pixel.
type uprightImage struct{ pic *picture }

func (u *uprightImage) ColorModel() color.Model {
	switch p := u.pic; {
	case p.ycc != nil:
		return color.YCbCrModel
	case p.gray != nil:
		return color.GrayModel
	default:
		return color.RGBAModel
	}
}

func (u *uprightImage) Bounds() image.Rectangle {
	if u.pic.turn.swaps() {
		return image.Rect(0, 0, u.pic.sh, u.pic.sw)
	}
	return image.Rect(0, 0, u.pic.sw, u.pic.sh)
}

func (u *uprightImage) At(x, y int) color.Color {
	p := u.pic
	fx, fy := p.turn.toStored(float64(p.sw), float64(p.sh)).at(float64(x)+0.5, float64(y)+0.5)
	sx, sy := int(fx), int(fy)
	switch {
	case p.ycc != nil:
		return p.ycc.YCbCrAt(p.min.X+sx, p.min.Y+sy)
	case p.gray != nil:
		return p.gray.GrayAt(p.min.X+sx, p.min.Y+sy)
	}
	px := p.row(sx, sy, 1, make([]uint8, 4))
	return color.RGBA{px[0], px[1], px[2], 0xFF}
}

// Break makes every use of a judged photo's picture panic.
func Break(j *Judgement) { j.pic = &picture{w: j.pic.w, h: j.pic.h} }

// SetWithFault is Judge.Set that panics as long as there is a faulty member.
func SetWithFault(j *Judge, members []Member, use int, faulty func(Member) bool) Set {
	return withoutPanics(members, func(members []Member) Set {
		if slices.ContainsFunc(members, faulty) {
			panic("a faulty member")
		}
		return j.choose(members, use)
	})
}
