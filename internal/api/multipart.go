package api

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/storage"
)

// maxFields bounds the parts that are not photos, so that a request of empty parts comes to an end.
const maxFields = 32

// errEnough ends the reading of a request that is certain to be refused and too large to be read to its end.
var errEnough = errors.New("enough was read")

// readMultipart takes the parts as they come, in any order. Photos go through to storage while they arrive; of the rest
// of a part that is too large, and of photos too many, a bounded amount is read and thrown away so that the client is
// still there to get its answer. It returns only errors that make the rest unreadable; all else waits for check.
func (t *intake) readMultipart(ctx context.Context, r *http.Request) error {
	parts, err := r.MultipartReader()
	if err != nil {
		return malformed("The multipart request has no usable boundary.", "Content-Type")
	}
	seen := map[string]bool{}
	for fields := 0; ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return unreadable(err)
		}
		name := strings.TrimSuffix(part.FormName(), "[]")
		if name == "photos" {
			err = t.takePhoto(ctx, part)
		} else {
			if fields++; fields > maxFields {
				return malformed("The request has too many fields.")
			}
			err = t.takeField(name, seen[name], part)
			seen[name] = true
		}
		if errors.Is(err, errEnough) {
			t.cut = true
			callOf(ctx).writer.Header().Set("Connection", "close")
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// takePhoto streams one photo into storage, or only looks at it when the request is refused anyway.
func (t *intake) takePhoto(ctx context.Context, part *multipart.Part) error {
	index, policy := t.count, t.server.Judge.Policy
	t.count++
	if t.count > policy.MaxPhotos {
		return t.throwAway(part, io.Discard)
	}
	inspector := photo.NewInspector(policy)
	source := &source{Reader: part}
	limited := io.TeeReader(io.LimitReader(source, policy.MaxBytes+1), inspector)
	p := storage.NewPhoto{ID: uuid.NewString(), Index: index}
	if t.doomed() {
		_, _ = io.Copy(io.Discard, limited) // source keeps the error
	} else if err := t.store(ctx, &p, limited, source); err != nil {
		return err
	}
	if source.err != nil {
		return unreadable(source.err)
	}
	enough := t.throwAway(part, inspector)
	if enough != nil && !errors.Is(enough, errEnough) {
		return enough
	}
	t.judge(p, inspector.Facts(), enough != nil)
	return enough
}

func (t *intake) store(ctx context.Context, p *storage.NewPhoto, r io.Reader, source *source) error {
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

// judge keeps the photo, or what its file alone says against it. The facts of a file that was not read to its end say
// that it is damaged, which is not the photo's fault: only its size is told then.
func (t *intake) judge(p storage.NewPhoto, facts photo.Facts, cut bool) {
	t.server.metrics.bytes.Add(float64(facts.Bytes))
	findings := facts.Findings
	if cut {
		findings = []persona.Finding{t.server.Judge.Policy.TooLarge()}
	}
	for _, f := range findings {
		if f.Refuses {
			t.server.metrics.photos.WithLabelValues(string(f.Code)).Inc()
			t.unusable = append(t.unusable, persona.PhotoProblem{Index: p.Index, Findings: persona.RefusalsFirst(findings)})
			return
		}
	}
	t.server.metrics.photos.WithLabelValues("usable").Inc()
	p.Width, p.Height, p.Format = facts.Width, facts.Height, facts.Format
	t.photos = append(t.photos, p)
}

// throwAway reads the rest of a part into w, within what the request has left for that.
func (t *intake) throwAway(part io.Reader, w io.Writer) error {
	n, err := io.Copy(w, io.LimitReader(part, t.excess+1))
	t.excess -= n
	if err != nil {
		return unreadable(err)
	}
	if t.excess < 0 {
		return errEnough
	}
	return nil
}

// takeField reads one of the small parts.
func (t *intake) takeField(name string, again bool, part *multipart.Part) error {
	raw, err := io.ReadAll(io.LimitReader(part, fieldBytes+1))
	if err != nil {
		return unreadable(err)
	}
	if len(raw) > fieldBytes {
		t.problems = append(t.problems, malformed("The field "+shortName(name)+" is too long.", shortName(name)))
		return t.throwAway(part, io.Discard)
	}
	value := string(raw)
	switch {
	case again:
		t.problems = append(t.problems, malformed("The field "+shortName(name)+" came more than once.", shortName(name)))
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
		t.problems = append(t.problems, malformed(
			"The field "+shortName(name)+" is not known. Known are name, photos, consent, tier, primary and config.", shortName(name)))
	}
	return nil
}

func (t *intake) takePrimary(value string) {
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

// shortName makes a field's name fit to be repeated in an answer.
func shortName(name string) string {
	const most = 40
	if name == "" {
		return "(without a name)"
	}
	name = strings.ToValidUTF8(name, "?")
	if utf8.RuneCountInString(name) > most {
		name = string([]rune(name)[:most]) + "…"
	}
	return strconv.QuoteToGraphic(name)[1:][:len(strconv.QuoteToGraphic(name))-2]
}

// source remembers why reading from the client failed, to tell it from a fault of storage.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		s.err = err
	}
	return n, err
}
