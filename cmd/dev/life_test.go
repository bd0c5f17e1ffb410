package main

import (
	"bytes"
	"encoding/json"
	"image/jpeg"
	"io/fs"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/sitter"
)

type personaAnswer struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Status   string `json:"status"`
	Versions []struct {
		Version int    `json:"version"`
		Status  string `json:"status"`
		Checks  *struct {
			FaceConsistency      float64 `json:"face_consistency"`
			QualityScore         float64 `json:"quality_score"`
			TriggerEffectiveness float64 `json:"trigger_effectiveness"`
		} `json:"checks"`
		Samples []struct {
			URL string `json:"url"`
		} `json:"samples"`
	} `json:"versions"`
	Photos []struct {
		Accepted bool `json:"accepted"`
	} `json:"photos"`
}

type erasureAnswer struct {
	ErasureID   string          `json:"erasure_id"`
	Status      string          `json:"status"`
	Certificate json.RawMessage `json:"certificate"`
}

// From photos to a ready persona to its erasure, after which nothing is left. The other tests of the shared system run at
// the same time.
func TestLife(t *testing.T) {
	t.Parallel()
	s := shared(t)
	jane := token(t, "jane@example.org")
	answer := s.train(t, jane, "Jäne Döe", photosOf(t, 4, 6))
	require.Regexp(t, `^janedoe[a-z]{6}$`, answer.TriggerWord)
	require.Equal(t, "pending", answer.Status)
	s.ready(t, jane, answer.ID)

	detail := want[personaAnswer](t, s, http.StatusOK, http.MethodGet, jane, "/api/personas/"+answer.ID)
	require.Equal(t, "Jäne Döe", detail.Name)
	require.Len(t, detail.Versions, 1)
	checks := detail.Versions[0].Checks
	require.NotNil(t, checks)
	require.Greater(t, checks.FaceConsistency, 0.8)
	require.Greater(t, checks.QualityScore, 0.8)
	require.Greater(t, checks.TriggerEffectiveness, 0.8)
	require.Len(t, detail.Photos, 6)
	require.NotEmpty(t, detail.Versions[0].Samples)

	status, sample := s.try(t, http.MethodGet, jane, pathOf(t, detail.Versions[0].Samples[0].URL), "", nil)
	require.Equal(t, http.StatusOK, status)
	picture, err := jpeg.Decode(bytes.NewReader(sample))
	require.NoError(t, err)
	require.Len(t, photo.FindFaces(picture), 1)

	other := token(t, "john@example.org")
	for _, path := range []string{"", "/status"} {
		require.Equal(t, http.StatusNotFound, s.get(t, other, "/api/personas/"+answer.ID+path), "somebody else's does not exist")
	}
	s.requireNotInTemporal(t, []string{
		"jane@example", "Jäne", "janedoe", "127.0.0.1", "http://", "headshot", "JFIF", // subject, name, trigger, address, prompt, pixels
	})
	s.recordTraining(t, "ready", answer.ID)
	s.recordHistory(t, contract.CleanJobWorkflow, "cleaned", contract.CleanJobID(s.jobOf(t, answer.ID)))
	gone := s.erase(t, jane, answer.ID)
	s.recordHistory(t, contract.ErasePersonaWorkflow, "certified", contract.ErasePersonaID(gone.ErasureID))
	s.requireNoTrace(t, answer.ID)
	require.Equal(t, http.StatusNotFound, s.get(t, jane, "/api/personas/"+answer.ID))
}

// jobOf returns the id of the only training job of a persona.
func (s *system) jobOf(t *testing.T, personaID string) (id string) {
	t.Helper()
	db := s.database(t)
	defer func() { _ = db.Close(t.Context()) }()
	require.NoError(t, db.QueryRow(t.Context(), `SELECT id::text FROM persona_training_jobs WHERE persona_id = $1`, personaID).Scan(&id))
	return id
}

// erase deletes a persona and waits for its certificate.
func (s *system) erase(t testing.TB, token, id string) erasureAnswer {
	t.Helper()
	asked := want[erasureAnswer](t, s, http.StatusAccepted, http.MethodDelete, token, "/api/personas/"+id)
	return s.erased(t, token, asked.ErasureID)
}

