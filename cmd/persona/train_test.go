package main

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	trained     = `{"id":"` + someID + `","trigger_word":"adaqwerty","version":1,"status":"pending","estimate":{"tier":"basic","minutes":15,"cost_usd":5}}`
	trainCall   = "POST /api/personas/train"
	statusCall  = "GET /api/personas/" + someID + "/status"
	allConsents = `{"agreed_to_terms":true,"consent_items":{"facial_recognition":true,"ai_training":true,"likeness_usage":true,"data_retention":true}}`
)

func photos(t *testing.T) string {
	t.Helper()
	return folder(t, map[string][]byte{
		"b.png": append([]byte("\x89PNG\r\n\x1a\n"), "rest"...), "a.JPG": smallJPEG(), "camera": smallJPEG(),
		"notes.txt": []byte("not a photo"), ".hidden.jpg": smallJPEG(),
	})
}

func TestTrainSendsAFolder(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, map[string][]answer{trainCall: {{http.StatusAccepted, trained}}})
	code, out, said := api.persona(t, "train", photos(t), "-name", "Ada", "-i-consent", "-primary", "b.png", "-tier", "basic")
	require.Equal(t, exitOK, code, said)
	require.Equal(t, someID+"\n", out, "only the id, for scripts")
	require.Equal(t, "Sending 3 photos (0.0 MB) …\n"+
		"The training has started: trigger word adaqwerty, basic tier, about 15 minutes, $5.\n"+
		"Follow it with: persona status "+someID+"\n", said)

	require.Equal(t, []string{"Ada"}, api.sent["name"])
	require.Equal(t, []string{"basic"}, api.sent["tier"])
	require.Equal(t, []string{"1"}, api.sent["primary"], "the position of b.png")
	require.JSONEq(t, allConsents, api.sent["consent"][0])
	require.Len(t, api.sent["photos"], 3)
	require.Contains(t, api.sent["photos"][0], "as 0", "names of files can tell who is on them")
}

func TestTrainWithAConsentFileAndAConfig(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string][]byte{"consent.json": []byte(allConsents), "config.json": []byte(`{"rank":8}`)})
	api := newFakeAPI(t, map[string][]answer{trainCall: {{http.StatusAccepted, trained}}})
	code, _, said := api.persona(t, "train", photos(t), "--name=Ada",
		"--consent-file", filepath.Join(dir, "consent.json"), "--config", filepath.Join(dir, "config.json"))
	require.Equal(t, exitOK, code, said)
	require.Equal(t, []string{allConsents}, api.sent["consent"])
	require.Equal(t, []string{`{"rank":8}`}, api.sent["config"])
}

func TestTrainWaits(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, map[string][]answer{
		trainCall: {{http.StatusAccepted, trained}},
		statusCall: {
			status(`{"status":"training","stage":"training","progress":40,"estimated_time_remaining":600}`),
			status(`{"status":"ready","stage":"done","progress":100,"estimated_time_remaining":0}`),
		},
		"GET /api/personas/" + someID: {{http.StatusOK, details}},
	})
	code, out, said := api.persona(t, "train", photos(t), "--name", "Ada", "--i-consent", "--wait", "--every", "1ms")
	require.Equal(t, exitOK, code, said)
	require.Equal(t, someID+"\n", out)
	require.Contains(t, said, " 40 %  training, about 10 minutes left\n100 %  done\nPersona "+someID+" is ready.\n"+
		"Notes about its photos:\n  camera: The face is blurred. Use a sharp photo.\n")
}

func TestTrainNamesTheFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, map[string][]answer{trainCall: {{http.StatusUnprocessableEntity, `{"status":422,"code":"photos_unusable",
		"detail":"1 of the 3 photos cannot be used.","photos":[{"index":1,"findings":[
		{"code":"damaged","refuses":true,"why":"The file is damaged or was cut off.","do":"Choose the photo again."}]}],
		"problems":[{"code":"tier_invalid","detail":"The premium tier needs at least 15 photos; 3 came."}]}`}}})
	code, out, said := api.persona(t, "train", photos(t), "--name", "Ada", "--i-consent")
	require.Equal(t, exitFailed, code)
	require.Empty(t, out)
	require.Equal(t, "Sending 3 photos (0.0 MB) …\n1 of the 3 photos cannot be used.\n"+
		"The premium tier needs at least 15 photos; 3 came.\n"+
		"  b.png: The file is damaged or was cut off. Choose the photo again.\n", said)
}

func TestTrainTriesAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	api := newFakeAPI(t, map[string][]answer{trainCall: {
		{http.StatusServiceUnavailable, `{"status":503,"code":"unavailable","detail":"Not now."}`},
		{http.StatusAccepted, trained},
	}})
	code, out, said := api.persona(t, "train", photos(t), "--name", "Ada", "--i-consent", "--every", "1ms")
	require.Equal(t, exitOK, code, said)
	require.Equal(t, someID+"\n", out)
	require.Contains(t, said, "The upload failed; trying again.\n")
	require.Len(t, api.sent["key"], 2)
	require.Equal(t, api.sent["key"][0], api.sent["key"][1], "nothing may be trained twice")
}

func TestTrainRefusesBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no consent":        {[]string{"train", photos(t), "--name", "Ada"}, exitUsage, "a training needs the consent"},
		"both consents":     {[]string{"train", photos(t), "--name", "Ada", "--i-consent", "--consent-file", os.Args[0]}, exitUsage, "can't be used together"},
		"no name":           {[]string{"train", photos(t), "--i-consent"}, exitUsage, "missing flags: --name"},
		"no folder":         {[]string{"train", filepath.Join(empty, "nothing"), "--name", "Ada", "--i-consent"}, exitUsage, "cannot be read"},
		"an empty folder":   {[]string{"train", empty, "--name", "Ada", "--i-consent"}, exitFailed, "There are no JPEG or PNG files"},
		"no such primary":   {[]string{"train", photos(t), "--name", "Ada", "--i-consent", "--primary", "z.jpg"}, exitUsage, "there is no photo z.jpg"},
		"a bad address":     {[]string{"--url", "ftp://x", "train", photos(t), "--name", "Ada", "--i-consent"}, exitUsage, "PERSONA_URL must be an address"},
		"an unknown flag":   {[]string{"list", "--nonsense"}, exitUsage, "unknown flag --nonsense"},
		"no such command":   {[]string{"nonsense"}, exitUsage, "unexpected argument nonsense"},
		"a missing id":      {[]string{"status"}, exitUsage, `expected "<id>"`},
		"audit alone":       {[]string{"audit"}, exitUsage, `"verify"`},
		"a token of no one": {[]string{"token"}, exitUsage, "--sub"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newFakeAPI(t, nil)
			code, out, said := api.persona(t, c.args...)
			require.Equal(t, c.code, code, said)
			require.Contains(t, said+out, c.want)
			require.Empty(t, api.seen)
		})
	}
}
