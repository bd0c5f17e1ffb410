package photo

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"slices"

	"github.com/inflio/persona/internal/dct"
	"github.com/inflio/persona/internal/persona"
)

// undecodable are the findings that make decoding pointless or dangerous. Those about the file's size are not among
// them: they are judged, but the picture can be looked at.
var undecodable = []persona.PhotoCode{
	persona.PhotoEmpty, persona.PhotoNotImage, persona.PhotoDamaged, persona.PhotoTooManyPixels,
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
	pic, err := f.decodeStored()
	if err != nil {
		code := persona.PhotoDamaged
		if unsupported := jpeg.UnsupportedError(""); errors.As(err, &unsupported) || errors.Is(err, dct.ErrUnsupported) {
			code = persona.PhotoNotImage
		}
		return nil, unusable(append(f.facts.Findings, persona.NewFinding(code, true, "")))
	}
	return pic, nil
}

func unusable(findings []persona.Finding) error {
	first := findings[0]
	return &persona.Error{
		Kind: persona.Invalid, Code: persona.CodePhotosUnusable, Message: first.Why + " " + first.Do,
		Photos: []persona.PhotoProblem{{Findings: findings}},
	}
}

// decodeStored decodes as stored. Decoders meet hostile bytes here, so a panic inside one is an error of the file.
func (f *file) decodeStored() (pic *picture, err error) {
	defer func() {
		if r := recover(); r != nil {
			pic, err = nil, fmt.Errorf("photo: decoder failed: %v", r)
		}
	}()
	size := image.Pt(f.header.width, f.header.height)
	if f.header.partial() {
		coded, err := dct.Open(f.data)
		if err == nil && coded.Size(1) != size {
			err = errOtherSize
		}
		if err != nil {
			return nil, err
		}
		return newCodedPicture(coded, f.header.exif.turn, f.plan.reduce), nil
	}
	decode := png.Decode
	if f.header.format == FormatJPEG {
		decode = jpeg.Decode
	}
	img, err := decode(bytes.NewReader(f.data))
	if err == nil && img.Bounds().Size() != size {
		err = errOtherSize
	}
	if err != nil {
		return nil, err
	}
	return newPicture(img, f.header.exif.turn), nil
}

var errOtherSize = errors.New("photo: not the picture that the header told")
