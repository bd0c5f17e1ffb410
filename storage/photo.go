package storage

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inflio/persona/internal/persona"
)

// Photo is one photo of a persona.
type Photo struct {
	ID            string
	PersonaID     string
	Index         int    // position in the request, from 0
	URL           string // where to fetch it from, "" when it was uploaded
	StoragePath   string // of the blob, "" before it is stored
	SHA256        []byte // of the plaintext, nil before it is stored
	Bytes         int64
	Width, Height int    // pixels, upright
	Format        string // "jpeg", "png" or "" when unknown
	Primary, Used bool
	FaceDetected  *bool
	QualityScore  *float64 // overall, 0 to 100
	Report        *persona.PhotoReport
	Measures      *string  // blob path, nil before it is measured
	Prepared      []string // blob paths, the crop first, then the augmented ones
	Added         time.Time
}

// Choice says whether a photo is used for training, and what was found about it by comparing the photos of the set.
type Choice struct {
	Photo         string
	Used, Primary bool
	Findings      []persona.Finding
}

const selectPhotos = `
SELECT id, persona_id, position, url, COALESCE(storage_path, ''), sha256, bytes, width, height, format, is_primary, is_used,
       face_detected, quality_score, metadata, measures_path, prepared, created_at
FROM persona_images WHERE persona_id = $1`

func scanPhoto(row pgx.CollectableRow) (p Photo, err error) {
	return p, row.Scan(&p.ID, &p.PersonaID, &p.Index, &p.URL, &p.StoragePath, &p.SHA256, &p.Bytes, &p.Width, &p.Height,
		&p.Format, &p.Primary, &p.Used, &p.FaceDetected, &p.QualityScore, &p.Report, &p.Measures, &p.Prepared, &p.Added)
}

// Photos returns all photos of a persona in the order of the request. It returns none when there is no such persona.
func (s *Store) Photos(ctx context.Context, userID, personaID string) (photos []Photo, err error) {
	if !persona.IsID(personaID) {
		return nil, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		photos, err = many(ctx, tx, scanPhoto, selectPhotos+` ORDER BY position`, personaID)
		return err
	})
	return photos, err
}

// Photo returns one photo of a persona, or ErrNotFound.
func (s *Store) Photo(ctx context.Context, userID, personaID, photoID string) (p Photo, err error) {
	if !persona.IsID(personaID) || !persona.IsID(photoID) {
		return Photo{}, ErrNotFound
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		p, err = one(ctx, tx, scanPhoto, selectPhotos+` AND id = $2`, personaID, photoID)
		return err
	})
	return p, err
}

const updatePhoto = `
UPDATE persona_images SET url = $3, storage_path = NULLIF($4, ''), sha256 = $5, bytes = $6, width = $7, height = $8, format = $9,
       face_detected = $10, quality_score = $11, metadata = $12, measures_path = $13, prepared = COALESCE($14, '[]'::jsonb)
WHERE persona_id = $1 AND id = $2`

// SavePhoto replaces what is stored about the photo with p.ID, except Used and Primary, which SaveChoices writes, and Index. Writing
// the same twice is fine. ErrNotFound when the persona has no such photo.
func (s *Store) SavePhoto(ctx context.Context, userID, personaID string, p Photo) error {
	if !persona.IsID(personaID) || !persona.IsID(p.ID) {
		return ErrNotFound
	}
	return s.asUser(ctx, userID, func(tx *userTx) error {
		return tx.exec(ctx, updatePhoto, personaID, p.ID, p.URL, p.StoragePath, p.SHA256, p.Bytes, p.Width, p.Height, p.Format,
			p.FaceDetected, p.QualityScore, p.Report, p.Measures, p.Prepared)
	})
}

// aboutTheSet are the findings that come from comparing the photos of a set. A new choice replaces those of the previous one.
var aboutTheSet = []persona.PhotoCode{
	persona.PhotoDuplicate, persona.PhotoUnlikeOthers, persona.PhotoNotAmongBest, persona.PhotoProbablyTwoSet,
}

const (
	updateChoice = `
UPDATE persona_images SET is_used = $3, is_primary = $4, metadata = $5 WHERE persona_id = $1 AND id = $2`
	updatePhotoSet = `
UPDATE persona_versions SET photos_used = $3, photo_set = $4, tier = $5 WHERE persona_id = $1 AND number = $2`
)

// SaveChoices stores which photos a version is trained on. The findings of a choice are added to the photo's report and replace those
// of an earlier choice. The report of the set, which may be nil, is stored with the version, whose tier falls to the one that the used
// photos reach. Photos that are not named are not used. ErrNotFound when a choice names a photo that the persona does not have.
// Doing it twice is fine.
func (s *Store) SaveChoices(ctx context.Context, userID, personaID string, version int, choices []Choice, set *persona.SetReport) error {
	return s.asUser(ctx, userID, func(tx *userTx) error {
		_, v, err := lockVersion(ctx, tx, personaID, version)
		if err != nil {
			return err
		}
		photos, err := many(ctx, tx, scanPhoto, selectPhotos+` ORDER BY position`, personaID)
		if err != nil {
			return err
		}
		byID := make(map[string]Choice, len(choices))
		for _, choice := range choices {
			byID[choice.Photo] = choice
		}
		var batch pgx.Batch
		used := 0
		for _, photo := range photos {
			choice, named := byID[photo.ID]
			delete(byID, photo.ID)
			if !named {
				choice.Primary = photo.Primary
			}
			if choice.Used {
				used++
			}
			batch.Queue(updateChoice, personaID, photo.ID, choice.Used, choice.Primary, withChoice(photo, choice))
		}
		if len(byID) > 0 {
			return ErrNotFound
		}
		tier := v.Tier
		if set != nil {
			tier = persona.SettledTier(v.Tier, set.Tier)
		}
		batch.Queue(updatePhotoSet, personaID, version, used, set, tier)
		return tx.SendBatch(ctx, &batch).Close()
	})
}

// withChoice returns the photo's report with the findings of a choice.
func withChoice(photo Photo, choice Choice) *persona.PhotoReport {
	report := persona.PhotoReport{Photo: photo.ID, Index: photo.Index, Width: photo.Width, Height: photo.Height}
	if photo.Report != nil {
		report = *photo.Report
	}
	refused := false // whether a finding of an earlier choice, which is dropped here, refused the photo
	var findings []persona.Finding
	for _, finding := range report.Findings {
		if slices.Contains(aboutTheSet, finding.Code) {
			refused = refused || finding.Refuses
			continue
		}
		findings = append(findings, finding)
	}
	report.Findings = append(findings, choice.Findings...)
	report.Primary = choice.Primary
	report.Accepted = (report.Accepted || refused) && !persona.Refuses(report.Findings)
	report.Verdict = persona.VerdictOf(report.Accepted, report.Findings)
	return &report
}
