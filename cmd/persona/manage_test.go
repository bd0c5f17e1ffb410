package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListPrintsATable(t *testing.T) {
	t.Parallel()
	first := `{"id":"` + someID + `","name":"Ada","status":"ready","version":2,"trigger_word":"adaqwerty","training_metadata":{"quality_score":0.931},"created_at":"2026-03-01T10:20:30Z"}`
	second := `{"id":"` + otherID + `","name":"Ἄδα","status":"training","version":1,"trigger_word":"personazxcvbn","training_metadata":{},"created_at":"2026-03-02T10:20:30Z"}`
	api := newFakeAPI(t, map[string][]answer{
		"GET /api/personas?limit=100&offset=0": {status(`{"personas":[` + first + `],"total":2}`)},
		"GET /api/personas?limit=100&offset=1": {status(`{"personas":[` + second + `],"total":2}`)},
	})
	code, out, said := api.persona(t, "list")
	require.Equal(t, exitOK, code, said)
	require.Equal(t, ""+
		"ID                                    NAME  STATUS    VERSION  TRIGGER WORD   QUALITY  CREATED\n"+
		"3f0c1d52-8a3b-4a52-9d7f-0f4f0f3a9f11  Ada   ready     2        adaqwerty      0.93     2026-03-01 10:20\n"+
		"5b1e2c60-1d2e-4c3f-8a9b-0c1d2e3f4a5b  Ἄδα   training  1        personazxcvbn  -        2026-03-02 10:20\n", out)

	code, out, _ = api.persona(t, "list", "-json")
	require.Equal(t, exitOK, code)
	require.JSONEq(t, "["+first+","+second+"]", out)
}

func TestListOfNothing(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, map[string][]answer{"GET /api/personas?limit=100&offset=0": {status(`{"personas":[],"total":0}`)}})
	code, out, _ := api.persona(t, "list")
	require.Equal(t, exitOK, code)
	require.Equal(t, "There are no personas yet. Make one with: persona train DIR --name NAME\n", out)
	_, out, _ = api.persona(t, "list", "--json")
	require.Equal(t, "[]\n", out)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	call := "POST /api/personas/" + someID + "/cancel"
	for name, c := range map[string]struct {
		answer answer
		code   int
		out    string
		said   string
	}{
		"in time":   {status(`{"cancelled":true,"may_be_billed":false}`), exitOK, "The training was cancelled. Nothing will be billed.\n", ""},
		"bought":    {status(`{"cancelled":true,"may_be_billed":true}`), exitOK, "The training was cancelled. The provider may still bill it.\n", ""},
		"too late":  {status(`{"cancelled":false,"may_be_billed":true}`), exitFailed, "", "Too late: the training had already ended.\n"},
		"no such":   {answer{404, `{"detail":"There is no such persona."}`}, exitFailed, "", "persona: There is no such persona.\n"},
		"not there": {answer{409, `{"detail":"No training is running."}`}, exitFailed, "", "persona: No training is running.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, said := newFakeAPI(t, map[string][]answer{call: {c.answer}}).persona(t, "cancel", someID)
			require.Equal(t, c.code, code)
			require.Equal(t, c.out, out)
			require.Equal(t, c.said, said)
		})
	}
}

func TestDeleteWaitsForTheCertificate(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, map[string][]answer{
		"DELETE /api/personas/" + someID: {{http.StatusAccepted, `{"erasure_id":"` + otherID + `"}`}},
		"GET /api/erasures/" + otherID: {
			status(`{"status":"running","steps":[]}`),
			{http.StatusServiceUnavailable, `{"detail":"Not now."}`},
			status(`{"status":"completed","certificate":{"rows":12}}`),
		},
	})
	code, out, said := api.persona(t, "delete", someID, "--every", "1ms")
	require.Equal(t, exitOK, code, said)
	require.Equal(t, "{\n  \"rows\": 12\n}\n", out)
	require.Equal(t, "Erasing …\nErased. The certificate:\n", said)

	code, out, said = api.persona(t, "delete", "-no-wait", someID)
	require.Equal(t, exitOK, code, said)
	require.Equal(t, otherID+"\n", out)
}
