package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

const stranger = "3f0c1d52-8a3b-4a52-9d7f-0f4f0f3a9f11" // the id of nothing

func TestPersonas(t *testing.T) {
	t.Parallel()
	run(t, []scenario{
		{
			name: "nobody has personas at first", user: ada, method: http.MethodGet, path: "/api/personas",
			status: 200, want: []string{`{"personas":[],"total":0}`}, answers: map[string]string{"Cache-Control": "no-store"},
		},
		{
			name: "own personas", user: ada, method: http.MethodGet, path: "/api/personas",
			setup: func(w *world) { w.trained(ada) }, status: 200,
			want: []string{`"id":"{persona}"`, `"total":1`, `"name":"Ada"`, `"status":"pending"`, `"status_url":"/api/personas/{persona}/status"`},
		},
		{
			name: "other people's personas are not listed", user: grace, method: http.MethodGet, path: "/api/personas",
			setup: func(w *world) { w.trained(ada) }, status: 200, want: []string{`"total":0`}, wantNot: []string{"{persona}"},
		},
		{
			name: "a page beyond the end", user: ada, method: http.MethodGet, path: "/api/personas?limit=1&offset=7",
			setup: func(w *world) { w.trained(ada) }, status: 200, want: []string{`"personas":[]`, `"total":1`},
		},
		{
			name: "one that is ready", user: ada, method: http.MethodGet, path: "/api/personas/{persona}",
			setup: func(w *world) { w.settled() }, status: 200, changes: true,
			want: []string{
				`"status":"ready"`, `"training_metadata":{`, `"training_time_minutes":1.5`, `"quality_score":0.93`,
				`"checks":{"face_consistency":0.85,"quality_score":0.93,"trigger_effectiveness":1}`, `"strength":0.7`,
				`"sweep":[{"strength":0.3`, `"url":"/api/personas/{persona}/versions/1/samples/p0s0"`,
				`"url":"/api/personas/{persona}/photos/{photo}"`, `"model":{"ref":"personas/{persona}/model/1"`,
				`"hints":[{"version":1,"issue":"Face not recognizable"`, "in 50 of 100 pictures at a blend strength of 0.3, and in 85 at 0.7", `"issue":"Inconsistent results"`, `"issue":"Slow generation"`,
			},
			wantNot: []string{"Distorted features", "Wrong person appearing", "p0s0.jpg", "samples/1/p0s0"},
		},
		{
			name: "one whose photos were compared", user: ada, method: http.MethodGet, path: "/api/personas/{persona}",
			setup: func(w *world) {
				w.compared(w.settled(), "Add two photos in daylight.", "Add a photo from the side.", "Add a smile.")
			},
			status: 200, changes: true,
			want: []string{
				`"set":{"photos":5,"accepted":5,"used":4,"tier":"basic","coverage":[{"aspect":"pose","kinds":[{"kind":"front","count":4,"wanted":3}]}],`,
				`"advice":["Add two photos in daylight.","Add a photo from the side.","Add a smile."]`,
				`"because":"Add two photos in daylight. Add a photo from the side."`,
			},
			wantNot: []string{"Trained on"},
		},
		{
			name: "one whose photos lack nothing", user: ada, method: http.MethodGet, path: "/api/personas/{persona}",
			setup: func(w *world) { w.compared(w.settled()) }, status: 200, changes: true,
			want: []string{`"set":{"photos":5,`}, wantNot: []string{"Inconsistent results", `"advice"`},
		},
		{
			name: "one whose photos seem to show two people", user: ada, method: http.MethodGet, path: "/api/personas/{persona}",
			setup: func(w *world) { w.found(w.settled(), persona.PhotoProbablyTwoSet, 1, 2, 4) }, status: 200, changes: true,
			want: []string{
				`"hints":[{"version":1,"issue":"Wrong person appearing","cause":"Photos of two people"`,
				"The smaller group is photos 2, 3 and 5.", `"issue":"Face not recognizable"`,
			},
		},
		{
			name: "one with a photo unlike the others, whose training failed", user: ada, method: http.MethodGet, path: "/api/personas/{persona}",
			setup: func(w *world) { w.found(w.failed(), persona.PhotoUnlikeOthers, 3) }, status: 200,
			want: []string{"The face looks unlike the others in photo 4.", `"because":"Too few of the photos`},
		},
		{
			name: "what refuses a photo before what is only noted", user: ada, method: http.MethodGet, path: "/api/personas/{persona}",
			setup: func(w *world) { w.found(w.trained(ada), persona.PhotoTilted, 0) }, status: 200,
			want: []string{`"findings":[{"code":"blurred","refuses":true,`, `},{"code":"tilted","refuses":false,`},
		},
		{
			name: "one that failed", user: ada, method: http.MethodGet, path: "/api/personas/{persona}",
			setup: func(w *world) { w.failed() }, status: 200,
			want: []string{
				`"status":"failed"`, `"error":{"code":"photos_rejected"`, `"code":"blurred"`, `"because":"Too few of the photos`,
				`"samples":[]`,
			},
		},
		{
			name: "the status while it trains", user: ada, method: http.MethodGet, path: "/api/personas/{persona}/status",
			setup: func(w *world) {
				left, before := 600, 3
				w.progress(w.trained(ada), storage.Progress{
					Stage: persona.StageQueued, Percent: 18, RemainingSeconds: &left, QueuePosition: &before,
				})
			},
			status: 200,
			want:   []string{`{"status":"training","version":1,"stage":"queued","progress":18,"estimated_time_remaining":600,"queue_position":3}`},
		},
		{
			name: "the status before anything is known", user: ada, method: http.MethodGet, path: "/api/personas/{persona}/status",
			setup: func(w *world) { w.trained(ada) }, status: 200,
			want: []string{`{"status":"pending","version":1,"stage":"collecting","progress":0,"estimated_time_remaining":900}`},
		},
		{
			name: "the status when it is ready", user: ada, method: http.MethodGet, path: "/api/personas/{persona}/status",
			setup: func(w *world) { w.settled() }, status: 200, changes: true,
			want: []string{`{"status":"ready","version":1,"stage":"done","progress":100,"estimated_time_remaining":0}`},
		},
		{
			name: "the status when it failed", user: ada, method: http.MethodGet, path: "/api/personas/{persona}/status",
			setup: func(w *world) { w.failed() }, status: 200,
			want: []string{
				`"status":"failed"`, `"estimated_time_remaining":0,"error":{"code":"photos_rejected","message":"Too few good photos."`,
				`"photos":[{"index":2,`, `"code":"blurred"`, `"advice":["Add two photos in daylight."]`,
			},
		},
	})
	w := newWorld(t)
	inOrder(t, w, []scenario{
		{name: "a limit of nothing", user: ada, method: http.MethodGet, path: "/api/personas?limit=0", status: 400, want: []string{`"code":"malformed_request"`, `"fields":["limit"]`}},
		{name: "a limit too high", user: ada, method: http.MethodGet, path: "/api/personas?limit=101", status: 400, want: []string{`"fields":["limit"]`}},
		{name: "an offset that is no number", user: ada, method: http.MethodGet, path: "/api/personas?offset=secret", status: 400, want: []string{`"fields":["offset"]`}, wantNot: []string{"secret"}},
		{name: "no token", method: http.MethodGet, path: "/api/personas", status: 401, want: []string{`"code":"unauthorized"`}},
	})
}

