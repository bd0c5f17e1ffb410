package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/api"
	"github.com/inflio/persona/internal/sitter"
)

// token is a bearer token for a subject.
func token(t testing.TB, subject string) string {
	t.Helper()
	signed, err := api.SignToken("dev-secret", api.AuthOptions{}, subject, time.Hour)
	require.NoError(t, err)
	return signed
}

// sets caches drawn photos: drawing a set takes seconds, and the tests share their people.
var sets struct {
	sync.Mutex
	of map[string][][]byte
}

// photosOf draws n photos of one person.
func photosOf(t testing.TB, identity uint64, n int) [][]byte {
	t.Helper()
	return draw(identity, n, 1024)
}

// smallPhotos are the settings of a system that takes smallPortraits: its trainings cost a tenth of the time. For tests
// in which the pictures do not matter.
var smallPhotos = []string{
	"PERSONA_PHOTO_MIN_BYTES=10000", "PERSONA_PHOTO_MIN_SIDE=256", "PERSONA_PHOTO_CROP_SIDE=512", "PERSONA_PHOTO_AUGMENTED=0",
}

func smallPortraits() [][]byte { return draw(4, 5, 512) }

func draw(identity uint64, n, side int) [][]byte {
	sets.Lock()
	defer sets.Unlock()
	key := fmt.Sprint(identity, "/", n, "/", side)
	if sets.of == nil {
		sets.of = map[string][][]byte{}
	}
	if sets.of[key] == nil {
		for _, p := range sitter.New(identity).Set(n, side) {
			sets.of[key] = append(sets.of[key], sitter.EncodePhoto(p))
		}
	}
	return sets.of[key]
}

const fullConsent = `{"agreed_to_terms":true,"consent_items":{"facial_recognition":true,"ai_training":true,"likeness_usage":true,"data_retention":true}}`

type trainAnswer struct {
	ID          string `json:"id"`
	TriggerWord string `json:"trigger_word"`
	Version     int    `json:"version"`
	Status      string `json:"status"`
	StatusURL   string `json:"status_url"`
}

// train uploads photos and returns the answer of the API.
func (s *system) train(t testing.TB, token, name string, photos [][]byte) trainAnswer {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(t, form.WriteField("name", name))
	require.NoError(t, form.WriteField("consent", fullConsent))
	for i, p := range photos {
		part, err := form.CreateFormFile("photos", fmt.Sprintf("%02d.jpg", i))
		require.NoError(t, err)
		_, err = part.Write(p)
		require.NoError(t, err)
	}
	require.NoError(t, form.Close())
	status, answer := s.try(t, http.MethodPost, token, "/api/personas/train", form.FormDataContentType(), &body)
	require.Equal(t, http.StatusAccepted, status, "%s", answer)
	var out trainAnswer
	require.NoError(t, json.Unmarshal(answer, &out))
	return out
}

type statusAnswer struct {
	Status   string `json:"status"`
	Stage    string `json:"stage"`
	Progress int    `json:"progress"`
	Error    *struct {
		Code    string            `json:"code"`
		Message string            `json:"message"`
		Photos  []json.RawMessage `json:"photos"`
	} `json:"error"`
}

// follow polls the status until done returns true, and requires that the progress never falls. A system that does not
// answer, because it is being restarted, is asked again.
func (s *system) follow(t testing.TB, token, id string, done func(statusAnswer) bool) statusAnswer {
	t.Helper()
	var now statusAnswer
	highest, stage, began := 0, "", time.Now()
	require.Eventually(t, func() bool {
		code, body := s.try(t, http.MethodGet, token, "/api/personas/"+id+"/status", "", nil)
		if code != http.StatusOK {
			return false
		}
		now = statusAnswer{}
		if json.Unmarshal(body, &now) != nil {
			return false
		}
		if now.Progress < highest {
			t.Errorf("progress fell from %d to %d", highest, now.Progress)
		}
		highest = now.Progress
		if now.Stage != stage {
			stage = now.Stage
			t.Logf("%6.1f s: %s", time.Since(began).Seconds(), stage)
		}
		return done(now)
	}, 5*time.Minute, 30*time.Millisecond, "the last status was %+v", &now)
	return now
}

func ended(s statusAnswer) bool { return s.Status == "ready" || s.Status == "failed" }

// ready follows a persona until it is ready.
func (s *system) ready(t testing.TB, token, id string) {
	t.Helper()
	now := s.follow(t, token, id, ended)
	require.Equal(t, "ready", now.Status, "%+v", now.Error)
	require.Equal(t, 100, now.Progress)
}

type localJob struct {
	ID       string `json:"id"`
	Endpoint string `json:"endpoint"`
	State    string `json:"state"`
}

// trainings returns all training jobs of the trainer, the oldest first.
func (s *system) trainings(t testing.TB) []localJob {
	t.Helper()
	return s.jobsAt(t, "fal-ai/flux-lora-fast-training")
}

// pictures returns all requests for pictures that the trainer got, the oldest first.
func (s *system) pictures(t testing.TB) []localJob {
	t.Helper()
	return s.jobsAt(t, "fal-ai/flux-lora")
}

func (s *system) jobsAt(t testing.TB, endpoint string) (jobs []localJob) {
	t.Helper()
	var answer struct {
		Jobs []localJob `json:"jobs"`
	}
	s.trainerCall(t, http.MethodGet, "/_local/jobs", nil, &answer)
	for _, j := range answer.Jobs {
		if j.Endpoint == endpoint {
			jobs = append(jobs, j)
		}
	}
	return jobs
}
