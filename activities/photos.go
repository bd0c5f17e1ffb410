package activities

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"

	"go.temporal.io/sdk/activity"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/storage"
)

// Photos fetches, judges, prepares and chooses photos.
type Photos struct {
	Store *storage.Store
	Judge *photo.Judge
	Fetch *http.Client // refuses private, loopback, link-local and metadata addresses
}

// PhotoInput names one photo of one training.
type PhotoInput struct {
	contract.TrainPersonaInput
	PhotoTask
	Total int // photos in the training, for the progress
}

// PhotoVerdict is what became of one photo, without its pixels.
type PhotoVerdict struct {
	Index    int
	Accepted bool
	Overall  int      // 0 to 100
	Codes    []string // of everything that was found
}

// PreparePhoto judges one photo; if it is good it is aligned, cut, evened out and varied, and the results are kept
// beside it, encrypted. A bad photo is a verdict, not an error. Safe to run twice: the same photo gives the same
// pictures under the same names, and one that was judged before is not judged again.
func (a *Photos) PreparePhoto(ctx context.Context, in PhotoInput) (PhotoVerdict, error) {
	row, err := a.Store.Photo(ctx, in.UserID, in.PersonaID, in.PhotoID)
	if err != nil {
		return PhotoVerdict{}, err
	}
	if row.Report == nil {
		if row, err = a.judge(ctx, in, row); err != nil {
			return PhotoVerdict{}, err
		}
	}
	return verdict(*row.Report), a.noteJudged(ctx, in)
}

func verdict(r persona.PhotoReport) PhotoVerdict {
	v := PhotoVerdict{Index: r.Index, Accepted: r.Accepted, Overall: int(math.Round(r.Score.Overall))}
	for _, f := range r.Findings {
		v.Codes = append(v.Codes, string(f.Code))
	}
	return v
}

func (a *Photos) judge(ctx context.Context, in PhotoInput, row storage.Photo) (storage.Photo, error) {
	data, err := a.read(ctx, in.TrainPersonaInput, row.StoragePath)
	if err != nil {
		return row, err
	}
	judged, err := a.Judge.Bytes(ctx, data, row.Added)
	if err != nil {
		return row, err
	}
	pictures, err := a.prepare(judged)
	decoded := judged.Decoded()
	judged.Close() // before anything is written: other photos wait for the memory, and storage may be slow
	if err != nil {
		return row, err
	}
	if judged.Fault != "" {
		activity.GetLogger(ctx).Error("a photo cannot be judged", "photo_id", row.ID, "error", judged.Fault)
	}
	report := judged.Report(row.ID, row.Index, a.Judge.Policy)
	if decoded {
		if err := a.keep(ctx, in, &row, judged.Measures, pictures); err != nil {
			return row, err
		}
	} else if report.Width == 0 { // not in the file that was read, but known from its upload
		report.Width, report.Height = row.Width, row.Height
	}
	row.Report = &report
	return row, a.Store.SavePhoto(ctx, in.UserID, in.PersonaID, row)
}

func (a *Photos) read(ctx context.Context, in contract.TrainPersonaInput, path string) ([]byte, error) {
	blob, err := a.Store.OpenBlob(ctx, in.UserID, in.PersonaID, path)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	return io.ReadAll(io.LimitReader(blob, a.Judge.Policy.MaxBytes+1))
}

// prepare returns the files to train on, of a photo that is accepted. A photo that cannot be prepared is not accepted
// any more.
func (a *Photos) prepare(judged *photo.Judgement) ([][]byte, error) {
	if !judged.Accepted(a.Judge.Policy) {
		return nil, nil
	}
	return judged.TrainingFiles(a.Judge.Policy)
}

