package storage_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/storagetest"
)

// The order of stages comes from persona.Progress, so no two stages may have the same progress.
func TestStagesAreInOrder(t *testing.T) {
	t.Parallel()
	stages := []persona.Stage{
		persona.StageCollecting, persona.StagePreprocessing, persona.StageUploading, persona.StageQueued, persona.StageTraining,
		persona.StageValidating, persona.StageDeploying, persona.StageDone,
	}
	require.Len(t, constants(t, "Stage"), len(stages))
	for i, a := range stages {
		for j, b := range stages {
			require.Equal(t, i < j, storage.Before(a, b), "%s before %s", a, b)
		}
	}
}

func TestProgressNeverFalls(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	p := create(t, s, uuid.NewString())
	for _, step := range []struct {
		set     storage.Progress
		stage   persona.Stage
		percent int
		status  persona.Status
	}{
		{storage.Progress{Stage: persona.StageCollecting, Percent: 3}, persona.StageCollecting, 3, persona.StatusPending},
		{storage.Progress{Stage: persona.StagePreprocessing, Percent: 9}, persona.StagePreprocessing, 9, persona.StatusTraining},
		{storage.Progress{Stage: persona.StagePreprocessing, Percent: 7}, persona.StagePreprocessing, 9, persona.StatusTraining},
		{storage.Progress{Stage: persona.StageTraining, Percent: -5}, persona.StageTraining, 9, persona.StatusTraining},
		{storage.Progress{Stage: persona.StageQueued, Percent: 50}, persona.StageTraining, 9, persona.StatusTraining},
		{storage.Progress{Stage: persona.StageValidating, Percent: 85}, persona.StageValidating, 85, persona.StatusValidating},
		{storage.Progress{Stage: persona.StageDone, Percent: 400}, persona.StageDone, 100, persona.StatusValidating},
	} {
		require.NoError(t, s.SetProgress(t.Context(), p.UserID, p.ID, 1, step.set))
		got, err := s.Persona(t.Context(), p.UserID, p.ID)
		require.NoError(t, err)
		require.Equal(t, step.stage, got.Latest.Stage, "%v", step.set)
		require.Equal(t, step.percent, got.Latest.Progress, "%v", step.set)
		require.Equal(t, step.status, got.Status, "%v", step.set)
	}
}

func TestEstimatesComeAndGo(t *testing.T) {
	t.Parallel()
	s := storagetest.New(t)
	p := create(t, s, uuid.NewString())
	set := func(progress storage.Progress) storage.Version {
		require.NoError(t, s.SetProgress(t.Context(), p.UserID, p.ID, 1, progress))
		v, err := s.Version(t.Context(), p.UserID, p.ID, 1)
		require.NoError(t, err)
		return v
	}
	v := set(storage.Progress{Stage: persona.StageQueued, RemainingSeconds: new(900), QueuePosition: new(2)})
	require.Equal(t, 900, *v.RemainingSeconds)
	require.Equal(t, 2, *v.QueuePosition)
	require.NotNil(t, v.StartedAt)
	v = set(storage.Progress{Stage: persona.StageCollecting, RemainingSeconds: new(1)})
	require.Equal(t, 900, *v.RemainingSeconds, "old news")
	v = set(storage.Progress{Stage: persona.StageTraining, RemainingSeconds: new(800)})
	require.Nil(t, v.QueuePosition)
}

