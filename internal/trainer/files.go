package trainer

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/inflio/persona/internal/persona"
)

// Download opens a file that the service made. More than limit bytes are an error, when the service announces them or when
// they are read. The reader must be closed; it fails when no byte comes for a minute. A file that is gone is a
// *persona.Error of Kind NotFound.
func (c *Client) Download(ctx context.Context, address string, limit int64) (io.ReadCloser, error) {
	const op = "download"
	if !c.fetchable(address) {
		return nil, &CallError{Op: op, Type: "bad_address", public: refused(requestSentence)}
	}
	for attempt := 1; ; attempt++ {
		body, r, err := c.openFile(ctx, op, address, limit)
		if ctx.Err() != nil {
			if body != nil {
				_ = body.Close() // nobody will read it
			}
			return nil, ended(ctx, op)
		}
		if err == nil || attempt == maxAttempts || r.status != 0 && !passing(r) {
			return body, err
		}
		if c.pause(ctx, attempt, retryAfter(r.header)) != nil {
			return nil, ended(ctx, op)
		}
	}
}

func (c *Client) openFile(ctx context.Context, op, address string, limit int64) (io.ReadCloser, reply, error) {
	ctx, cancel := context.WithCancel(ctx)
	watchdog := time.AfterFunc(stallTimeout, cancel)
	fail := func(r reply, err error) (io.ReadCloser, reply, error) {
		watchdog.Stop()
		cancel()
		return nil, r, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fail(reply{}, lost(op, err))
	}
	res, err := c.files.Do(req)
	if err != nil {
		return fail(reply{}, lost(op, err))
	}
	r := reply{status: res.StatusCode, header: res.Header}
	if err := check(op, r); err != nil {
		_ = res.Body.Close() // nothing of it is wanted
		return fail(r, err)
	}
	if res.ContentLength > limit {
		_ = res.Body.Close() // nothing of it is wanted
		return fail(r, oversized(op, r.status))
	}
	return &download{body: res.Body, op: op, left: limit, cancel: cancel, watchdog: watchdog}, r, nil
}

func oversized(op string, status int) *CallError {
	return &CallError{Op: op, Status: status, Type: "too_large", cause: errTooLarge, public: &persona.Error{
		Kind: persona.Refused, Code: persona.CodeModelDamaged, Message: "The training service sent a file that is larger than it can be.",
	}}
}

// download is a file under way.
type download struct {
	body     io.ReadCloser
	op       string
	left     int64
	cancel   context.CancelFunc
	watchdog *time.Timer
}

// Read reads on; see Download.
func (d *download) Read(p []byte) (int, error) {
	d.watchdog.Reset(stallTimeout)
	n, err := d.body.Read(p)
	if d.left -= int64(n); d.left < 0 {
		return 0, oversized(d.op, http.StatusOK)
	}
	if err != nil && err != io.EOF {
		return n, lost(d.op, err)
	}
	return n, err
}

// Close ends the transfer.
func (d *download) Close() error {
	d.watchdog.Stop()
	d.cancel()
	return d.body.Close()
}

// ErasePayload makes the service forget a request: the stored input and output, and the files it made. Files that were
// uploaded as input stay; HideFile is for those. It needs a key with the ADMIN scope. A request that is gone is a
// success; so is calling it twice. A file that could not be removed is an error that may be gone later.
func (c *Client) ErasePayload(ctx context.Context, requestID string) error {
	const op = "erase a payload"
	if !requestIDPattern.MatchString(requestID) {
		return &CallError{Op: op, Type: "bad_request_id", public: refused(requestSentence)}
	}
	// No Idempotency-Key: the service would answer a repetition from memory, also where the first one failed.
	r, err := c.do(ctx, call{op: op, method: http.MethodDelete, url: c.api + "/models/requests/" + requestID + "/payloads"})
	if err != nil {
		return err
	}
	if r.status == http.StatusNotFound || r.status == http.StatusGone {
		return nil
	}
	if err := check(op, r); err != nil {
		return err
	}
	var body struct {
		Results []struct {
			Exception json.RawMessage `json:"exception"`
		} `json:"cdn_delete_results"`
	}
	if len(r.body) > 0 && json.Unmarshal(r.body, &body) != nil {
		return unreadable(op, r)
	}
	for _, file := range body.Results {
		if !alreadyGone(file.Exception) {
			return &CallError{Op: op, Status: r.status, Type: "file_not_removed", public: unavailable()}
		}
	}
	return nil
}

// alreadyGone reports whether a file's exception is none, or that the file is not there.
func alreadyGone(exception json.RawMessage) bool {
	text := strings.ToLower(string(exception))
	return text == "" || text == "null" || text == `""` ||
		strings.Contains(text, "not found") || strings.Contains(text, "not_found") || strings.Contains(text, "404")
}

// HideFile makes an uploaded file unreadable for everyone at once. It is as much as the service offers: there is no
// call that deletes an upload, whose bytes go when the lifetime given to Upload is over. A file that is gone is a success.
func (c *Client) HideFile(ctx context.Context, address string) error {
	const op = "hide a file"
	r, err := c.do(ctx, call{
		op: op, method: http.MethodPut, url: c.api + "/storage/files/acl?" + url.Values{"url": {address}}.Encode(),
		body: []byte(`{"default":"hide","rules":[]}`),
	})
	if err != nil {
		return err
	}
	if r.status == http.StatusNotFound || r.status == http.StatusGone {
		return nil
	}
	return check(op, r)
}
