package photo

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"slices"

	"github.com/gen2brain/jpegn"

	"github.com/inflio/persona/internal/persona"
)

// undecodable are the findings that make decoding pointless or dangerous. Those about the file's size are not among
// them: they are judged, but the picture can be looked at.
var undecodable = []persona.PhotoCode{
	persona.PhotoEmpty, persona.PhotoNotImage, persona.PhotoDamaged, persona.PhotoTooManyPixels,
}

// Decode returns the picture in a JPEG or PNG file, upright and opaque (transparency is laid over white). Progressive,
// interlaced, grey, CMYK, palette and 16-bit files all work. The error is an *persona.Error with CodePhotosUnusable that
// carries the findings: empty, not an image, damaged or cut off, or more than p.MaxPixels.
func Decode(data []byte, p persona.PhotoPolicy) (image.Image, error) {
	pic, _, err := decode(data, p)
	if err != nil {
		return nil, err
	}
	return pic.upright(), nil
}

// decode inspects and decodes. The facts are complete also when the error is not nil.
func decode(data []byte, p persona.PhotoPolicy) (*picture, Facts, error) {
	inspector := NewInspector(p)
	_, _ = inspector.Write(data)
	facts := inspector.Facts()
	for _, f := range facts.Findings {
		if slices.Contains(undecodable, f.Code) {
			return nil, facts, unusable(facts.Findings)
		}
	}
	h := inspector.inner.facts()
	img, err := decodeStored(data, h)
	if err != nil {
		code := persona.PhotoDamaged
		if unsupported := jpeg.UnsupportedError(""); errors.As(err, &unsupported) || errors.Is(err, jpegn.ErrUnsupported) {
			code = persona.PhotoNotImage
		}
		facts.Findings = append(facts.Findings, persona.NewFinding(code, true, ""))
		return nil, facts, unusable(facts.Findings)
	}
	return newPicture(img, h.turn), facts, nil
}

func unusable(findings []persona.Finding) error {
	first := findings[0]
	return &persona.Error{
		Kind: persona.Invalid, Code: persona.CodePhotosUnusable, Message: first.Why + " " + first.Do,
		Photos: []persona.PhotoProblem{{Findings: findings}},
	}
}

// decodeStored decodes as stored. Decoders meet hostile bytes here, so a panic inside one is an error of the file.
func decodeStored(data []byte, h header) (img image.Image, err error) {
	defer func() {
		if r := recover(); r != nil {
			img, err = nil, fmt.Errorf("photo: decoder failed: %v", r)
		}
	}()
	switch {
	case h.format == FormatPNG:
		img, err = png.Decode(bytes.NewReader(data))
	case h.unusual:
		// jpegn 0.6.0 returns such files blank, and without an error.
		img, err = jpeg.Decode(bytes.NewReader(data))
	default:
		img, err = jpegn.Decode(bytes.NewReader(data))
	}
	if err == nil && img.Bounds().Empty() {
		err = errors.New("photo: empty picture")
	}
	return img, err
}

// simplify returns img as one of the three layouts that this package reads: *image.YCbCr, *image.Gray or an opaque
// *image.RGBA. Where the layout allows, the pixels are changed in place and img must not be used any more.
func simplify(img image.Image) image.Image {
	switch src := img.(type) {
	case *image.YCbCr, *image.Gray:
		return src
	case *image.RGBA:
		if !src.Opaque() {
			overWhite(src.Pix, true)
		}
		return src
	case *image.NRGBA:
		if !src.Opaque() {
			overWhite(src.Pix, false)
		}
		return &image.RGBA{Pix: src.Pix, Stride: src.Stride, Rect: src.Rect}
	case *image.CMYK:
		for i := 0; i+3 < len(src.Pix); i += 4 {
			p := src.Pix[i : i+4 : i+4]
			p[0], p[1], p[2] = color.CMYKToRGB(p[0], p[1], p[2], p[3])
			p[3] = 0xFF
		}
		return &image.RGBA{Pix: src.Pix, Stride: src.Stride, Rect: src.Rect}
	case *image.Gray16:
		dst := image.NewGray(src.Rect)
		for i := range dst.Pix {
			dst.Pix[i] = src.Pix[2*i]
		}
		return dst
	}
	return slowSimplify(img)
}

// overWhite lays 8-bit pixels over white; multiplied tells whether the colours are already multiplied with alpha.
func overWhite(pix []uint8, multiplied bool) {
	for i := 0; i+3 < len(pix); i += 4 {
		p := pix[i : i+4 : i+4]
		alpha := uint32(p[3])
		if alpha == 0xFF {
			continue
		}
		for c := range 3 {
			v := uint32(p[c])
			if !multiplied {
				v = (v*alpha + 127) / 255
			}
			p[c] = uint8(min(v+255-alpha, 255))
		}
		p[3] = 0xFF
	}
}

// slowSimplify handles the rest (16 bits a channel, palettes, pictures of other packages) pixel by pixel.
func slowSimplify(img image.Image) *image.RGBA {
	b := img.Bounds()
	dst := image.NewRGBA(b)
	deep, _ := img.(image.RGBA64Image)
	i := 0
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			var c color.RGBA64
			if deep != nil {
				c = deep.RGBA64At(x, y)
			} else {
				r, g, bl, a := img.At(x, y).RGBA()
				c = color.RGBA64{R: uint16(r), G: uint16(g), B: uint16(bl), A: uint16(a)}
			}
			white := 0xFFFF - uint32(c.A)
			p := dst.Pix[i : i+4 : i+4]
			p[0] = uint8(min(uint32(c.R)+white, 0xFFFF) >> 8)
			p[1] = uint8(min(uint32(c.G)+white, 0xFFFF) >> 8)
			p[2] = uint8(min(uint32(c.B)+white, 0xFFFF) >> 8)
			p[3] = 0xFF
			i += 4
		}
	}
	return dst
}