func TestAFirstVersionThatFailsFailsThePersona(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s := b.Store
	p := create(t, s, uuid.NewString())
	failure := storage.Failure{
		Code: persona.CodePhotosRejected, Message: "Too few.", Advice: []string{"Add five photos."},
		Photos: []persona.PhotoProblem{{Index: 1, Findings: []persona.Finding{persona.NewFinding(persona.PhotoBlurred, true, "")}}},
	}
	require.ErrorIs(t, s.FailVersion(t.Context(), p.UserID, p.ID, 1, persona.VersionActive, failure), storage.ErrConflict)
	for range 2 {
		require.NoError(t, s.FailVersion(t.Context(), p.UserID, p.ID, 1, persona.VersionFailed, failure))
	}
	require.NoError(t, s.FailVersion(t.Context(), p.UserID, p.ID, 1, persona.VersionCancelled, storage.Failure{}), "it had ended")
	got, err := s.Persona(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	require.Equal(t, persona.StatusFailed, got.Status)
	require.Equal(t, persona.VersionFailed, got.Latest.Status)
	require.Equal(t, failure, *got.Latest.Failure)
	require.NotNil(t, got.Latest.CompletedAt)
	require.NoError(t, s.SetProgress(t.Context(), p.UserID, p.ID, 1, storage.Progress{Stage: persona.StageDeploying, Percent: 99}))
	again, err := s.Persona(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	require.Equal(t, got, again, "what has ended does not move")

	// A next version brings it back.
	addVersion(t, b.Owner, p, 2)
	require.NoError(t, s.SetProgress(t.Context(), p.UserID, p.ID, 2, storage.Progress{Stage: persona.StageTraining, Percent: 30}))
	got, err = s.Persona(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	require.Equal(t, persona.StatusTraining, got.Status)
	require.Equal(t, 2, got.Latest.Number)
}

func TestActivate(t *testing.T) {
	t.Parallel()
	b := storagetest.NewBed(t)
	s := b.Store
	p := create(t, s, uuid.NewString())
	checks := persona.CheckScores{FaceConsistency: 0.9, QualityScore: 0.85, TriggerEffectiveness: 1}
	samples := []storage.Sample{{Key: "0-1", Path: "personas/" + p.ID + "/samples/0-1", Seed: 1 << 60, Score: 80, WithTrigger: true}}
	sweep := []persona.StrengthScore{{Strength: 0.3, Closeness: 0.5}, {Strength: 0.6, Closeness: 0.9}}
	for range 2 {
		require.NoError(t, s.SaveSamples(t.Context(), p.UserID, p.ID, 1, samples, sweep, &checks, new(0.6)))
	}
	for range 2 {
		activate(t, s, p, 1)
	}
	got, err := s.Persona(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	require.Equal(t, persona.StatusReady, got.Status)
	require.True(t, got.Active)
	require.Equal(t, 1, got.Version)
	require.Equal(t, model(p).Ref, got.ModelRef)
	require.InDelta(t, 0.85, *got.QualityScore, 1e-12)
	require.NotNil(t, got.TrainingCompletedAt)
	v := got.Latest
	require.Equal(t, persona.VersionActive, v.Status)
	require.Equal(t, persona.StageDone, v.Stage)
	require.Equal(t, 100, v.Progress)
	require.Equal(t, checks, *v.Checks)
	require.Equal(t, samples, v.Samples)
	require.Equal(t, sweep, v.Sweep)
	require.InDelta(t, 0.6, *v.Strength, 1e-12)
	require.Equal(t, "ab", v.ModelSHA256)
	require.EqualValues(t, 7, v.ModelBytes)
	require.Equal(t, 9, *v.TrainingSeconds)
	require.ErrorIs(t, s.FailVersion(t.Context(), p.UserID, p.ID, 1, persona.VersionFailed, storage.Failure{}), storage.ErrConflict)

	// While the next one trains, and when it fails, the persona stays ready.
	addVersion(t, b.Owner, p, 2)
	require.NoError(t, s.SetProgress(t.Context(), p.UserID, p.ID, 2, storage.Progress{Stage: persona.StageTraining, Percent: 30}))
	require.NoError(t, s.FailVersion(t.Context(), p.UserID, p.ID, 2, persona.VersionFailed, storage.Failure{Code: persona.CodeDeadline}))
	require.ErrorIs(t, s.Activate(t.Context(), p.UserID, p.ID, 2, model(p)), storage.ErrConflict)
	got, err = s.Persona(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	require.Equal(t, persona.StatusReady, got.Status)
	require.Equal(t, 1, got.Version)
	require.Equal(t, 2, got.Latest.Number)

	// The next takes over, and the old one can come back.
	addVersion(t, b.Owner, p, 3)
	activate(t, s, p, 3)
	versions, err := s.Versions(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	require.Equal(t, persona.VersionSuperseded, versions[0].Status)
	require.Equal(t, persona.VersionActive, versions[2].Status)
	activate(t, s, p, 1)
	got, err = s.Persona(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	require.Equal(t, 1, got.Version)
	require.InDelta(t, 0.85, *got.QualityScore, 1e-12)

	_, err = s.RequestErasure(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	requireErasing(t, s.Activate(t.Context(), p.UserID, p.ID, 3, model(p)))
	addVersion(t, b.Owner, p, 4)
	require.NoError(t, s.SetProgress(t.Context(), p.UserID, p.ID, 4, storage.Progress{Stage: persona.StageTraining}))
	require.NoError(t, s.FailVersion(t.Context(), p.UserID, p.ID, 4, persona.VersionCancelled, storage.Failure{Code: persona.CodeCancelled}))
	got, err = s.Persona(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	require.Equal(t, persona.StatusErasing, got.Status)
}