func (s *system) erased(t testing.TB, token, erasureID string) erasureAnswer {
	t.Helper()
	var now erasureAnswer
	require.Eventually(t, func() bool {
		status, body := s.try(t, http.MethodGet, token, "/api/erasures/"+erasureID, "", nil)
		return status == http.StatusOK && json.Unmarshal(body, &now) == nil && now.Status == "completed"
	}, 2*time.Minute, 50*time.Millisecond, "the erasure does not end: %+v", &now)
	require.NotEmpty(t, now.Certificate)
	return now
}

func TestErasureInTheMiddleOfATraining(t *testing.T) {
	t.Parallel()
	s := shared(t)
	user := token(t, "erased in the middle")
	answer := s.train(t, user, "Middle", photosOf(t, 2, 5))
	s.follow(t, user, answer.ID, func(now statusAnswer) bool { return now.Stage == "training" })
	s.erase(t, user, answer.ID)
	s.requireNoTrace(t, answer.ID)
}

// A persona is erased while its test pictures are being drawn. On a system of its own, so that afterwards the provider
// must not have any file.
func TestErasureLeavesNothingAtTheProvider(t *testing.T) {
	t.Parallel()
	s := ownSystem(t, 0)
	user := token(t, "erased while validating")
	answer := s.train(t, user, "Late", photosOf(t, 2, 5))
	s.follow(t, user, answer.ID, func(now statusAnswer) bool { return now.Stage == "validating" })
	files := filepath.Join(s.dir, "localtrainer", "files")
	require.Eventually(t, func() bool { return countFiles(t, files) > 2 }, time.Minute, 20*time.Millisecond, "pictures are drawn")
	s.erase(t, user, answer.ID)
	s.requireNoTrace(t, answer.ID)
	require.Zero(t, countFiles(t, files))
}

func countFiles(t *testing.T, root string) (n int) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(root, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			n++
		}
		return nil // a file that is deleted meanwhile is not counted
	}))
	return n
}

func TestErasureOfAUser(t *testing.T) {
	t.Parallel()
	s := shared(t)
	user := token(t, "a user who leaves")
	first := s.train(t, user, "One", photosOf(t, 4, 6))
	second := s.train(t, user, "One", photosOf(t, 2, 5))
	require.NotEqual(t, first.TriggerWord, second.TriggerWord, "each persona has its own trigger word")
	s.follow(t, user, first.ID, func(now statusAnswer) bool { return now.Progress > 5 })
	asked := want[erasureAnswer](t, s, http.StatusAccepted, http.MethodDelete, user, "/api/users/me")
	s.erased(t, user, asked.ErasureID)
	s.recordHistory(t, contract.EraseUserWorkflow, "two_personas", contract.EraseUserID(asked.ErasureID))
	s.requireNoTrace(t, first.ID)
	s.requireNoTrace(t, second.ID)
}

func TestAPoorSetFailsWithReasons(t *testing.T) {
	t.Parallel()
	s := shared(t)
	user := token(t, "poor photos")
	photos := photosOf(t, 4, 6)[:4:4]
	pose := sitter.DefaultPose()
	pose.Blur = 0.03
	blurred := sitter.New(4).Draw(1024, 1024, pose)
	answer := s.train(t, user, "Poor", append(photos, sitter.EncodePhoto(blurred)))
	now := s.follow(t, user, answer.ID, ended)
	require.Equal(t, "failed", now.Status)
	require.Equal(t, "photos_rejected", now.Error.Code)
	require.Len(t, now.Error.Photos, 1)
	require.Contains(t, string(now.Error.Photos[0]), "blurred")
	require.Contains(t, string(now.Error.Photos[0]), "sharp photo", "and what to do")
	s.recordTraining(t, "photos_rejected", answer.ID)
}

func TestTwoPeopleInOneSetFailValidation(t *testing.T) {
	t.Parallel()
	s := shared(t)
	user := token(t, "two people")
	mixed := append(photosOf(t, 2, 5)[:4:4], photosOf(t, 9, 5)[:4]...)
	answer := s.train(t, user, "Mixed", mixed)
	now := s.follow(t, user, answer.ID, ended)
	require.Equal(t, "failed", now.Status)
	require.Equal(t, "validation_failed", now.Error.Code)
	s.recordTraining(t, "validation_failed", answer.ID)
}
