package trainer_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/trainer"
)

// canned gives the same answer to every request, without a network.
type canned struct {
	status int
	body   []byte
}

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(c.body)), Request: r,
		ContentLength: int64(len(c.body)),
	}, nil
}

// Whatever the service answers, nothing panics, and errors contain no text of the answer but identifiers.
func FuzzAnswers(f *testing.F) {
	for _, body := range []string{
		``, `null`, `[]`, `{`, `{"status":"IN_PROGRESS","logs":[{"message":"step 1/0"},null]}`, `{"status":"COMPLETED","error":{"a":1}}`,
		`{"detail":[{"type":"SECRET WORDS","ctx":{"min_count":"x"}}]}`, `{"detail":[null]}`, `{"detail":"SECRET WORDS"}`, `{"error":{"type":7}}`,
		`{"items":[{"json_input":"{","request_id":null}],"has_more":true}`, `{"items":null}`,
		`{"items":[{"json_input":{"loras":[{"path":7},null]}},{"json_input":"{\"loras\":{}}"}]}`, `{"cdn_delete_results":[{"exception":[1]}]}`,
		`{"billing_events":[{"request_id":"r1","cost_total":1e308,"cost_estimate_nano_usd":-1e308,"timestamp":"SECRET"},null]}`,
		`{"results":[{"endpoint_id":"fal-ai/flux-lora","sent_at":"SECRET"}],"has_more":false}`,
		`{"images":[{"url":7}],"has_nsfw_concepts":[true,true,true]}`, `{"upload_url":"https://[::1","file_url":"%zz"}`,
	} {
		for _, status := range []int{200, 202, 400, 404, 422} {
			f.Add(status, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 499 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout {
			return // not an HTTP status, or one that is retried
		}
		client := trainer.New(trainer.Config{
			HTTP: &http.Client{Transport: canned{status, body}}, Backoff: time.Nanosecond,
		})
		var errs []error
		_, err := client.SubmitTraining(t.Context(), training)
		errs = append(errs, err)
		_, err = client.TrainingStatus(t.Context(), "r1")
		errs = append(errs, err)
		_, err = client.TrainingResult(t.Context(), "r1")
		errs = append(errs, err)
		_, err = client.CancelTraining(t.Context(), "r1")
		errs = append(errs, err)
		_, _, err = client.FindTraining(t.Context(), "https://files.example/set.zip", time.Unix(0, 0))
		errs = append(errs, err, client.ErasePayload(t.Context(), "r1"), client.HideFile(t.Context(), "https://files.example/set.zip"))
		_, err = client.FindGenerations(t.Context(), "https://files.example/w", time.Unix(0, 0))
		errs = append(errs, err)
		_, err = client.CancelGeneration(t.Context(), "r1")
		errs = append(errs, err)
		_, _, err = client.FindGeneration(t.Context(), trainer.GenerateRequest{Prompt: "p"}, time.Unix(0, 0))
		errs = append(errs, err)
		_, err = client.GenerationResult(t.Context(), "r1")
		errs = append(errs, err)
		_, _, err = client.TrainingDataset(t.Context(), "r1", time.Unix(0, 0))
		errs = append(errs, err)
		_, err = client.BillingEvents(t.Context(), trainer.BillingQuery{RequestIDs: []string{"r1"}})
		errs = append(errs, err)
		set, _ := file("the photos")
		_, err = client.Upload(t.Context(), set, time.Hour, nil)
		errs = append(errs, err)
		for _, err := range errs {
			if err != nil {
				public(t, err)
				require.False(t, strings.ContainsAny(err.Error(), "<>{}[]"), "%v", err)
				require.NotContains(t, err.Error(), "SECRET")
				require.NotContains(t, err.Error(), "files.example")
			}
		}
	})
}