// Whatever is asked about a persona that is not one's own gets the very same answer as about one that does not exist.
func TestStrangersPersonasDoNotExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.settled()
	requests := []struct{ method, path string }{
		{http.MethodGet, "/api/personas/%s"},
		{http.MethodGet, "/api/personas/%s/status"},
		{http.MethodGet, "/api/personas/%s/photos/" + w.vars["photo"]},
		{http.MethodGet, "/api/personas/%s/versions/1/samples/p0s0"},
		{http.MethodPost, "/api/personas/%s/cancel"},
		{http.MethodDelete, "/api/personas/%s"},
	}
	before := w.inventory()
	for _, r := range requests {
		theirs := w.serve(grace, r.method, fmt.Sprintf(r.path, w.vars["persona"]), "", http.NoBody)
		require.Equal(t, http.StatusNotFound, theirs.Code, r.path)
		for _, id := range []string{stranger, "not-an-id", "%27%20OR%201=1", "3F0C1D52-8A3B-4A52-9D7F-0F4F0F3A9F11"} {
			nothing := w.serve(grace, r.method, fmt.Sprintf(r.path, id), "", http.NoBody)
			require.Equal(t, http.StatusNotFound, nothing.Code, r.path+id)
			require.Equal(t, theirs.Body.String(), nothing.Body.String(), r.path+id)
			theirs.Header().Del("X-Request-Id")
			nothing.Header().Del("X-Request-Id")
			require.Equal(t, theirs.Header(), nothing.Header(), r.path+id)
		}
	}
	require.Equal(t, before, w.inventory())
}

func TestListPagesThroughAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := map[string]bool{}
	for range 3 {
		made[w.trained(ada)] = true
	}
	for offset := range 3 {
		rec := w.serve(ada, http.MethodGet, fmt.Sprintf("/api/personas?limit=1&offset=%d", offset), "", http.NoBody)
		var page struct {
			Personas []struct{ ID string }
			Total    int
		}
		require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &page))
		require.Equal(t, 3, page.Total)
		require.Len(t, page.Personas, 1)
		require.True(t, made[page.Personas[0].ID])
		delete(made, page.Personas[0].ID)
	}
	require.Empty(t, made)
}

