package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/inflio/persona/internal/persona"
)

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 16 << 20

// client calls the API.
type client struct {
	base  string
	token string
	http  *http.Client
}

// newHTTPClient returns a client with timeouts for connecting, but none for an upload.
func newHTTPClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: 2 * time.Second,
		IdleConnTimeout:       time.Minute,
	}}
}

func (c *commands) client(t *terminal) (*client, error) {
	base, err := url.Parse(c.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, &exitError{code: exitUsage, message: "persona: PERSONA_URL must be an address such as http://127.0.0.1:8080."}
	}
	return &client{base: strings.TrimSuffix(c.URL, "/"), token: c.Auth, http: t.http}, nil
}

// problem is an error answer of the API.
type problem struct {
	Status   int             `json:"status"`
	Code     string          `json:"code"`
	Detail   string          `json:"detail"`
	Fields   []string        `json:"fields"`
	Photos   []photoProblem  `json:"photos"`
	Problems []problemDetail `json:"problems"`
}

type problemDetail struct {
	Detail string   `json:"detail"`
	Fields []string `json:"fields"`
}

type photoProblem struct {
	Index    int               `json:"index"`
	PhotoID  string            `json:"photo_id"`
	Findings []persona.Finding `json:"findings"`
}

func (p *problem) Error() string {
	lines := []string{p.Detail}
	if p.Status == http.StatusUnauthorized {
		lines = append(lines, "Set PERSONA_TOKEN to your token; persona token prints one.")
	}
	if len(p.Fields) > 0 && len(p.Photos) == 0 {
		lines = append(lines, "  about: "+strings.Join(p.Fields, ", "))
	}
	for _, further := range p.Problems {
		lines = append(lines, further.Detail)
	}
	return strings.Join(lines, "\n")
}

// unreachable is the error of a request that got no answer.
type unreachable struct {
	base string
	err  error
}

func (u *unreachable) Error() string {
	return fmt.Sprintf("There is no answer from %s. Is the server running, and is PERSONA_URL right?", u.base)
}

func (u *unreachable) Unwrap() error { return u.err }

// call sends one request and decodes the answer into out, which may be nil. It returns a *problem for an error answer and
// *unreachable for none.
func (c *client) call(ctx context.Context, method, path string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, http.NoBody)
	if err != nil {
		return err
	}
	return c.do(req, out)
}

func (c *client) do(req *http.Request, out any) error {
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		if ctxErr := req.Context().Err(); ctxErr != nil {
			return ctxErr
		}
		return &unreachable{base: c.base, err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return &unreachable{base: c.base, err: err}
	}
	if resp.StatusCode >= http.StatusBadRequest {
		p := &problem{}
		if json.Unmarshal(body, p) != nil || p.Detail == "" {
			p.Detail = fmt.Sprintf("%s answered %s, which is not an answer of Persona. Is PERSONA_URL right?", c.base, resp.Status)
		}
		p.Status = resp.StatusCode
		return p
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(out); err != nil {
		return fmt.Errorf("%s gave an answer that cannot be read; is PERSONA_URL right?", c.base)
	}
	return nil
}

// isTransient reports whether the same request may succeed later: there was no answer, a server error, or too many
// requests at one time.
func isTransient(err error) bool {
	var u *unreachable
	var p *problem
	return errors.As(err, &u) || errors.As(err, &p) &&
		(p.Status >= http.StatusInternalServerError || p.Code == string(persona.CodeTooManyRequests))
}

// pause waits for d, or returns the error of ctx when that ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// plural returns a count with a noun: 1 photo, 2 photos, 3 entries.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if stem, ok := strings.CutSuffix(what, "y"); ok {
		return fmt.Sprintf("%d %sies", n, stem)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
