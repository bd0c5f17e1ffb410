package activities

import (
	"context"
	"errors"
	"io"
	"net/http"

	"go.temporal.io/sdk/activity"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/storage/vault"
)

// CollectPhoto fetches a photo that was given as an address and treats it as an upload: streamed, limited, inspected,
// encrypted. A photo that cannot be used is a verdict, not an error. The address is deleted in both cases. It is safe to
// run twice: a stored photo is not fetched again. A host that fails is asked at most fetchAttempts times; the errors
// until then are retryable, of type Unavailable.
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

// fetchAttempts is how often a host that fails is asked before its photo counts as unreachable. With the retry policy's
// intervals of 1, 2, 4, 8 and 16 seconds and the client's timeout this bounds the time that the other photos wait.
const fetchAttempts = 6

// fetch streams one address into the store. It returns findings for a photo that can never be fetched or used, and an
// error for what may succeed at the next attempt.
func (a *Photos) fetch(
	ctx context.Context, in PhotoInput, address string,
) (facts photo.Facts, stored vault.Info, findings []persona.Finding, err error) {
	unreachable := []persona.Finding{persona.NewFinding(persona.PhotoUnreachable, true, "")}
	// failed is the outcome of a fetch that the host, or the way to it, made fail.
	failed := func(transient bool) ([]persona.Finding, error) {
		switch {
		case ctx.Err() != nil: // we broke it off
			return nil, ctx.Err()
		case transient && activity.GetInfo(ctx).Attempt < fetchAttempts:
			return nil, &persona.Error{
				Kind: persona.Unavailable, Code: persona.CodeUnavailable, Message: "the host of a photo cannot be reached or fails",
			}
		default:
			return unreachable, nil
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return facts, stored, unreachable, nil // it is not an address
	}
	resp, err := a.Fetch.Do(req)
	if err != nil {
		findings, err = failed(isTransient(err))
		return facts, stored, findings, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !isPicture(resp.Header.Get("Content-Type")) {
		findings, err = failed(resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests)
		return facts, stored, findings, err
	}
	inspector := photo.NewInspector(a.Judge.Policy)
	from := &source{Reader: resp.Body}
	body := io.TeeReader(io.LimitReader(from, a.Judge.Policy.MaxBytes+1), inspector)
	stored, err = a.Store.WritePhotoBlob(ctx, in.UserID, in.PersonaID, in.PhotoID, body)
	switch {
	case err != nil && from.failed:
		findings, err = failed(true)
		return facts, stored, findings, err
	case err != nil:
		return facts, stored, nil, err
	}
	if facts = inspector.Facts(); len(facts.Findings) > 0 {
		_, err = a.Store.DeleteBlobs(ctx, in.UserID, in.PersonaID, stored.Path)
	}
	return facts, stored, facts.Findings, err
}

// source records whether reading from the host failed: the error of the store does not tell its own faults from those of
// the reader.
type source struct {
	io.Reader
	failed bool
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.failed = s.failed || err != nil && !errors.Is(err, io.EOF)
	return n, err
}
