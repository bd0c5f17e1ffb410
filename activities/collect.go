package activities

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/doyensec/safeurl"
	"go.temporal.io/sdk/activity"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/storage/vault"
)

// NewFetcher returns a client for addresses that strangers give us: https on its usual port only, and no private,
// loopback, link-local or metadata address, checked at connect time, after DNS and on every redirect.
func NewFetcher(timeout time.Duration) *http.Client {
	config := safeurl.GetConfigBuilder().
		SetAllowedSchemes("https").
		SetAllowedPorts(443).
		SetTimeout(timeout).
		Build()
	return safeurl.Client(config).Client
}

// CollectPhoto fetches a photo that was given as an address, by the same road as an upload: streamed, limited,
// inspected, encrypted. What cannot be used is a verdict, not an error; the address is forgotten either way. Safe to
// run twice: a photo that is stored is not fetched again.
func (a *Photos) CollectPhoto(ctx context.Context, in PhotoInput) (PhotoVerdict, error) {
	row, err := a.Store.Photo(ctx, in.UserID, in.PersonaID, in.PhotoID)
	if err != nil {
		return PhotoVerdict{}, err
	}
	if row.Report != nil {
		return verdict(*row.Report), nil
	}
	if row.StoragePath != "" {
		return PhotoVerdict{Index: row.Index, Accepted: true}, nil
	}
	facts, stored, findings, err := a.fetch(ctx, in, row.URL)
	if err != nil {
		return PhotoVerdict{}, err
	}
	row.URL = ""
	if len(findings) > 0 {
		row.Report = &persona.PhotoReport{
			Photo: row.ID, Index: row.Index, Width: facts.Width, Height: facts.Height, Findings: findings,
		}
		return verdict(*row.Report), a.Store.SavePhoto(ctx, in.UserID, in.PersonaID, row)
	}
	row.StoragePath, row.SHA256, row.Bytes = stored.Path, stored.SHA256, stored.Bytes
	row.Width, row.Height, row.Format = facts.Width, facts.Height, facts.Format
	return PhotoVerdict{Index: row.Index, Accepted: true}, a.Store.SavePhoto(ctx, in.UserID, in.PersonaID, row)
}

// fetch streams one address into the store. It returns findings for what the address or its file makes impossible,
// and an error for what may work at the next try.
func (a *Photos) fetch(
	ctx context.Context, in PhotoInput, address string,
) (facts photo.Facts, stored vault.Info, findings []persona.Finding, err error) {
	unreachable := []persona.Finding{persona.NewFinding(persona.PhotoUnreachable, true, "")}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return facts, stored, unreachable, nil // an address that is none is the person's matter, not a fault
	}
	resp, err := a.Fetch.Do(req)
	switch {
	case err != nil && isTransient(err) && mayAskAgain(ctx):
		return facts, stored, nil, err
	case err != nil:
		return facts, stored, unreachable, nil
	}
	defer resp.Body.Close()
	if (resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests) && mayAskAgain(ctx) {
		return facts, stored, nil, &persona.Error{
			Kind: persona.Unavailable, Code: persona.CodeUnavailable, Message: "the host of a photo does not answer well",
		}
	}
	if resp.StatusCode != http.StatusOK || !isPicture(resp.Header.Get("Content-Type")) {
		return facts, stored, unreachable, nil
	}
	inspector := photo.NewInspector(a.Judge.Policy)
	from := &source{Reader: resp.Body}
	body := io.TeeReader(io.LimitReader(from, a.Judge.Policy.MaxBytes+1), inspector)
	stored, err = a.Store.WritePhotoBlob(ctx, in.UserID, in.PersonaID, in.PhotoID, body)
	if err != nil && from.failed && ctx.Err() == nil && !mayAskAgain(ctx) {
		return facts, stored, unreachable, nil
	}
	if err != nil {
		return facts, stored, nil, err
	}
	if facts = inspector.Facts(); len(facts.Findings) > 0 {
		_, err = a.Store.DeleteBlobs(ctx, in.UserID, in.PersonaID, stored.Path)
	}
	return facts, stored, facts.Findings, err
}

// source remembers whether it was the host that broke a transfer off, and not our store.
type source struct {
	io.Reader
	failed bool
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.failed = s.failed || err != nil && !errors.Is(err, io.EOF)
	return n, err
}

// fetchAttempts is how often a host that does not answer well is asked, over about two minutes, before its photo counts
// as unreachable: the other photos wait for it.
const fetchAttempts = 8

func mayAskAgain(ctx context.Context) bool { return activity.GetInfo(ctx).Attempt < fetchAttempts }

// isTransient reports whether a failed request may work at the next try: time-outs and failing name servers, not
// refused addresses or bad certificates.
func isTransient(err error) bool {
	var timeout net.Error
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return dns.IsTemporary || dns.IsTimeout
	case errors.As(err, &timeout):
		return timeout.Timeout()
	default:
		return false
	}
}
