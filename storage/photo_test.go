package storage_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

func TestSavePhoto(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	p := create(t, s, uuid.NewString())
	photos, err := s.Photos(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	photo := photos[1]
	info, err := s.WritePhotoBlob(t.Context(), p.UserID, p.ID, photo.ID, bytes.NewReader(jpeg))
	require.NoError(t, err)
	require.Equal(t, photo.StoragePath, info.Path, "fetched and uploaded photos lie in one place")

	photo.SHA256, photo.Bytes = info.SHA256, info.Bytes
	photo.Width, photo.Height, photo.Format = 800, 600, "png"
	photo.FaceDetected, photo.QualityScore = new(true), new(81.5)
	photo.Measures, photo.Prepared = new("personas/"+p.ID+"/measures/1"), []string{"a", "b"}
	photo.Report = &persona.PhotoReport{
		Photo: photo.ID, Index: 1, Accepted: true, Width: 800, Height: 600, Face: persona.Rect{X: 1, Y: 2, Width: 3, Height: 4},
		Score: persona.Score{Overall: 81.5},
	}
	for range 2 {
		require.NoError(t, s.SavePhoto(t.Context(), p.UserID, p.ID, photo))
	}
	got, err := s.Photo(t.Context(), p.UserID, p.ID, photo.ID)
	require.NoError(t, err)
	require.Equal(t, photo, got)

	photo.ID = uuid.NewString()
	require.ErrorIs(t, s.SavePhoto(t.Context(), p.UserID, p.ID, photo), storage.ErrNotFound)
}

func TestSaveChoices(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	p := create(t, s, uuid.NewString())
	photos, err := s.Photos(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	dark := persona.NewFinding(persona.PhotoTooDark, false, "")
	for i, photo := range photos {
		photo.Report = &persona.PhotoReport{Photo: photo.ID, Index: i, Accepted: true, Findings: []persona.Finding{dark}}
		require.NoError(t, s.SavePhoto(t.Context(), p.UserID, p.ID, photo))
	}
	twin := persona.NewFinding(persona.PhotoDuplicate, true, "1")
	set := &persona.SetReport{
		Photos: 2, Accepted: 2, Used: 1, Tier: persona.TierBasic, Advice: []string{"Add nine photos."},
		Coverage: []persona.Coverage{{Aspect: persona.AspectPose, Kinds: []persona.CoverageKind{{Kind: persona.ShotFront, Count: 1, Wanted: 4}}}},
	}
	save := func(choices ...storage.Choice) []storage.Photo {
		for range 2 {
			require.NoError(t, s.SaveChoices(t.Context(), p.UserID, p.ID, 1, choices, set))
		}
		photos, err := s.Photos(t.Context(), p.UserID, p.ID)
		require.NoError(t, err)
		return photos
	}
	got := save(storage.Choice{Photo: photos[0].ID, Used: true},
		storage.Choice{Photo: photos[1].ID, Primary: true, Findings: []persona.Finding{twin}})
	require.True(t, got[0].Used)
	require.False(t, got[0].Primary)
	require.True(t, got[0].Report.Accepted)
	require.True(t, got[1].Primary)
	require.True(t, got[1].Report.Primary)
	require.False(t, got[1].Report.Accepted)
	require.Equal(t, []persona.Finding{dark, twin}, got[1].Report.Findings, "once, though saved twice")
	require.Equal(t, persona.VerdictRefuse, got[1].Report.Verdict)
	v, err := s.Version(t.Context(), p.UserID, p.ID, 1)
	require.NoError(t, err)
	require.Equal(t, 1, v.PhotosUsed)
	require.Equal(t, set, v.PhotoSet)

	// A later choice replaces what the earlier one said.
	got = save(storage.Choice{Photo: photos[1].ID, Used: true, Primary: true})
	require.False(t, got[0].Used)
	require.True(t, got[1].Used)
	require.True(t, got[1].Report.Accepted)
	require.Equal(t, []persona.Finding{dark}, got[1].Report.Findings)
	set = nil
	save()
	v, err = s.Version(t.Context(), p.UserID, p.ID, 1)
	require.NoError(t, err)
	require.Nil(t, v.PhotoSet)

	err = s.SaveChoices(t.Context(), p.UserID, p.ID, 1, []storage.Choice{{Photo: uuid.NewString(), Used: true}}, nil)
	require.ErrorIs(t, err, storage.ErrNotFound)
}

// The error text of the database contains values of the row.
func TestErrorsNameNoData(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	p := create(t, s, uuid.NewString())
	photos, err := s.Photos(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	photos[0].Format = "secret-format"
	photos[0].URL = "https://example.com/secret-address"
	err = s.SavePhoto(t.Context(), p.UserID, p.ID, photos[0])
	require.ErrorContains(t, err, "SQLSTATE 23514")
	require.NotContains(t, err.Error(), "secret")
}
