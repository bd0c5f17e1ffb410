package photo

import (
	"bytes"
	"errors"
	"fmt"
	"image"
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
// interlaced, grey, CMYK, palette and 16-bit files all work. A picture that is too large for the policy's memory at its
// full size is decoded at a half, a quarter or an eighth of it where the format allows. The error is an *persona.Error
// with CodePhotosUnusable that carries the findings: empty, not an image, damaged or cut off, or too many pixels.
func Decode(data []byte, p persona.PhotoPolicy) (image.Image, error) {
	f, err := inspectFile(data, p)
	if err != nil {
		return nil, err
	}
	pic, err := f.decode()
	if err != nil {
		return nil, err
	}
	return pic.upright(), nil
}

// file is an inspected file that may be decoded.
type file struct {
	data   []byte
	facts  Facts
	header header
	plan   plan
}

// inspectFile inspects a file and plans its decoding. The error is that of what cannot be decoded.
func inspectFile(data []byte, p persona.PhotoPolicy) (*file, error) {
	inspector := NewInspector(p)
	_, _ = inspector.Write(data)
	f := &file{data: data, facts: inspector.Facts()}
	for _, found := range f.facts.Findings {
		if slices.Contains(undecodable, found.Code) {
			return nil, unusable(f.facts.Findings)
		}
	}
	f.header = inspector.inner.facts()
	f.plan, _ = planFor(f.header, int64(len(data)), p)
	return f, nil
}

func (f *file) decode() (*picture, error) {
	img, err := f.decodeStored()
	if err != nil {
		code := persona.PhotoDamaged
		if unsupported := jpeg.UnsupportedError(""); errors.As(err, &unsupported) || errors.Is(err, jpegn.ErrUnsupported) {
			code = persona.PhotoNotImage
		}
		return nil, unusable(append(f.facts.Findings, persona.NewFinding(code, true, "")))
	}
	return newPicture(img, f.header.exif.turn, f.header.width, f.header.height), nil
}

func unusable(findings []persona.Finding) error {
	first := findings[0]
	return &persona.Error{
		Kind: persona.Invalid, Code: persona.CodePhotosUnusable, Message: first.Why + " " + first.Do,
		Photos: []persona.PhotoProblem{{Findings: findings}},
	}
}

// decodeStored decodes as stored. Decoders meet hostile bytes here, so a panic inside one is an error of the file.
func (f *file) decodeStored() (img image.Image, err error) {
	defer func() {
		if r := recover(); r != nil {
			img, err = nil, fmt.Errorf("photo: decoder failed: %v", r)
		}
	}()
	switch {
	case f.header.format == FormatPNG:
		img, err = png.Decode(bytes.NewReader(f.data))
	case f.header.strict():
		img, err = jpeg.Decode(bytes.NewReader(f.data))
	default:
		img, err = jpegn.Decode(bytes.NewReader(f.data), &jpegn.Options{ScaleDenom: f.plan.reduce})
		if err == nil && f.plan.reduce == 1 && suspicious(img) {
			// The first result is garbage from here on: the two are never needed at once.
			img, err = jpeg.Decode(bytes.NewReader(f.data))
		}
	}
	if err == nil {
		k := f.plan.reduce
		if img.Bounds().Size() != image.Pt((f.header.width+k-1)/k, (f.header.height+k-1)/k) {
			err = errors.New("photo: not the picture that the header told")
		}
	}
	return img, err
}

// suspicious looks for what the fast decoder leaves behind when it conceals damage, so that the exact one is asked: units
// that were never written, which are zero in every channel, and a last unit without any detail, which is how data that
// ends too early is filled up. Of files with 2000 bytes overwritten in the middle it leads to a third being missed, of
// those with restart markers one in sixteen. Damage after which the rest fits again by chance is missed; so is damage in a picture
// that is decoded at less than its full size.
func suspicious(img image.Image) bool {
	const block = 8
	switch src := img.(type) {
	case *image.YCbCr:
		b := src.Rect
		for y := b.Min.Y; y < b.Max.Y; y += block {
			for x := b.Min.X; x < b.Max.X; x += block {
				c := src.COffset(x, y)
				if src.Cb[c] == 0 && src.Cr[c] == 0 && src.Y[src.YOffset(x, y)] == 0 {
					return true
				}
			}
		}
		at := src.YOffset((b.Max.X-1)&^(block-1), (b.Max.Y-1)&^(block-1))
		c := src.COffset((b.Max.X-1)&^(block-1), (b.Max.Y-1)&^(block-1))
		return even(src.Y[at:], src.YStride) && even(src.Cb[c&^(block-1):], src.CStride) && even(src.Cr[c&^(block-1):], src.CStride)
	case *image.Gray:
		b := src.Rect
		return even(src.Pix[src.PixOffset((b.Max.X-1)&^(block-1), (b.Max.Y-1)&^(block-1)):], src.Stride)
	default:
		return true
	}
}

// even reports whether the samples of the block that pix begins with are all the same. What is not there counts as such.
func even(pix []uint8, stride int) bool {
	for y := 0; y < 8 && y*stride < len(pix); y++ {
		row := pix[y*stride:]
		for _, v := range row[:min(8, len(row))] {
			if v != pix[0] {
				return false
			}
		}
	}
	return true
}
