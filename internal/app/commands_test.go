package app_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/app"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

func TestVerifyAuditNeedsTheDatabaseAlone(t *testing.T) {
	t.Parallel()
	_, err := app.VerifyAudit(t.Context(), app.Config{})
	require.ErrorContains(t, err, "PERSONA_DATABASE_URL is not set")

	bed := storagetest.NewBed(t)
	upload, err := bed.Store.BeginUpload(t.Context(), uuid.NewString())
	require.NoError(t, err)
	photo := storage.NewPhoto{ID: "3f0c1d52-8a3b-4a52-9d7f-0f4f0f3a9f11"}
	info, err := upload.WritePhoto(t.Context(), photo.ID, strings.NewReader("a photo"))
	require.NoError(t, err)
	photo.Bytes, photo.SHA256 = info.Bytes, info.SHA256
	_, _, err = upload.Commit(t.Context(), storage.NewPersona{
		Name: "Ada", Tier: persona.TierBasic, Config: persona.DefaultTrainingConfig(), Photos: []storage.NewPhoto{photo},
		Consent: persona.Consent{AgreedToTerms: true, Items: persona.ConsentItems{
			FacialRecognition: true, AITraining: true, LikenessUsage: true, DataRetention: true,
		}},
	})
	require.NoError(t, err)

	c := app.Config{DatabaseURL: app.Secret(bed.AppURL)}
	result, err := app.VerifyAudit(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, 1, result.Users)
	require.Positive(t, result.Entries)
	require.Empty(t, result.Broken)

	_, err = bed.Owner.Exec(t.Context(), "ALTER TABLE audit_log DISABLE TRIGGER append_only; UPDATE audit_log SET action = 'nothing'")
	require.NoError(t, err)
	result, err = app.VerifyAudit(t.Context(), c)
	require.NoError(t, err)
	require.NotEmpty(t, result.Broken)
}
