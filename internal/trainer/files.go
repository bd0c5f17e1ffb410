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

// Download opens a file that the service has made. The caller must close the reader. Reading fails when more than limit
// bytes come, and when no byte comes for a minute.
//
// A file that the service repeatedly answers with 404 or 410 is ErrGone, of Kind NotFound. A file larger than limit is
// Refused with CodeModelDamaged. Every other failure is Unavailable, an answer of 403 included: file servers use it for
// expired links too.
func (c *Client) Download(ctx context.Context, address string, limit int64) (io.ReadCloser, error) {
	if !c.fetchable(address) {
		return nil, &CallError{Op: opDownload, Type: "bad_address", public: refused(requestSentence)}
	}
	var body io.ReadCloser
	var err error
	c.retry(ctx, func() (again bool, after time.Duration) {
		var r reply
		body, r, err = c.openFile(ctx, address, limit)
		return err != nil && (r.status == 0 || isTransient(r) || isMissing(r.status)), retryAfter(r.header)
	})
	if ctx.Err() != nil {
		if body != nil {
			_ = body.Close() // nobody will read it
		}
		return nil, ended(ctx, opDownload)
	}
	return body, err
}

// openFile makes one attempt. File servers have no form of their own for a 404, so the status is all there is.
func (c *Client) openFile(ctx context.Context, address string, limit int64) (io.ReadCloser, reply, error) {
	ctx, cancel := context.WithCancel(ctx)
	watchdog := time.AfterFunc(stallTimeout, cancel)
	fail := func(r reply, err error) (io.ReadCloser, reply, error) {
		watchdog.Stop()
		cancel()
		return nil, r, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fail(reply{}, lost(opDownload, err))
	}
	res, err := c.files.Do(req)
	if err != nil {
		return fail(reply{}, lost(opDownload, err))
	}
	r := reply{status: res.StatusCode, header: res.Header}
	switch {
	case isMissing(r.status):
		err = notFound(opDownload, r, ErrGone)
	case r.status != http.StatusOK:
		err = &CallError{Op: opDownload, Status: r.status, Type: typeOf(r), public: unavailable()}
	case res.ContentLength > limit:
		err = oversized(r.status)
	default:
		return &download{body: res.Body, left: limit, cancel: cancel, watchdog: watchdog}, r, nil
	}
	_ = res.Body.Close() // its content is not needed
	return fail(r, err)
}

func oversized(status int) *CallError {
	return &CallError{Op: opDownload, Status: status, Type: "too_large", cause: errTooLarge, public: &persona.Error{
		Kind: persona.Refused, Code: persona.CodeModelDamaged, Message: "The training service sent a file that is too large.",
	}}
}

// download is the body of an open file.
type download struct {
	body     io.ReadCloser
	left     int64
	cancel   context.CancelFunc
	watchdog *time.Timer
}

// Read reads from the file; see Download.
func (d *download) Read(p []byte) (int, error) {
	d.watchdog.Reset(stallTimeout)
	n, err := d.body.Read(p)
	if d.left -= int64(n); d.left < 0 {
		return 0, oversized(http.StatusOK)
	}
	if err != nil && err != io.EOF {
		return n, lost(opDownload, err)
	}
	return n, err
}

// Close ends the transfer.
func (d *download) Close() error {
	d.watchdog.Stop()
	d.cancel()
	return d.body.Close()
}

// ErasePayload deletes what the service keeps of a request: the stored input and output, and the files that the job
// made. It does not delete files that were uploaded as input; see HideFile. It needs a key with the ADMIN scope.
// It is safe to call twice. A request that the platform itself says it does not have is a success. A file that could
// not be deleted is an Unavailable error.
func (c *Client) ErasePayload(ctx context.Context, requestID string) error {
	if !IsRequestID(requestID) {
		return badRequestID(opErasePayload)
	}
	// No Idempotency-Key: with it, the service repeats the answer to the first call, also when that call failed.
	r, err := c.do(ctx, call{
		op: opErasePayload, method: http.MethodDelete, url: c.api + "/models/requests/" + requestID + "/payloads",
		isNotFound: isPlatformNotFound, retryNotFound: sureOfPlatform,
	})
	if err != nil || r.notFound {
		return err
	}
	if err := check(opErasePayload, r); err != nil {
		return err
	}
	var body struct {
		Results []struct {
			Exception json.RawMessage `json:"exception"`
		} `json:"cdn_delete_results"`
	}
	if len(r.body) > 0 && json.Unmarshal(r.body, &body) != nil {
		return unreadable(opErasePayload, r)
	}
	for _, file := range body.Results {
		if !alreadyGone(file.Exception) {
			return &CallError{Op: opErasePayload, Status: r.status, Type: "file_not_removed", public: unavailable()}
		}
	}
	return nil
}

// alreadyGone reports whether a file's exception is empty or says that the file does not exist.
func alreadyGone(exception json.RawMessage) bool {
	text := strings.ToLower(string(exception))
	return text == "" || text == "null" || text == `""` ||
		strings.Contains(text, "not found") || strings.Contains(text, "not_found") || strings.Contains(text, "404")
}

// HideFile makes an uploaded file unreadable for everyone at once. The service has no call that deletes an upload; the
// bytes are deleted when the lifetime given to Upload has passed. It is safe to call twice. A file that the platform
// itself says it does not have is a success.
func (c *Client) HideFile(ctx context.Context, address string) error {
	r, err := c.do(ctx, call{
		op: opHideFile, method: http.MethodPut, url: c.api + "/storage/files/acl?" + url.Values{"url": {address}}.Encode(),
		body: []byte(`{"default":"hide","rules":[]}`), isNotFound: isPlatformNotFound, retryNotFound: sureOfPlatform,
	})
	if err != nil || r.notFound {
		return err
	}
	if err := check(opHideFile, r); err != nil {
		return err
	}
	if len(r.body) > 0 && !json.Valid(r.body) { // a page of something that is not the platform
		return unreadable(opHideFile, r)
	}
	return nil
}
