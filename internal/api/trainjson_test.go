package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
)

func requestWithKey(t *testing.T, user, media string, body io.Reader) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, trainPath, body)
	r.Header.Set("Content-Type", media)
	r.Header.Set("Authorization", "Bearer "+token(t, user))
	r.Header.Set("Idempotency-Key", "key-1")
	return r
}

// addresses is a JSON list of n good photo addresses, with others put in their place.
func addresses(n int, instead map[int]string) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("https://photos.example.org/%d.jpg", i)
		if other, ok := instead[i]; ok {
			list[i] = other
		}
	}
	raw, _ := json.Marshal(list) // strings always encode
	return string(raw)
}

func trainBody(urls, more string) string {
	return `{"name":"Ada","consent":` + fullConsent + `,"photo_urls":` + urls + more + `}`
}

func TestTrainWithAddresses(t *testing.T) {
	t.Parallel()
	refusal := func(name string, status int, code persona.Code, body string, want ...string) scenario {
		return scenario{
			name: name, user: ada, method: http.MethodPost, path: trainPath, media: "application/json", body: body,
			status: status, want: append(want, `"code":"`+string(code)+`"`), wantNot: []string{"photos.example.org", "secret"},
		}
	}
	wrongConsent := func(name, consent, field, wanted string) scenario {
		body := `{"name":"Ada","photo_urls":` + addresses(5, nil) + `,"consent":` + consent + `}`
		return refusal(name, 422, persona.CodeConsentInvalid, body, field+" must be "+wanted+".", `"fields":["`+field+`"]`)
	}
	run(t, []scenario{
		{
			name: "five addresses", user: ada, method: http.MethodPost, path: trainPath, media: "application/json; charset=utf-8",
			body: trainBody(addresses(5, nil), `,"primary":1,"tier":"basic"`), changes: true,
			status: 202, want: []string{`"status":"pending"`, `"tier":"basic"`},
		},
	})
	inOrder(t, newWorld(t), []scenario{
		refusal("invalid JSON", 400, persona.CodeMalformed, `{"name":`, "not valid JSON"),
		refusal("a JSON list", 400, persona.CodeMalformed, `[1]`, "The body must be a JSON object."),
		refusal("a JSON number", 400, persona.CodeMalformed, `7`, "The body must be a JSON object."),
		refusal("two JSON values", 400, persona.CodeMalformed, trainBody(addresses(5, nil), "")+"{}", "not valid JSON"),
		refusal("an unknown member", 400, persona.CodeMalformed, trainBody(addresses(5, nil), `,"photo":1`), `"fields":["photo"]`),
		refusal("a wrong type", 400, persona.CodeMalformed, `{"name":7}`, `"fields":["name"]`, "name must be text."),
		refusal("a fraction", 400, persona.CodeMalformed, `{"primary":1.5}`, "primary must be a whole number."),
		refusal("an address that is none", 400, persona.CodeMalformed, `{"photo_urls":[7]}`, "photo_urls must be a list of texts."),
		wrongConsent("a consent in words", `{"agreed_to_terms":"secret"}`, "consent.agreed_to_terms", "true or false"),
		wrongConsent("a consent item in words", `{"consent_items":{"ai_training":"yes"}}`, "consent.consent_items.ai_training", "true or false"),
		wrongConsent("consent items in a list", `{"consent_items":["secret"]}`, "consent.consent_items", "a JSON object"),
		wrongConsent("a limit in words", `{"restrictions":{"time_limit_days":"secret"}}`, "consent.restrictions.time_limit_days", "a whole number"),
		wrongConsent("a consent in a list", `[]`, "consent", "a JSON object"),
		refusal("no consent", 422, persona.CodeConsentMissing, `{"name":"Ada","photo_urls":`+addresses(5, nil)+`}`),
		refusal("no consent but null", 422, persona.CodeConsentMissing, `{"name":"Ada","consent":null,"photo_urls":`+addresses(5, nil)+`}`),
		refusal("4 addresses", 422, persona.CodeTooFewPhotos, trainBody(addresses(4, nil), "")),
		refusal("41 addresses", 422, persona.CodeTooManyPhotos, trainBody(addresses(41, nil), "")),
		refusal("addresses that cannot be used", 422, persona.CodeURLInvalid, trainBody(addresses(7, map[int]string{
			0: "http://photos.example.org/0.jpg", 1: "https://user:secret@photos.example.org/1.jpg", 2: "file:///etc/passwd",
			3: "https:///4.jpg", 4: "not an address", 5: "https://photos.example.org/" + strings.Repeat("x", 2000),
		}), ""), `"fields":["photo_urls[0]","photo_urls[1]","photo_urls[2]","photo_urls[3]","photo_urls[4]","photo_urls[5]"]`),
		refusal("a body of a megabyte", 413, persona.CodeTooLarge, trainBody(`["`+strings.Repeat("x", 1<<20)+`"]`, "")),
	})
}

func TestTrainWithAddressesStoresThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rec := w.serve(ada, http.MethodPost, trainPath, "application/json", strings.NewReader(trainBody(addresses(5, nil), "")))
	require.Equal(t, http.StatusAccepted, rec.Code, rec.Body.String())
	var answer struct{ ID string }
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &answer))
	photos, err := w.store.Photos(t.Context(), userID(ada), answer.ID)
	require.NoError(t, err)
	require.Len(t, photos, 5)
	require.Equal(t, "https://photos.example.org/3.jpg", photos[3].URL)
	require.Empty(t, photos[3].StoragePath, "nothing is fetched by the API")

	r := w.do(requestWithKey(t, ada, "application/json", strings.NewReader(trainBody(addresses(6, nil), ""))))
	require.Equal(t, http.StatusAccepted, r.Code)
	r = w.do(requestWithKey(t, ada, "application/json", strings.NewReader(trainBody(addresses(5, nil), ""))))
	require.Equal(t, http.StatusUnprocessableEntity, r.Code, "another list of addresses is another request")
	require.Contains(t, r.Body.String(), "idempotency_key_reused")
}
