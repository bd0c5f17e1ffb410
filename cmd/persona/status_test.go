package main

import (
	"bytes"
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatusPrintsLinesWhereThereIsNoScreen(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, map[string][]answer{statusCall: {
		status(`{"status":"pending","stage":"collecting","progress":0,"estimated_time_remaining":900}`),
		status(`{"status":"training","stage":"queued","progress":18,"estimated_time_remaining":300,"queue_position":2}`),
		{http.StatusServiceUnavailable, `{"status":503,"code":"unavailable","detail":"Not now."}`},
		{http.StatusBadGateway, "<html>"},
		status(`{"status":"training","stage":"training","progress":21,"estimated_time_remaining":42}`),
		status(`{"status":"training","stage":"training","progress":22,"estimated_time_remaining":41}`),
		status(`{"status":"ready","stage":"done","progress":100,"estimated_time_remaining":0}`),
	}})
	code, out, said := api.persona(t, "status", someID, "--every", "1ms")
	require.Equal(t, exitOK, code, said)
	require.Equal(t, "  0 %  collecting the photos, about 15 minutes left\n"+
		" 18 %  waiting for the trainer, 2 before it, about 5 minutes left\n"+
		"The server does not answer; trying again …\n"+
		" 21 %  training, about 45 seconds left\n"+
		"100 %  done\n"+
		"Persona "+someID+" is ready.\n", out)
}

func TestStatusDrawsABarOnAScreen(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, map[string][]answer{statusCall: {
		status(`{"status":"training","stage":"training","progress":50,"estimated_time_remaining":120}`),
		status(`{"status":"ready","stage":"done","progress":100,"estimated_time_remaining":0}`),
	}})
	code, out, _ := api.personaOn(t, true, "status", someID, "--every", "1ms")
	require.Equal(t, exitOK, code)
	require.Equal(t, "\r\x1b[K████████████████░░░░░░░░░░░░░░░░  50 %  training, about 2 minutes left"+
		"\r\x1b[K████████████████████████████████ 100 %  done\n"+
		"Persona "+someID+" is ready.\n", out)
}

func TestStatusTellsWhyATrainingFailed(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, map[string][]answer{statusCall: {status(`{"status":"failed","stage":"preprocessing","progress":15,
		"estimated_time_remaining":0,"error":{"code":"photos_rejected","message":"Only 3 photos are good enough; 5 are needed.",
		"photos":[{"index":2,"findings":[{"refuses":false,"why":"The head is tilted a lot.","do":"Hold the camera level."},
		{"refuses":true,"why":"The face is blurred or out of focus.","do":"Use a sharp photo."}]}],"advice":["Add two photos in daylight.","Add a photo from the side."]}}`)}})
	code, out, said := api.persona(t, "status", someID)
	require.Equal(t, exitFailed, code)
	require.Equal(t, " 15 %  failed\n", out)
	require.Equal(t, "The training failed: Only 3 photos are good enough; 5 are needed.\n"+
		"  photo 3: The face is blurred or out of focus. Use a sharp photo.\n  photo 3: note: The head is tilted a lot. Hold the camera level.\n"+
		"What helps:\n  Add two photos in daylight.\n  Add a photo from the side.\n", said)
}

// details is a persona that is ready, with something found about its photos.
const details = `{"photos":[{"index":0},{"index":1,"report":{"findings":[{"code":"not_among_the_best","why":"Enough.","do":"Nothing."}]}},
	{"index":2,"report":{"findings":[{"code":"probably_two_people","why":"The photos probably show two people.","do":"Check them."},
	{"code":"blurred","refuses":true,"why":"The face is blurred.","do":"Use a sharp photo."}]}}]}`

func TestStatusWarnsOfPhotosWhenItIsReady(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, map[string][]answer{
		statusCall:                    {status(`{"status":"ready","stage":"done","progress":100,"estimated_time_remaining":0}`)},
		"GET /api/personas/" + someID: {{http.StatusOK, details}},
	})
	code, out, said := api.persona(t, "status", someID)
	require.Equal(t, exitOK, code, said)
	require.Equal(t, "100 %  done\nPersona "+someID+" is ready.\nNotes about its photos:\n"+
		"  photo 3: The face is blurred. Use a sharp photo.\n"+
		"  photo 3: note: The photos probably show two people. Check them.\n", out)
}

func TestStatusOfACancelledTraining(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, map[string][]answer{statusCall: {status(`{"status":"failed","stage":"training","progress":30,
		"estimated_time_remaining":0,"error":{"code":"cancelled","message":"The training was cancelled."}}`)}})
	code, out, said := api.persona(t, "status", someID)
	require.Equal(t, exitFailed, code)
	require.Equal(t, " 30 %  cancelled\n", out)
	require.Equal(t, "The training was cancelled.\n", said)
}

func TestStatusOnce(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, map[string][]answer{statusCall: {
		status(`{"status":"training","stage":"training","progress":50,"estimated_time_remaining":59}`),
	}})
	code, out, _ := api.persona(t, "status", "--once", someID)
	require.Equal(t, exitOK, code)
	require.Equal(t, " 50 %  training, about 60 seconds left\n", out)
	require.Len(t, api.seen, 1)
}

func TestStatusOfAPersonaThatIsErasedMeanwhile(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, map[string][]answer{statusCall: {
		status(`{"status":"erasing","stage":"training","progress":50,"estimated_time_remaining":0}`),
		{http.StatusNotFound, `{"status":404,"code":"not_found","detail":"There is no such persona."}`},
	}})
	code, out, said := api.persona(t, "status", someID, "--every", "1ms")
	require.Equal(t, exitFailed, code)
	require.Equal(t, " 50 %  erasing\n", out)
	require.Equal(t, "The persona has been erased.\n", said)
}

func TestClientTrouble(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, nil)
	code, _, said := api.persona(t, "status", otherID)
	require.Equal(t, exitFailed, code)
	require.Equal(t, "persona: There is no such persona.\n", said)

	code, _, said = api.persona(t, "--auth-token", "wrong", "list")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "persona: A token is needed.\nSet PERSONA_TOKEN to your token; persona token prints one.\n", said)

	api.Close()
	code, _, said = api.persona(t, "list")
	require.Equal(t, exitFailed, code)
	require.Equal(t, "persona: There is no answer from "+api.URL+". Is the server running, and is PERSONA_URL right?\n", said)
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, map[string][]answer{statusCall: {
		status(`{"status":"training","stage":"training","progress":50,"estimated_time_remaining":60}`),
	}})
	ctx, cancel := context.WithCancel(t.Context())
	var out, said bytes.Buffer
	term := &terminal{out: writerFunc(func(p []byte) (int, error) { cancel(); return out.Write(p) }), err: &said, http: api.Client()}
	code := run(ctx, []string{"--url", api.URL, "--auth-token", goodAuth, "status", someID}, term)
	require.Equal(t, exitInterrupted, code)
	require.Equal(t, "Interrupted.\n", said.String())
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"--help"}, {"train", "--help"}, {"-help"}} {
		var out, said bytes.Buffer
		code := run(t.Context(), args, &terminal{out: &out, err: &said})
		require.Equal(t, exitOK, code, said.String())
		require.Contains(t, out.String(), "Usage: persona")
		require.NotContains(t, out.String(), goodAuth)
	}
	var out bytes.Buffer
	require.Equal(t, exitOK, run(t.Context(), []string{"--version"}, &terminal{out: &out, err: &out}))
	require.Contains(t, out.String(), "persona ")
}
