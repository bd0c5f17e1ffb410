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
			// The memory set aside is that of one picture, and the deferred function would keep the first one alive.
			img = nil
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
// that were never written, which are zero in every channel, and an end without any detail, which is how data that ends
// too early is filled up. Damage after which nearly as many units follow as should is missed, as the exact decoder misses
// it too: of files with 2000 bytes overwritten in the middle a third, of those with restart markers one in sixteen. So
// is damage in a picture that is decoded at less than its full size.
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
		subX, subY := subsampling(src.SubsampleRatio)
		w, h := b.Dx(), b.Dy()
		cw, ch := (w-1)>>subX+1, (h-1)>>subY+1
		return evenEnd(src.Y, src.YStride, w, h, endRun) &&
			evenEnd(src.Cb, src.CStride, cw, ch, endRun>>subX) && evenEnd(src.Cr, src.CStride, cw, ch, endRun>>subX)
	case *image.Gray:
		return evenEnd(src.Pix, src.Stride, src.Rect.Dx(), src.Rect.Dy(), endRun)
	default:
		return true
	}
}

// endRun is how many pixels at the end of the last row of blocks must be the same to look like missing data. Fewer units
// are missing only where little is wrong; and even corners are common.
const endRun = 128

// evenEnd reports whether the last samples of the last row of blocks of a plane of w by h are all the same.
func evenEnd(pix []uint8, stride, w, h, run int) bool {
	last := pix[(h-1)*stride+w-1]
	for y := (h - 1) &^ 7; y < h; y++ {
		for _, v := range pix[y*stride+max(0, w-run):][:min(run, w)] {
			if v != last {
				return false
			}
		}
	}
	return true
}