// found notes the same about some photos; the first of all photos is blurred besides.
func (w *world) found(id string, code persona.PhotoCode, indexes ...int) {
	w.t.Helper()
	photos, err := w.store.Photos(w.t.Context(), userID(ada), id)
	require.NoError(w.t, err)
	for _, i := range indexes {
		p := photos[i]
		p.Report = &persona.PhotoReport{Photo: p.ID, Index: i, Findings: []persona.Finding{persona.NewFinding(code, false, "by 30 degrees")}}
		if i == 0 {
			p.Report.Findings = append(p.Report.Findings, persona.NewFinding(persona.PhotoBlurred, true, ""))
		}
		require.NoError(w.t, w.store.SavePhoto(w.t.Context(), userID(ada), id, p))
	}
}

// compared notes that the photos of a persona were compared, and what that told.
func (w *world) compared(id string, advice ...string) {
	w.t.Helper()
	require.NoError(w.t, w.store.SaveChoices(w.t.Context(), userID(ada), id, 1, nil, &persona.SetReport{
		Photos: 5, Accepted: 5, Used: 4, Tier: persona.TierBasic, Advice: advice,
		Coverage: []persona.Coverage{{Aspect: persona.AspectPose, Kinds: []persona.CoverageKind{{Kind: persona.ShotFront, Count: 4, Wanted: 3}}}},
	}))
}

// failed makes a persona whose photos were rejected, and returns its id.
func (w *world) failed() string {
	w.t.Helper()
	id := w.trained(ada)
	require.NoError(w.t, w.store.FailVersion(w.t.Context(), userID(ada), id, 1, persona.VersionFailed, storage.Failure{
		Code: persona.CodePhotosRejected, Message: "Too few good photos.", Advice: []string{"Add two photos in daylight."},
		Photos: []persona.PhotoProblem{{Index: 2, Findings: []persona.Finding{persona.NewFinding(persona.PhotoBlurred, true, "")}}},
	}))
	return id
}

func (w *world) progress(id string, p storage.Progress) {
	w.t.Helper()
	require.NoError(w.t, w.store.SetProgress(w.t.Context(), userID(ada), id, 1, p))
}

// second adds a version to a persona that is ready, in the state given, and notes what it used.
func (w *world) second(id string, status persona.VersionStatus, failure string) {
	w.t.Helper()
	_, err := w.bed.Owner.Exec(w.t.Context(), `
UPDATE persona_versions SET photos_used = 12 WHERE persona_id = $1`, id)
	require.NoError(w.t, err)
	_, err = w.bed.Owner.Exec(w.t.Context(), `
INSERT INTO persona_versions (persona_id, user_id, number, tier, config, status, stage, progress, photos_used, training_seconds, failure)
SELECT persona_id, user_id, 2, 'premium', config, $2, 'training', 40, 7, 600, NULLIF($3, '')::jsonb
FROM persona_versions WHERE persona_id = $1`, id, string(status), failure)
	require.NoError(w.t, err)
}

// Each field says which version it is about, and shows that one, while a newer version is trained or has failed.
func TestViewsOfTwoVersions(t *testing.T) {
	t.Parallel()
	rejected := `{"code":"photos_rejected","message":"Too few good photos."}`
	active := []string{
		`"version":1,"newest_version":2,"status":"ready","training_metadata":{"photos_used":12,"training_time_minutes":1.5,"quality_score":0.93}`,
		`"model_ref":"personas/{persona}/model/1"`,
	}
	newest := []string{`"photos_used":7`, `"training_time_minutes":10`}
	for name, c := range map[string]struct {
		status  persona.VersionStatus
		failure string
		one     []string
		state   string
	}{
		"training": {
			status: persona.VersionTraining, one: []string{`"hints":[{"version":1,"issue":"Face not recognizable"`},
			state: `{"status":"ready","version":2,"stage":"training","progress":40,"estimated_time_remaining":1260}`,
		},
		"failed": {
			status: persona.VersionFailed, failure: rejected,
			one: []string{
				`"hints":[{"version":2,"issue":"Inconsistent results"`, `{"version":1,"issue":"Face not recognizable"`,
				`{"version":2,"status":"failed"`,
			},
			state: `{"status":"ready","version":2,"stage":"training","progress":40,"estimated_time_remaining":0,"error":{"code":"photos_rejected"`,
		},
		"cancelled": {
			status: persona.VersionCancelled, failure: `{"code":"cancelled","message":"It was cancelled."}`,
			one:   []string{`"hints":[{"version":1,"issue":"Face not recognizable"`},
			state: `{"status":"ready","version":2,"stage":"training","progress":40,"estimated_time_remaining":0,"error":{"code":"cancelled"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.second(w.settled(), c.status, c.failure)
			get := scenario{user: ada, method: http.MethodGet, status: http.StatusOK, changes: true}
			list, one, state := get, get, get
			list.name, list.path, list.want, list.wantNot = "list", "/api/personas", active, newest
			one.name, one.path, one.want, one.wantNot = "one", "/api/personas/{persona}", append(c.one, active...), newest[1:]
			state.name, state.path, state.want = "status", "/api/personas/{persona}/status", []string{c.state}
			inOrder(t, w, []scenario{list, one, state})
		})
	}
}
