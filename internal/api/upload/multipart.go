package upload

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/storage"
)

// errEnough ends the reading of a request that is certain to be refused and too large to be read to its end.
var errEnough = errors.New("enough was read")

// readMultipart reads the parts in the order in which they come. Photos go to storage while they arrive.
func (t *Request) readMultipart(ctx context.Context, r *http.Request) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return errNoBoundary()
	}
	seen := map[string]bool{}
	for fields := 0; ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return Unreadable(err)
		}
		name := partName(part)
		switch {
		case name == photosPart:
			err = t.takePhoto(ctx, part)
		case isFile(part) && !isField(name):
			err = t.takeMisnamed(name, part)
		default:
			if fields++; fields > maxFields {
				return Malformed("The request has too many fields.")
			}
			err = t.takeField(name, seen[name], part)
			seen[name] = true
		}
		if errors.Is(err, errEnough) {
			t.cut = true
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// photosPart is the name of the parts that are photos. It may be written photos[], as some frameworks do.
const photosPart = "photos"

func partName(part *multipart.Part) string { return strings.TrimSuffix(part.FormName(), "[]") }

// isFile reports whether a part was sent as a file.
func isFile(part *multipart.Part) bool {
	return part.FileName() != "" || strings.HasPrefix(part.Header.Get("Content-Type"), "image/")
}

// isField reports whether a request to train has a field of this name. Such a field may be sent as a file, for example
// by curl -F consent=@consent.json.
func isField(name string) bool {
	switch name {
	case "name", "tier", "primary", "consent", "config":
		return true
	}
	return false
}

func errNoBoundary() error {
	return Malformed("The multipart request has no usable boundary.", "Content-Type")
}

// takePhoto streams one photo into storage, or only inspects it if the request is refused anyway.
func (t *Request) takePhoto(ctx context.Context, part *multipart.Part) error {
	index := t.count
	t.count++
	if t.count > t.Policy.MaxPhotos {
		return t.throwAway(part, io.Discard)
	}
	inspector := photo.NewInspector(t.Policy)
	source := &source{Reader: part}
	limited := io.TeeReader(io.LimitReader(source, t.Policy.MaxBytes+1), inspector)
	p := storage.NewPhoto{ID: uuid.NewString(), Index: index}
	if t.doomed() {
		_, _ = io.Copy(io.Discard, limited) // source keeps the error
	} else if err := t.store(ctx, &p, limited, source); err != nil {
		return err
	}
	if source.err != nil {
		return Unreadable(source.err)
	}
	enough := t.throwAway(part, inspector)
	if enough != nil && !errors.Is(enough, errEnough) {
		return enough
	}
	t.judge(p, inspector.Facts(), enough != nil)
	return enough
}

func (t *Request) store(ctx context.Context, p *storage.NewPhoto, r io.Reader, source *source) error {
	if err := t.begin(ctx); err != nil {
		return err
	}
	info, err := t.upload.WritePhoto(ctx, p.ID, r)
	if err != nil && source.err == nil {
		return err
	}
	p.Bytes, p.SHA256 = info.Bytes, info.SHA256
	return nil
}

// judge keeps the photo, or what is wrong with its file. A file that was not read to its end looks damaged, so only its
// size is reported.
func (t *Request) judge(p storage.NewPhoto, facts photo.Facts, cut bool) {
	findings := facts.Findings
	if cut {
		findings = []persona.Finding{t.Policy.TooLarge()}
	}
	for _, f := range findings {
		if f.Refuses {
			t.Seen(facts.Bytes, f.Code)
			t.unusable = append(t.unusable, persona.PhotoProblem{Index: p.Index, Findings: persona.RefusalsFirst(findings)})
			return
		}
	}
	t.Seen(facts.Bytes, "")
	p.Width, p.Height, p.Format = facts.Width, facts.Height, facts.Format
	t.photos = append(t.photos, p)
}

// takeMisnamed counts a file in a part with an unknown name and throws it away. Check reports all of them once. Files up
// to the size and the number of photos do not count as excess, so that the client gets its answer.
func (t *Request) takeMisnamed(name string, part *multipart.Part) error {
	if t.misnamed++; t.misnamed == 1 {
		t.wrongName = name
	}
	if t.misnamed <= t.Policy.MaxPhotos {
		if _, err := io.Copy(io.Discard, io.LimitReader(part, t.Policy.MaxBytes)); err != nil {
			return Unreadable(err)
		}
	}
	return t.throwAway(part, io.Discard)
}

// throwAway reads the rest of a part into w. It returns errEnough when the request has no excess left.
func (t *Request) throwAway(part io.Reader, w io.Writer) error {
	n, err := io.Copy(w, io.LimitReader(part, t.excess+1))
	t.excess -= n
	if err != nil {
		return Unreadable(err)
	}
	if t.excess < 0 {
		return errEnough
	}
	return nil
}

// takeField reads a part that is not a photo.
func (t *Request) takeField(name string, again bool, part *multipart.Part) error {
	raw, err := io.ReadAll(io.LimitReader(part, fieldBytes+1))
	if err != nil {
		return Unreadable(err)
	}
	problem := func(message string) {
		t.problems = append(t.problems, Malformed("The field "+quoted(name)+" "+message, quoted(name)))
	}
	if len(raw) > fieldBytes {
		problem("is too long.")
		return t.throwAway(part, io.Discard)
	}
	value := string(raw)
	switch {
	case again:
		problem("came more than once.")
	case name == "name":
		t.name = value
	case name == "tier":
		t.tier = persona.Tier(strings.TrimSpace(value))
	case name == "primary":
		t.takePrimary(strings.TrimSpace(value))
	case name == "consent":
		t.takeConsent(raw)
	case name == "config":
		t.takeConfig(raw)
	default:
		problem("is not known. Known are name, photos, consent, tier, primary and config.")
	}
	return nil
}

func (t *Request) takePrimary(value string) {
	if value == "" {
		return
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.problems = append(t.problems, primaryError(0))
		return
	}
	t.primary = &n
}

// source keeps the error with which reading from the client failed, to tell it from an error of storage.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.err = err
	}
	return n, err
}