// keep stores the measures of a photo and its prepared pictures.
func (a *Photos) keep(ctx context.Context, in PhotoInput, row *storage.Photo, m photo.Measures, pictures [][]byte) error {
	path, err := a.writeMeasures(ctx, in.TrainPersonaInput, row.ID, m)
	if err != nil {
		return err
	}
	found := m.Faces > 0
	row.Measures, row.FaceDetected, row.QualityScore, row.Prepared = &path, &found, &m.Score.Overall, nil
	for i, jpeg := range pictures {
		path := fmt.Sprintf("personas/%s/prepared/%s/%d.jpg", in.PersonaID, row.ID, i)
		if _, err := a.Store.WriteBlob(ctx, in.UserID, in.PersonaID, path, bytes.NewReader(jpeg)); err != nil {
			return err
		}
		row.Prepared = append(row.Prepared, path)
	}
	return nil
}

// noteJudged moves the progress by the share of photos that have a report.
func (a *Photos) noteJudged(ctx context.Context, in PhotoInput) error {
	photos, err := a.Store.Photos(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return err
	}
	done := 0
	for _, p := range photos {
		if p.Report != nil {
			done++
		}
	}
	left, err := secondsLeft(ctx, a.Store, in.TrainPersonaInput, persona.StagePreprocessing)
	if err != nil {
		return err
	}
	return a.Store.SetProgress(ctx, in.UserID, in.PersonaID, in.Version, storage.Progress{
		Stage:            persona.StagePreprocessing,
		Percent:          persona.Progress(persona.StagePreprocessing, float64(done)/float64(max(in.Total, 1))),
		RemainingSeconds: left,
	})
}

// Selection is what the set as a whole came to.
type Selection struct {
	Used    int // photos that will be trained on
	Refused int // photos that cannot be used
	Spare   int // good photos that are not needed
}

// ChoosePhotos looks at the set: duplicates, faces that are unlike the others, the best of many, the primary photo,
// what is missing. Safe to run twice: it writes the same choice over itself. Errors: RecordGone.
func (a *Photos) ChoosePhotos(ctx context.Context, in contract.TrainPersonaInput) (Selection, error) {
	version, err := a.Store.Version(ctx, in.UserID, in.PersonaID, in.Version)
	if err != nil {
		return Selection{}, err
	}
	photos, err := a.Store.Photos(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return Selection{}, err
	}
	members := make([]photo.Member, len(photos))
	for i, p := range photos {
		members[i] = photo.Member{Photo: p.ID, Index: p.Index, Primary: p.Primary}
		if p.Report == nil || p.Measures == nil {
			continue
		}
		if members[i].Measures, err = a.measures(ctx, in, p); err != nil {
			return Selection{}, err
		}
		// Not the report's verdict: an earlier choice has put its own refusals into that.
		members[i].Accepted = members[i].Measures.Accepted(a.Judge.Policy)
	}
	use := a.Judge.Policy.MaxUsed
	if terms, err := persona.TermsFor(version.Tier, len(photos)); err == nil {
		use = min(use, terms.MaxPhotos)
	}
	var s Selection
	rows := make([]storage.Choice, len(members))
	set := a.Judge.Set(members, use)
	for i, c := range set.Choices {
		rows[i] = storage.Choice{Photo: c.Photo, Used: c.Use, Primary: c.Primary, Findings: c.Findings}
		switch {
		case c.Use:
			s.Used++
		case members[i].Accepted && !strange(c.Findings):
			s.Spare++
		default:
			s.Refused++
		}
	}
	return s, a.Store.SaveChoices(ctx, in.UserID, in.PersonaID, in.Version, rows, &set.Report)
}

// strange reports whether a photo is not used because it shows another person, or cannot be compared with the others.
func strange(findings []persona.Finding) bool {
	return slices.ContainsFunc(findings, func(f persona.Finding) bool {
		return f.Refuses && (f.Code == persona.PhotoUnlikeOthers || f.Code == persona.PhotoProbablyTwoSet || f.Code == persona.PhotoCannotBeJudged)
	})
}

// isPicture reports whether a reply's content type may be a picture; servers often say octet-stream.
func isPicture(contentType string) bool {
	return contentType == "" || strings.HasPrefix(contentType, "image/") || strings.HasPrefix(contentType, "application/octet-stream")
}
