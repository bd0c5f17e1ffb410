package trainer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// clockSlack widens the period of a search, because our clock and the service's may differ.
const clockSlack = 5 * time.Minute

// maxPages bounds a search. At 100 requests a page no account makes as many requests in the period that is searched.
const maxPages = 500

// listedRequest is one request in a list of the platform.
type listedRequest struct {
	RequestID string          `json:"request_id"`
	Endpoint  string          `json:"endpoint_id"`
	SentAt    string          `json:"sent_at"`
	StartedAt string          `json:"started_at"`
	EndedAt   string          `json:"ended_at"` // "" while it waits or runs
	Input     json.RawMessage `json:"json_input"`

	searched bool // it comes from the search of all endpoints
}

// hides reports whether a request may be any request, because its input is not readable. In the list by endpoint an
// ended request without an input is one whose payload was erased, so its id was known to whoever erased it. For the
// search it is not documented that inputs are included at all.
func (l listedRequest) hides(readable bool) bool {
	return !readable && (l.EndedAt == "" || l.searched)
}

// before reports whether all that is known of a request's times is before t. Without any time it is false.
func (l listedRequest) before(t time.Time) bool {
	known := false
	for _, text := range []string{l.SentAt, l.StartedAt, l.EndedAt} {
		at, ok := parseTime(text)
		if ok && !at.Before(t) {
			return false
		}
		known = known || ok
	}
	return known
}

// parseTime reads a time of the platform. Without a zone it is UTC.
func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// listing is what is looked for in the lists of the platform.
type listing struct {
	endpoint  string
	requestID string    // "" for all requests
	since     time.Time // when the request was sent, or earlier
}

// eachRequest reads the requests of an endpoint, ended or not, until visit returns false or all were read. It is an
// error if not all could be read: a list that is not available says nothing about what is in it. Every error is
// Unavailable.
//
// The list by endpoint is asked first. If the platform answers that call with a refusal, which may concern the
// permissions of the key, the list of all endpoints is searched instead.
func (c *Client) eachRequest(ctx context.Context, l listing, visit func(listedRequest) (more bool)) error {
	start := l.since.Add(-clockSlack).UTC()
	query := url.Values{
		"endpoint_id": {l.endpoint}, "expand": {"payloads"}, "limit": {"100"}, "start": {start.Format(time.RFC3339)},
	}
	if l.requestID != "" {
		query.Set("request_id", l.requestID)
	}
	type itemPage struct {
		Items []listedRequest `json:"items"`
	}
	wanted := func(r listedRequest) bool {
		return (l.requestID == "" || r.RequestID == l.requestID) && (r.Endpoint == "" || r.Endpoint == l.endpoint)
	}
	begun := false
	err := eachPage(ctx, c, opListRequests, "/models/requests/by-endpoint", query, func(page itemPage) (more, ok bool) {
		begun = true
		return visitAll(page.Items, wanted, visit), page.Items != nil
	})
	failed, _ := errors.AsType[*CallError](err)
	if err == nil || begun || failed == nil || failed.Status < 400 || isTransient(reply{status: failed.Status}) {
		return err
	}
	if c.searchRequests(ctx, start, wanted, visit) == nil {
		return nil
	}
	return err
}

// searchRequests reads the requests of all endpoints, newest first, until one is older than start. The platform has no
// filter for this list.
func (c *Client) searchRequests(
	ctx context.Context, start time.Time, wanted func(listedRequest) bool, visit func(listedRequest) (more bool),
) error {
	type resultPage struct {
		Results []listedRequest `json:"results"`
	}
	query := url.Values{"expand": {"payloads"}, "limit": {"100"}}
	return eachPage(ctx, c, opSearch, "/models/requests/search", query, func(page resultPage) (more, ok bool) {
		for _, r := range page.Results {
			r.searched = true
			if r.before(start) || wanted(r) && r.Endpoint != "" && !visit(r) {
				return false, true
			}
		}
		return true, page.Results != nil
	})
}

func visitAll(items []listedRequest, wanted func(listedRequest) bool, visit func(listedRequest) (more bool)) (more bool) {
	for _, item := range items {
		if wanted(item) && !visit(item) {
			return false
		}
	}
	return true
}

// eachPage reads a paged list of the platform, each page into a new P. read says whether to go on, and whether the page
// had the form of one.
func eachPage[P any](
	ctx context.Context, c *Client, op, path string, query url.Values, read func(page P) (more, ok bool),
) error {
	for range maxPages {
		r, err := c.do(ctx, call{op: op, method: http.MethodGet, url: c.api + path + "?" + query.Encode()})
		if err != nil {
			return err
		}
		if r.status != http.StatusOK {
			return listUnavailable(op, r)
		}
		var position struct {
			NextCursor string `json:"next_cursor"`
			HasMore    bool   `json:"has_more"`
		}
		var page P
		if json.Unmarshal(r.body, &position) != nil || json.Unmarshal(r.body, &page) != nil {
			return unreadable(op, r)
		}
		switch more, ok := read(page); {
		case !ok:
			return unreadable(op, r)
		case !more, !position.HasMore && position.NextCursor == "":
			return nil
		case position.NextCursor == "", position.NextCursor == query.Get("cursor"):
			return unreadable(op, r)
		}
		query.Set("cursor", position.NextCursor)
	}
	return &CallError{Op: op, Type: "list_too_long", public: unavailable()}
}

// inputsMissing is the error for a list that may show what was looked for, or not.
func inputsMissing() *CallError {
	return &CallError{Op: opListRequests, Status: http.StatusOK, Type: "inputs_missing", public: unavailable()}
}

// listUnavailable is check for a list, where no answer but a page of it is final.
func listUnavailable(op string, r reply) error {
	e := &CallError{Op: op, Status: r.status, Type: typeOf(r), public: unavailable()}
	if isPermission(r.status) {
		e.public, e.cause = deniedCall(op), ErrNotPermitted
	}
	return e
}

// unquoted returns a stored input as a JSON object. The platform gives it as an object or as an object in a string.
func unquoted(raw json.RawMessage) json.RawMessage {
	var text string
	if json.Unmarshal(raw, &text) == nil && text != "" {
		return json.RawMessage(text)
	}
	return raw
}
