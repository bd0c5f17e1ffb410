package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/inflio/persona/internal/persona"
)

// Photos reads the photos of a request to score, one after the other.
type Photos struct {
	parts  *multipart.Reader
	policy persona.PhotoPolicy
	count  int
	excess int64 // bytes that may still be read and thrown away
}

// NewPhotos returns a reader of the photos of r, which must be a multipart form.
func NewPhotos(r *http.Request, p persona.PhotoPolicy) (*Photos, error) {
	if mediaType(r) != "multipart/form-data" {
		return nil, &persona.Error{
			Kind: persona.Invalid, Code: persona.CodeUnsupportedMedia, Fields: []string{"Content-Type"},
			Message: "Send the photos as multipart/form-data, one part each, all named photos.",
		}
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, errNoBoundary()
	}
	return &Photos{parts: parts, policy: p, excess: ExcessBytes}, nil
}

// Next reads the next photo to its end and returns it, nil after the last one. Close it. A photo that is too large is cut
// off one byte beyond the limit. Errors: what Unreadable returns, CodeTooFewPhotos if there is no photo at all,
// CodeTooManyPhotos, CodeMalformed for another part than a photo, and kind Unavailable if there is no room for it.
func (p *Photos) Next(ctx context.Context) (*File, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	part, err := p.parts.NextRawPart()
	switch {
	case errors.Is(err, io.EOF) && p.count == 0:
		return nil, countError(persona.CodeTooFewPhotos, "At least one photo is needed; there is none.")
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, Unreadable(err)
	}
	if name := partName(part); name != photosPart {
		if isFile(part) {
			return nil, misnamed(name, 1)
		}
		return nil, Malformed("The field "+quoted(name)+" is not known. Send photos only.", quoted(name))
	}
	if p.count++; p.count > p.policy.MaxPhotos {
		return nil, countError(persona.CodeTooManyPhotos,
			fmt.Sprintf("At most %d photos are scored at one time, and there are more.", p.policy.MaxPhotos))
	}
	source := &source{Reader: part}
	file, err := spool(io.LimitReader(source, p.policy.MaxBytes+1))
	if source.err != nil {
		if file != nil {
			file.Close()
		}
		return nil, Unreadable(source.err)
	}
	if err != nil {
		return nil, err
	}
	if err := p.skip(part); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// skip reads the rest of a part that is too large.
func (p *Photos) skip(part io.Reader) error {
	n, err := io.Copy(io.Discard, io.LimitReader(part, p.excess+1))
	if err != nil {
		return Unreadable(err)
	}
	if p.excess -= n; p.excess < 0 {
		return &http.MaxBytesError{Limit: MaxBytes(p.policy)}
	}
	return nil
}
