package activities

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"slices"
	"strings"

	"go.temporal.io/sdk/activity"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/vault"
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

// PhotoVerdict is the result of one photo, without its pixels.
type PhotoVerdict struct {
	Index    int
	Accepted bool
	Overall  int      // 0 to 100
	Codes    []string // of everything that was found
}

// PreparePhoto judges one photo. A good photo is aligned, cut, evened out and varied, and the results are stored beside
// it, encrypted. A bad photo is a verdict and not an error.
//
// It is safe to run twice: the same photo gives the same pictures under the same names, and a photo that was judged is
// not judged again. Errors: RecordGone.
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

// RefusalInput says why a photo is refused that could not be examined.
type RefusalInput struct {
	PhotoInput
	Code persona.PhotoCode
}

// RefusePhoto refuses a photo that could not be fetched or judged, with a finding. A photo that has a verdict keeps it.
//
// It is safe to run twice. Errors: RecordGone.
func (a *Photos) RefusePhoto(ctx context.Context, in RefusalInput) (PhotoVerdict, error) {
	row, err := a.Store.Photo(ctx, in.UserID, in.PersonaID, in.PhotoID)
	if err != nil {
		return PhotoVerdict{}, err
	}
	if row.Report != nil {
		return verdict(*row.Report), nil
	}
	row.URL = ""
	row.Report = &persona.PhotoReport{
		Photo: row.ID, Index: row.Index, Width: row.Width, Height: row.Height,
		Findings: []persona.Finding{persona.NewFinding(in.Code, true, "")},
	}
	return verdict(*row.Report), a.Store.SavePhoto(ctx, in.UserID, in.PersonaID, row)
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
	return readPhoto(ctx, a.Store, in, path, a.Judge.Policy.MaxBytes)
}

func (a *Photos) stored() storedMeasures { return storedMeasures{store: a.Store, judge: a.Judge} }

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
	path, err := a.stored().write(ctx, in.TrainPersonaInput, row.ID, m)
	if err != nil {
		return err
	}
	found := m.Faces > 0
	row.Measures, row.FaceDetected, row.QualityScore, row.Prepared = &path, &found, &m.Score.Overall, nil
	for i, jpeg := range pictures {
		path := vault.PreparedPath(in.PersonaID, row.ID, i)
		if _, err := a.Store.WriteBlob(ctx, in.UserID, in.PersonaID, path, bytes.NewReader(jpeg)); err != nil {
			return err
		}
		row.Prepared = append(row.Prepared, path)
	}
	return nil
}

// noteJudged sets the progress to the share of photos that have a report.
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

// Selection counts the photos of a set by what becomes of them.
type Selection struct {
	Used    int // photos that will be trained on
	Refused int // photos that cannot be used
	Spare   int // good photos that are not needed
}

// ChoosePhotos examines the set: duplicates, faces that are unlike the others, the best of many, the primary photo, what
// is missing. It settles the tier of the version: the tier that was ordered, or a lower one when the photos that are used
// do not reach it.
//
// It is safe to run twice: it replaces the choice by the same. Errors: RecordGone.
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
		if members[i].Measures, err = a.stored().current(ctx, in, p); err != nil {
			return Selection{}, err
		}
		// Not the report's verdict: an earlier choice has put its own refusals into that.
		members[i].Accepted = members[i].Measures.Accepted(a.Judge.Policy)
	}
	ordered := version.Tier
	if version.PhotoSet != nil && version.PhotoSet.Ordered != "" {
		ordered = version.PhotoSet.Ordered // an earlier attempt has settled a lower one
	}
	use := a.Judge.Policy.MaxUsed
	if terms, err := persona.TermsFor(ordered, len(photos)); err == nil {
		use = min(use, terms.MaxPhotos)
	}
	var s Selection
	rows := make([]storage.Choice, len(members))
	set := a.Judge.Set(members, use)
	set.Report.Settle(ordered)
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

// strange reports whether a photo is refused because it probably shows another person, or cannot be compared with the others.
func strange(findings []persona.Finding) bool {
	return slices.ContainsFunc(findings, func(f persona.Finding) bool {
		return f.Refuses && (f.Code == persona.PhotoUnlikeOthers || f.Code == persona.PhotoProbablyTwoSet || f.Code == persona.PhotoCannotBeJudged)
	})
}

// isPicture reports whether a reply's content type may be a picture; servers often say octet-stream.
func isPicture(contentType string) bool {
	return contentType == "" || strings.HasPrefix(contentType, "image/") || strings.HasPrefix(contentType, "application/octet-stream")
}
