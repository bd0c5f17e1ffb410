package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

func TestThePlanIsThePhotosOfAnOpenVersion(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.commit(uuid.NewString(), 3, func(_ *storage.Upload, i int) storage.NewPhoto {
		return storage.NewPhoto{ID: uuid.NewString(), Index: 2 - i, URL: "https://example.org/x.jpg"}
	})
	for range 2 {
		plan, err := run(b, b.all.Records.PlanTraining, in)
		require.NoError(t, err)
		require.True(t, plan.Open)
		require.Equal(t, policy().MinPhotos, plan.MinPhotos)
		require.Len(t, plan.Photos, 3)
		for i, p := range plan.Photos {
			require.Equal(t, i, p.Index)
			require.True(t, p.Fetch)
		}
	}
	stored, err := run(b, b.all.Records.PlanTraining, b.persona([]byte("a photo")))
	require.NoError(t, err)
	require.False(t, stored.Photos[0].Fetch)

	_, err = b.Store.RequestErasure(t.Context(), in.UserID, in.PersonaID)
	require.NoError(t, err)
	plan, err := run(b, b.all.Records.PlanTraining, in)
	require.NoError(t, err)
	require.False(t, plan.Open, "what is being erased is not trained")
}

func TestThePlanOfNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	mine := b.persona([]byte("a photo"))
	for name, in := range map[string]contract.TrainPersonaInput{
		"no such persona":  {UserID: mine.UserID, PersonaID: uuid.NewString(), Version: 1},
		"no such version":  {UserID: mine.UserID, PersonaID: mine.PersonaID, Version: 2},
		"somebody else's":  {UserID: uuid.NewString(), PersonaID: mine.PersonaID, Version: 1},
		"not even an id":   {UserID: mine.UserID, PersonaID: "x", Version: 1},
		"nothing was said": {},
	} {
		_, err := run(b, b.all.Records.PlanTraining, in)
		if name == "nothing was said" {
			require.Error(t, err)
			continue
		}
		requireType(t, err, contract.RecordGone, true)
	}
}

func TestAStageNeverGoesBack(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.persona([]byte("a photo"))
	for _, stage := range []persona.Stage{persona.StagePreprocessing, persona.StageValidating} {
		for range 2 {
			require.NoError(t, do(b, b.all.Records.EnterStage, activities.StageInput{TrainPersonaInput: in, Stage: stage}))
			require.Equal(t, stage, b.version(in).Stage)
			require.Equal(t, persona.Progress(stage, 0), b.version(in).Progress)
		}
	}
	require.NoError(t, do(b, b.all.Records.EnterStage, activities.StageInput{TrainPersonaInput: in, Stage: persona.StageUploading}))
	require.Equal(t, persona.StageValidating, b.version(in).Stage)
	owner, err := b.Store.Persona(t.Context(), in.UserID, in.PersonaID)
	require.NoError(t, err)
	require.Equal(t, persona.StatusValidating, owner.Status)
}

func TestAFailureTellsWhatIsWrongWithThePhotos(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.judged(2)
	photos := b.photos(in)
	require.NoError(t, b.Store.SaveChoices(t.Context(), in.UserID, in.PersonaID, 1, []storage.Choice{
		{Photo: photos[0].ID, Used: true, Findings: []persona.Finding{persona.NewFinding(persona.PhotoUnlikeOthers, false, "")}},
		{Photo: photos[3].ID, Findings: []persona.Finding{persona.NewFinding(persona.PhotoDuplicate, true, "1")}},
	}, &persona.SetReport{Photos: 5, Used: 1, Advice: []string{"Add four photos."}}))
	fail := activities.FailInput{TrainPersonaInput: in, Code: persona.CodePhotosRejected, Message: "Too few photos."}
	for range 2 {
		require.NoError(t, do(b, b.all.Records.FailTraining, fail))
		v := b.version(in)
		require.Equal(t, persona.VersionFailed, v.Status)
		require.Equal(t, &storage.Failure{
			Code: persona.CodePhotosRejected, Message: "Too few photos.", Advice: []string{"Add four photos."},
			Photos: []persona.PhotoProblem{{
				Index: 3, Photo: photos[3].ID, Findings: []persona.Finding{persona.NewFinding(persona.PhotoDuplicate, true, "1")},
			}},
		}, v.Failure, "a photo that is used is not a problem")
	}
	later := activities.FailInput{TrainPersonaInput: in, Cancelled: true, Code: persona.CodeCancelled, Message: "Cancelled."}
	require.NoError(t, do(b, b.all.Records.FailTraining, later))
	require.Equal(t, persona.CodePhotosRejected, b.version(in).Failure.Code, "the first failure stays")
	plan, err := run(b, b.all.Records.PlanTraining, in)
	require.NoError(t, err)
	require.False(t, plan.Open)
}

func TestACancelledTrainingIsCancelledTwice(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	in := b.judged(5)
	for range 2 {
		require.NoError(t, do(b, b.all.Records.FailTraining, activities.FailInput{
			TrainPersonaInput: in, Cancelled: true, Code: persona.CodeCancelled, Message: "Cancelled.",
		}))
		require.Equal(t, persona.VersionCancelled, b.version(in).Status)
		require.Empty(t, b.version(in).Failure.Photos, "no photo is at fault")
	}
}
