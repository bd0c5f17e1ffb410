package trainer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

// Outcome says what is certain about a submit that gave no request id.
type Outcome string

// The outcomes of a submit that failed.
const (
	NotSent Outcome = "not_sent" // certainly nothing was bought, and sending it again may work
	Refused Outcome = "refused"  // certainly nothing was bought, and sending it again gives the same answer
	Unknown Outcome = "unknown"  // a job may have been bought
)

// SubmitError is a submit that gave no request id.
type SubmitError struct {
	Outcome    Outcome
	Type       string        // the service's type of error, or what broke the connection
	Status     int           // HTTP status, 0 when there was no answer
	RetryAfter time.Duration // what the service asked for with a 429, else 0
	cause      error         // the caller's ended context
}

// Error names outcome, status and type.
func (e *SubmitError) Error() string {
	return fmt.Sprintf("trainer: submit: %s (HTTP %d, %s)", e.Outcome, e.Status, cmpOr(e.Type, "no type"))
}

// Unwrap returns an error for people and, where it ended the call, the caller's context error.
func (e *SubmitError) Unwrap() []error {
	var public error = unavailable()
	if e.Outcome == Refused {
		message := requestSentence
		switch e.Status {
		case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden:
			message = accountSentence
		}
		public = refused(message)
	}
	if e.cause == nil {
		return []error{public}
	}
	return []error{public, e.cause}
}

// Lifetimes of what the service makes, in case that nobody comes to erase it. Weights are paid for and must outlive a
// long outage on our side; pictures are made again for cents.
const (
	weightsLifetime = 7 * 24 * time.Hour
	pictureLifetime = 24 * time.Hour
)

// lifecycle words how long the service keeps a file. It never names an initial_acl beside it: the service then drops
// the whole preference, the lifetime included.
func lifecycle(d time.Duration) string {
	return fmt.Sprintf(`{"expiration_duration_seconds":%d}`, max(int64(d/time.Second), 1))
}

// submit sends one request that costs money, once. Any error is a *SubmitError.
//
// Headers that are left out on purpose: X-Fal-Store-IO, because the stored input is how a job is found whose reply was
// lost, and how its output files are found when they are erased (ErasePayload removes it, once it is not needed);
// X-Fal-No-Retry, because the service's own retries move a job off a broken machine under the same request id, and
// failed runs of theirs are not billed; X-Fal-Request-Start-Timeout, because waiting in the queue is free.
func (c *Client) submit(ctx context.Context, endpoint string, query url.Values, header http.Header, input any) (string, error) {
	payload, err := json.Marshal(input)
	if err != nil {
		return "", &SubmitError{Outcome: NotSent, Type: "bad_input"}
	}
	if ctx.Err() != nil {
		return "", &SubmitError{Outcome: NotSent, Type: "cancelled", cause: ctx.Err()}
	}
	// Connections are what certainty hangs on: before one was handed over, not a byte of the request can have left,
	// whatever the error. A transport that does not tell of looking for one proves nothing.
	var looked, connected atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { looked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	traced, cancel := context.WithTimeout(traced, submitTimeout)
	defer cancel()
	address := c.queue + "/" + endpoint
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(traced, http.MethodPost, address, bytes.NewReader(payload))
	if err != nil {
		return "", &SubmitError{Outcome: NotSent, Type: "bad_address"}
	}
	maps.Copy(req.Header, header)
	req.Header.Set("Authorization", "Key "+c.key)
	req.Header.Set("Content-Type", "application/json")
	// Without this, layers below may send the body a second time by themselves (HTTP/2 after some stream errors).
	req.GetBody = nil

	res, err := c.submits.Do(req)
	if err != nil {
		e := &SubmitError{Outcome: Unknown, Type: brokenBy(err), cause: ctx.Err()}
		if looked.Load() && !connected.Load() {
			e.Outcome = NotSent
		}
		return "", e
	}
	defer func() { _ = res.Body.Close() }() // whatever it says, the answer has been read or is lost
	return submitted(res)
}

func submitted(res *http.Response) (string, error) {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	r := reply{status: res.StatusCode, header: res.Header, body: body}
	e := &SubmitError{Outcome: Unknown, Status: r.status, Type: typeOf(r)}
	switch r.status {
	case http.StatusTooManyRequests:
		e.Outcome, e.RetryAfter = NotSent, retryAfter(r.header)
		return "", e
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		e.Outcome = Refused
		return "", e
	}
	var taken struct {
		RequestID string `json:"request_id"`
	}
	if r.status < 200 || r.status >= 300 {
		return "", e
	}
	if err != nil {
		e.Type = brokenBy(err)
		return "", e
	}
	if json.Unmarshal(body, &taken) != nil || !requestIDPattern.MatchString(taken.RequestID) {
		e.Type = "unreadable_answer"
		return "", e
	}
	return taken.RequestID, nil
}
