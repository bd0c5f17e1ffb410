package trainer

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// clockSlack widens the search for a job, for clocks of ours and theirs that disagree.
const clockSlack = 5 * time.Minute

// maxPages bounds a search; at 100 jobs a page nobody starts as many trainings in the hours that it spans.
const maxPages = 500

type requestPage struct {
	Items []struct {
		RequestID string          `json:"request_id"`
		EndedAt   *string         `json:"ended_at"`
		Input     json.RawMessage `json:"json_input"`
	} `json:"items"`
	NextCursor string `json:"next_cursor"`
	HasMore    bool   `json:"has_more"`
}

// FindTraining looks through the service's list of requests for the training of a data set, whose address is different
// for every intent to buy. since is when the submit was sent. found is false only when the whole list was read and
// every job that has not ended showed its input; anything less is an error that may be gone later.
func (c *Client) FindTraining(ctx context.Context, datasetURL string, since time.Time) (requestID string, found bool, err error) {
	const op = "search the list of requests"
	query := url.Values{
		"endpoint_id": {TrainingEndpoint}, "expand": {"payloads"}, "limit": {"100"},
		"start": {since.Add(-clockSlack).UTC().Format(time.RFC3339)},
	}
	unsure := false
	for range maxPages {
		r, err := c.do(ctx, call{op: op, method: http.MethodGet, url: c.api + "/models/requests/by-endpoint?" + query.Encode()})
		if err != nil {
			return "", false, err
		}
		if err := check(op, r); err != nil {
			return "", false, err
		}
		var page requestPage
		if json.Unmarshal(r.body, &page) != nil || page.Items == nil {
			return "", false, unreadable(op, r)
		}
		for _, item := range page.Items {
			address, readable := datasetOf(item.Input)
			if readable && address == datasetURL && requestIDPattern.MatchString(item.RequestID) {
				return item.RequestID, true, nil
			}
			// An ended job without its input is one whose payload was erased, which takes its request id: not this one.
			unsure = unsure || !readable && item.EndedAt == nil
		}
		if !page.HasMore && page.NextCursor == "" {
			if unsure {
				return "", false, &CallError{Op: op, Status: r.status, Type: "inputs_missing", public: unavailable()}
			}
			return "", false, nil
		}
		if page.NextCursor == "" || page.NextCursor == query.Get("cursor") {
			return "", false, unreadable(op, r)
		}
		query.Set("cursor", page.NextCursor)
	}
	return "", false, &CallError{Op: op, Type: "list_too_long", public: unavailable()}
}

// datasetOf reads the data set's address from a stored input, which is an object or an object in a string.
func datasetOf(raw json.RawMessage) (string, bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil && text != "" {
		raw = json.RawMessage(text)
	}
	var input fastTrainingInput
	if json.Unmarshal(raw, &input) != nil || input.ImagesDataURL == "" {
		return "", false
	}
	return input.ImagesDataURL, true
}
