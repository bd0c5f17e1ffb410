package trainer

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// clockSlack widens the search for a job, for clocks of ours and theirs that disagree.
const clockSlack = 5 * time.Minute

// maxPages bounds a search; at 100 jobs a page no account starts as many in the time that it spans.
const maxPages = 500

type requestPage struct {
	Items      []listedRequest `json:"items"`
	NextCursor string          `json:"next_cursor"`
	HasMore    bool            `json:"has_more"`
}

type listedRequest struct {
	RequestID string          `json:"request_id"`
	EndedAt   *string         `json:"ended_at"`
	Input     json.RawMessage `json:"json_input"`
}

// FindTraining looks through the service's list of requests for the training of a data set, whose address is different
// for every intent to buy. since is when the submit was sent. found is false only when the whole list was read and
// every job that has not ended showed its input; anything less is an error that may be gone later.
func (c *Client) FindTraining(ctx context.Context, datasetURL string, since time.Time) (requestID string, found bool, err error) {
	unsure := false
	err = c.eachRequest(ctx, TrainingEndpoint, since, func(item listedRequest) (more bool) {
		address, readable := datasetOf(item.Input)
		if readable && address == datasetURL && requestIDPattern.MatchString(item.RequestID) {
			requestID, found = item.RequestID, true
			return false
		}
		// An ended job without its input is one whose payload was erased, which takes its request id: not this one.
		unsure = unsure || !readable && item.EndedAt == nil
		return true
	})
	if err == nil && unsure && !found {
		err = &CallError{Op: searching, Status: http.StatusOK, Type: "inputs_missing", public: unavailable()}
	}
	return requestID, found, err
}

// FindGenerations looks through the service's list of requests for the generations with the weights at an address, and
// returns their ids, newest first. since is when the first of them may have been sent. The whole list was read unless
// there is an error. Generations without a stored input, such as erased ones, are not found.
func (c *Client) FindGenerations(ctx context.Context, weightsURL string, since time.Time) ([]string, error) {
	var ids []string
	err := c.eachRequest(ctx, GenerationEndpoint, since, func(item listedRequest) (more bool) {
		if slices.Contains(weightsOf(item.Input), weightsURL) && requestIDPattern.MatchString(item.RequestID) {
			ids = append(ids, item.RequestID)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

const searching = "search the list of requests"

// eachRequest reads the list of an endpoint's requests, ended or not, until visit has seen enough or all of it.
func (c *Client) eachRequest(
	ctx context.Context, endpoint string, since time.Time, visit func(listedRequest) (more bool),
) error {
	const op = searching
	query := url.Values{
		"endpoint_id": {endpoint}, "expand": {"payloads"}, "limit": {"100"},
		"start": {since.Add(-clockSlack).UTC().Format(time.RFC3339)},
	}
	for range maxPages {
		r, err := c.do(ctx, call{op: op, method: http.MethodGet, url: c.api + "/models/requests/by-endpoint?" + query.Encode()})
		if err != nil {
			return err
		}
		if err := check(op, r); err != nil {
			return err
		}
		var page requestPage
		if json.Unmarshal(r.body, &page) != nil || page.Items == nil {
			return unreadable(op, r)
		}
		for _, item := range page.Items {
			if !visit(item) {
				return nil
			}
		}
		if !page.HasMore && page.NextCursor == "" {
			return nil
		}
		if page.NextCursor == "" || page.NextCursor == query.Get("cursor") {
			return unreadable(op, r)
		}
		query.Set("cursor", page.NextCursor)
	}
	return &CallError{Op: op, Type: "list_too_long", public: unavailable()}
}

// datasetOf reads the data set's address from a stored input.
func datasetOf(raw json.RawMessage) (string, bool) {
	var input fastTrainingInput
	if json.Unmarshal(unquoted(raw), &input) != nil || input.ImagesDataURL == "" {
		return "", false
	}
	return input.ImagesDataURL, true
}

// weightsOf reads the addresses of weights from a stored input, and nothing else of it: what cannot be read names none.
func weightsOf(raw json.RawMessage) []string {
	var input struct {
		LoRAs []struct {
			Path string `json:"path"`
		} `json:"loras"`
	}
	if json.Unmarshal(unquoted(raw), &input) != nil {
		return nil
	}
	var addresses []string
	for _, l := range input.LoRAs {
		addresses = append(addresses, l.Path)
	}
	return addresses
}

// unquoted is a stored input, which is an object or an object in a string, as an object.
func unquoted(raw json.RawMessage) json.RawMessage {
	var text string
	if json.Unmarshal(raw, &text) == nil && text != "" {
		return json.RawMessage(text)
	}
	return raw
}
