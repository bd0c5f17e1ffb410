package trainer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// The addresses of the real service. Each can be replaced, for example by a proxy or the local trainer.
const (
	DefaultQueueURL = "https://queue.fal.run"
	DefaultRESTURL  = "https://rest.fal.ai"
	DefaultAPIURL   = "https://api.fal.ai/v1"
)

const (
	callTimeout   = 30 * time.Second // of one attempt of a call without a large body
	submitTimeout = time.Minute      // longer: a reply that is not waited for is an uncertain purchase
	stallTimeout  = time.Minute      // a transfer that moves no byte for this long is aborted
	maxReply      = 8 << 20          // bytes of a JSON reply; the logs of the longest training are far smaller
)

// How many times the service must give its own 404 before it is believed.
const (
	sureOfQueue    = 3 // a purchase is given up for it
	sureOfPlatform = 2 // a file or a payload counts as erased for it
)

// Config says where the service is and as whom to call it.
type Config struct {
	Key      string        // FAL_KEY, "id:secret"; erasing payloads and reading billing events need the ADMIN scope
	QueueURL string        // default DefaultQueueURL
	RESTURL  string        // default DefaultRESTURL
	APIURL   string        // default DefaultAPIURL, with its version
	HTTP     *http.Client  // default: a client of its own; its Timeout must be 0 or long enough for whole transfers
	Backoff  time.Duration // first pause before a safe call is repeated, doubled each time; default 500 ms
}

// Client calls the service. It is safe for concurrent use.
type Client struct {
	key               string
	queue, rest, api  string
	plain             bool         // the service is reached over http, so its files may be too
	calls             *http.Client // follows no redirect, because the key must not be sent to another host
	submits           *http.Client // the same, on a new connection each time
	files             *http.Client // follows redirects of file servers
	backoff           time.Duration
	singleMax, partOf int64 // largest upload in one piece, and the size of a piece above it, in bytes
}

// New makes a client; it does not connect.
func New(c Config) *Client {
	hc := c.HTTP
	if hc == nil {
		transport := &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second,
			TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: submitTimeout,
		}
		hc = &http.Client{Transport: transport}
	}
	cl := &Client{
		key:   c.Key,
		queue: base(c.QueueURL, DefaultQueueURL), rest: base(c.RESTURL, DefaultRESTURL), api: base(c.APIURL, DefaultAPIURL),
		backoff:   orDefault(c.Backoff, 500*time.Millisecond),
		singleMax: 90 << 20, partOf: 10 << 20,
	}
	cl.plain = strings.HasPrefix(cl.rest, "http://")

	calls, submits, files := *hc, *hc, *hc
	calls.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	submits.CheckRedirect = calls.CheckRedirect
	files.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) > 5 || !cl.fetchable(r.URL.String()) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	submits.Transport = freshConnections(hc.Transport)
	cl.calls, cl.submits, cl.files = &calls, &submits, &files
	return cl
}

// freshConnections makes each submit open a connection. On an idle connection that the server has just closed, the
// request fails after it was written, and the purchase would be uncertain although nothing was bought.
func freshConnections(rt http.RoundTripper) http.RoundTripper {
	if rt == nil {
		rt = http.DefaultTransport
	}
	t, ok := rt.(*http.Transport)
	if !ok {
		return rt
	}
	t = t.Clone()
	t.DisableKeepAlives = true
	return t
}

func base(given, fallback string) string {
	if given == "" {
		given = fallback
	}
	return strings.TrimRight(given, "/")
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d <= 0 {
		return fallback
	}
	return d
}

// fetchable reports whether bytes may be read from or sent to an address that the service returned.
func (c *Client) fetchable(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "https" || c.plain && u.Scheme == "http")
}

// call is one request that may be sent more than once without harm.
type call struct {
	op      string // one of the op constants
	method  string
	url     string
	header  http.Header
	body    []byte
	open    func() (io.ReadCloser, error) // instead of body: opened anew for each attempt
	size    int64                         // of what open gives
	timeout time.Duration                 // of one attempt; default callTimeout
	foreign bool                          // the host is not the service's own: the key is not sent

	// isNotFound recognises the service's own 404. With it every 404 is retried, until this one came retryNotFound
	// times. Without it no 404 is retried and none is believed.
	isNotFound    func(reply) bool
	retryNotFound int
}

// reply is a whole answer, whatever its status.
type reply struct {
	status   int
	header   http.Header
	body     []byte
	notFound bool // the service itself has said, often enough, that there is no such thing
}

// do sends a call, retries it while it fails transiently, and returns the last answer whatever its status. An error
// means that there was no answer: the context's own error when it has ended, else a *CallError.
func (c *Client) do(ctx context.Context, in call) (reply, error) {
	var out reply
	var err error
	missed := 0
	c.retry(ctx, func() (again bool, after time.Duration) {
		out, err = c.once(ctx, in)
		switch answered, _ := errors.AsType[*CallError](err); {
		case err != nil:
			return answered == nil || answered.Status == 0, 0
		case in.isNotFound == nil || !isMissing(out.status):
			return isTransient(out), retryAfter(out.header)
		case in.isNotFound(out):
			missed++
		}
		out.notFound = missed >= in.retryNotFound
		return !out.notFound, 0
	})
	if ctx.Err() != nil {
		return reply{}, ended(ctx, in.op)
	}
	return out, err
}

func (c *Client) once(ctx context.Context, in call) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, orDefault(in.timeout, callTimeout))
	defer cancel()
	var body io.Reader
	var source *sourceReader
	switch {
	case in.open != nil:
		file, err := in.open()
		if err != nil {
			return reply{}, fmt.Errorf("trainer: %s: open the file: %w", in.op, err)
		}
		defer func() { _ = file.Close() }() // it is only read, and failed reads are noticed
		source = &sourceReader{Reader: file}
		body = source
	case in.body != nil:
		body = bytes.NewReader(in.body)
	}
	req, err := http.NewRequestWithContext(ctx, in.method, in.url, body)
	if err != nil {
		return reply{}, &CallError{Op: in.op, Type: "bad_address", public: unavailable()}
	}
	if in.open != nil {
		req.ContentLength = in.size
	}
	maps.Copy(req.Header, in.header)
	if !in.foreign {
		req.Header.Set("Authorization", "Key "+c.key)
	}
	if in.body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.calls.Do(req)
	if err != nil {
		if failure := source.failure(); failure != nil {
			return reply{}, fmt.Errorf("trainer: %s: read the file: %w", in.op, failure)
		}
		return reply{}, lost(in.op, err)
	}
	defer func() { _ = res.Body.Close() }() // it has been read to its end, or the read has failed
	return whole(in.op, res)
}

// sourceReader keeps the error of a failed read, so that a damaged file is not reported as a broken connection. The
// transport may still be reading when the call has already failed, hence the atomic.
type sourceReader struct {
	io.Reader
	err atomic.Pointer[error]
}

// Read reads and keeps an error other than io.EOF.
func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err.Store(&err)
	}
	return n, err
}

func (s *sourceReader) failure() error {
	if s == nil || s.err.Load() == nil {
		return nil
	}
	return *s.err.Load()
}

// whole reads an answer to its end.
func whole(op string, res *http.Response) (reply, error) {
	body, err := io.ReadAll(io.LimitReader(res.Body, maxReply+1))
	if err != nil {
		return reply{}, lost(op, err)
	}
	if len(body) > maxReply {
		return reply{}, &CallError{Op: op, Status: res.StatusCode, Type: "too_large", public: unavailable(), cause: errTooLarge}
	}
	return reply{status: res.StatusCode, header: res.Header, body: body}, nil
}
