package trainer

import (
	"bytes"
	"cmp"
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

// The outcomes of a submit that failed. Nothing was bought, except with Unknown.
const (
	NotSent Outcome = "not_sent" // nothing was bought; the same submit may work later
	Denied  Outcome = "denied"   // nothing was bought; it may work after an operator has changed the key or paid the bill
	Refused Outcome = "refused"  // nothing was bought; the same submit gives the same answer
	Unknown Outcome = "unknown"  // a job may have been bought
)

// SubmitError is a submit that gave no request id.
type SubmitError struct {
	Outcome    Outcome
	Type       string        // the service's type of error, or what broke the connection
	Status     int           // HTTP status, 0 when there was no answer
	RetryAfter time.Duration // what the service asked for with a 429, else 0
	cause      error         // the caller's ended context, or ErrNotPermitted
}

// Error returns outcome, status and type.
func (e *SubmitError) Error() string {
	return fmt.Sprintf("trainer: submit: %s (HTTP %d, %s)", e.Outcome, e.Status, cmp.Or(e.Type, "no type"))
}

// Unwrap returns an error for people and, where there is one, the caller's context error or ErrNotPermitted. The
// error for people is of Kind Refused for the outcome Refused, else Unavailable.
func (e *SubmitError) Unwrap() []error {
	public := unavailable()
	switch e.Outcome {
	case Refused:
		public = refused(requestSentence)
	case Denied:
		public = deniedCall("submit")
	case NotSent, Unknown:
	}
	if e.cause == nil {
		return []error{public}
	}
	return []error{public, e.cause}
}

// Lifetimes of what the service makes, in case that it is never erased. Weights are expensive, so they must still be
// there after a long outage on our side; pictures cost cents.
const (
	weightsLifetime = 7 * 24 * time.Hour
	pictureLifetime = 24 * time.Hour
)

// lifecycle returns the header value for how long the service keeps a file. It has no initial_acl: with one, the
// service ignores the whole preference, the lifetime included.
func lifecycle(d time.Duration) string {
	return fmt.Sprintf(`{"expiration_duration_seconds":%d}`, max(int64(d/time.Second), 1))
}

// submit sends one request that costs money, once. Any error is a *SubmitError.
//
// Some headers are left out on purpose. X-Fal-Store-IO: the stored input is how a job is found whose reply was lost,
// and how its output files are found when they are erased; ErasePayload removes it. X-Fal-No-Retry: the service's own
// retries move a job off a broken machine under the same request id, and failed runs are not billed.
// X-Fal-Request-Start-Timeout: waiting in the queue is free.
func (c *Client) submit(ctx context.Context, endpoint string, query url.Values, header http.Header, input any) (string, error) {
	payload, err := json.Marshal(input)
	if err != nil {
		return "", &SubmitError{Outcome: NotSent, Type: "bad_input"}
	}
	if ctx.Err() != nil {
		return "", &SubmitError{Outcome: NotSent, Type: "cancelled", cause: ctx.Err()}
	}
	// If no connection was established, no byte of the request was sent, whatever the error. A transport that does not
	// report that it looked for a connection proves nothing.
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
	// Without GetBody the transport cannot send the body a second time (HTTP/2 does so after some stream errors).
	req.GetBody = nil

	res, err := c.submits.Do(req)
	if err != nil {
		e := &SubmitError{Outcome: Unknown, Type: connectionError(err), cause: ctx.Err()}
		if looked.Load() && !connected.Load() {
			e.Outcome = NotSent
		}
		return "", e
	}
	defer func() { _ = res.Body.Close() }() // it has been read to its end, or the read has failed
	return submitted(res)
}

// submitted returns the request id, or what the answer says about the purchase. An answer of 4xx means that nothing was
// bought. It is Refused only in the form of the service: a gateway's page is about a wrong address, not about the input.
func submitted(res *http.Response) (string, error) {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	r := reply{status: res.StatusCode, header: res.Header, body: body}
	e := &SubmitError{Outcome: Unknown, Status: r.status, Type: typeOf(r)}
	switch r.status {
	case http.StatusTooManyRequests:
		e.Outcome, e.RetryAfter = NotSent, retryAfter(r.header)
		return "", e
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden:
		e.Outcome, e.cause = Denied, ErrNotPermitted
		return "", e
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge,
		http.StatusRequestURITooLong, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		e.Outcome = NotSent
		if parse(r).fromService() {
			e.Outcome = Refused
		}
		return "", e
	}
	var taken struct {
		RequestID string `json:"request_id"`
	}
	if r.status < 200 || r.status >= 300 {
		return "", e
	}
	if err != nil {
		e.Type = connectionError(err)
		return "", e
	}
	if json.Unmarshal(body, &taken) != nil || !IsRequestID(taken.RequestID) {
		e.Type = "unreadable_answer"
		return "", e
	}
	return taken.RequestID, nil
}
