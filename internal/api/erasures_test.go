package api_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
)

func TestErasure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.trained(ada)
	nudges := w.nudged.Load()

	rec := w.serve(ada, http.MethodDelete, "/api/personas/"+id, "", http.NoBody)
	require.Equal(t, http.StatusAccepted, rec.Code, rec.Body.String())
	var answer struct {
		ErasureID string `json:"erasure_id"`
		StatusURL string `json:"status_url"`
	}
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &answer))
	require.Equal(t, "/api/erasures/"+answer.ErasureID, answer.StatusURL)
	require.Equal(t, answer.StatusURL, rec.Header().Get("Location"))
	require.Equal(t, nudges+1, w.nudged.Load(), "the relay was told")

	again := w.serve(ada, http.MethodDelete, "/api/personas/"+id, "", http.NoBody)
	require.Equal(t, http.StatusAccepted, again.Code)
	require.Equal(t, rec.Body.String(), again.Body.String(), "asking twice gives the same erasure")

	w.vars["erasure"] = answer.ErasureID
	inOrder(t, w, []scenario{
		{
			name: "while it runs", user: ada, method: http.MethodGet, path: "/api/erasures/{erasure}", status: 200,
			want: []string{`"status":"running"`, `"steps":[]`, `"persona_id":"` + id + `"`}, wantNot: []string{"certificate"},
		},
		{name: "the status of the persona", user: ada, method: http.MethodGet, path: "/api/personas/{persona}/status", status: 200, want: []string{`"status":"erasing"`, `"estimated_time_remaining":0`}},
		{name: "somebody else's erasure", user: grace, method: http.MethodGet, path: "/api/erasures/{erasure}", status: 404, want: []string{"There is no such erasure."}},
		{name: "no erasure", user: ada, method: http.MethodGet, path: "/api/erasures/" + stranger, status: 404, want: []string{"There is no such erasure."}},
		{name: "no id", user: ada, method: http.MethodGet, path: "/api/erasures/x", status: 404, want: []string{"There is no such erasure."}},
		{name: "no token", method: http.MethodDelete, path: "/api/personas/{persona}", status: 401, want: []string{"unauthorized"}},
	})

	require.NoError(t, w.store.StepDone(t.Context(), answer.ErasureID, "photos", 5))
	require.NoError(t, w.store.CompleteErasure(t.Context(), answer.ErasureID, json.RawMessage(`{"erased":true}`)))
	rec = w.serve(ada, http.MethodGet, answer.StatusURL, "", http.NoBody)
	require.Equal(t, http.StatusOK, rec.Code)
	for _, want := range []string{`"status":"completed"`, `"name":"photos","count":5`, `"certificate":{"erased":`, `"completed_at":"`} {
		require.Contains(t, rec.Body.String(), want)
	}
}

func TestUserErasure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.trained(ada)
	rec := w.serve(ada, http.MethodDelete, "/api/users/me", "", http.NoBody)
	require.Equal(t, http.StatusAccepted, rec.Code, rec.Body.String())
	var answer struct {
		StatusURL string `json:"status_url"`
	}
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &answer))
	rec = w.serve(ada, http.MethodGet, answer.StatusURL, "", http.NoBody)
	require.Equal(t, http.StatusOK, rec.Code)
	require.NotContains(t, rec.Body.String(), "persona_id")

	media, body := goodForm(5).finish()
	rec = w.serve(ada, http.MethodPost, trainPath, media, body)
	require.Equal(t, http.StatusConflict, rec.Code, "nothing slips in behind an erasure")
	require.Contains(t, rec.Body.String(), `"code":"`+string(persona.CodeBeingErased)+`"`)
}
