package photo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"slices"

	"github.com/inflio/persona/internal/dct"
	"github.com/inflio/persona/internal/persona"
)

// undecodable are the findings of files whose picture cannot be decoded, or must not be. A file that is refused for its
// size only can still be decoded.
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

// inspectFile inspects a file and plans its decoding. The error is a *persona.Error if the picture cannot be decoded.
func inspectFile(data []byte, p persona.PhotoPolicy) (*file, error) {
	inspector := NewInspector(p)
	_, _ = inspector.Write(data) // never fails
	f := &file{data: data, facts: inspector.Facts()}
	for _, found := range f.facts.Findings {
		if slices.Contains(undecodable, found.Code) {
			return f, unusable(f.facts.Findings)
		}
	}
	f.header = inspector.inner.facts()
	f.plan, _ = planFor(f.header, int64(len(data)), p)
	return f, nil
}

// decode returns the picture. The error is a *persona.Error, or that of ctx.
func (f *file) decode(ctx context.Context) (*picture, error) {
	pic, err := f.decodeStored(ctx)
	if err == nil {
		return pic, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	code := persona.PhotoDamaged
	if unsupported := jpeg.UnsupportedError(""); errors.As(err, &unsupported) || errors.Is(err, dct.ErrUnsupported) {
		code = persona.PhotoNotImage
	}
	return nil, unusable(append(f.facts.Findings, persona.NewFinding(code, true, "")))
}

// unusable is the error of a photo with these findings, at least one.
func unusable(findings []persona.Finding) error {
	first := findings[0]
	return &persona.Error{
		Kind: persona.Invalid, Code: persona.CodePhotosUnusable, Message: first.Why + " " + first.Do,
		Photos: []persona.PhotoProblem{{Findings: findings}},
	}
}

// decodeStored decodes the picture as it is stored, without turning it. The bytes may be hostile: a panic of a decoder
// is an error of the file.
func (f *file) decodeStored(ctx context.Context) (pic *picture, err error) {
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
	img, err := decode(&cancellable{ctx, bytes.NewReader(f.data)})
	if err == nil && img.Bounds().Size() != size {
		err = errOtherSize
	}
	if err != nil {
		return nil, err
	}
	return newPicture(img, f.header.exif.turn), nil
}

var errOtherSize = errors.New("photo: the picture has another size than its header says")

// cancellable is a reader that fails once ctx has ended, so that decoders stop.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancellable) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}
