package localtrainer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"time"
)

// fal's limits for a delivery: 15 seconds for the first attempt, two minutes for later ones, 31 retries.
const (
	firstTimeout = 15 * time.Second
	laterTimeout = 2 * time.Minute
	maxAttempts  = 32
	// The first delays are shorter than fal's, so that tests need not wait for them.
	firstDelay = 250 * time.Millisecond
	maxDelay   = 10 * time.Minute
)

// deliver sends the webhook of an ended job until the receiver accepts it, answers with a redirect, or the attempts are
// used up. Delivery is at least once: after a crash between the receiver's answer and the record it is repeated.
func (s *Server) deliver(ctx context.Context, j *job) {
	defer func() {
		s.mu.Lock()
		j.sending = false
		s.mu.Unlock()
	}()
	for {
		s.mu.Lock()
		attempt, open := len(j.Deliveries), !j.Delivered
		s.mu.Unlock()
		if !open {
			return
		}
		f := s.faults.take(onWebhook)
		if f.Effect == late && wait(ctx, f.delay()) != nil {
			return
		}
		sent := delivery{At: s.now().UTC(), Effect: f.Effect}
		if f.Effect != lost {
			timeout := firstTimeout
			if attempt > 0 {
				timeout = laterTimeout
			}
			sent.Status = s.post(ctx, j, f.Effect, timeout)
			if f.Effect == duplicate {
				s.post(ctx, j, "", timeout)
			}
		}
		if ctx.Err() != nil {
			return
		}
		if !s.noteDelivery(j, sent) {
			return
		}
		if wait(ctx, min(firstDelay<<min(attempt, 16), maxDelay)) != nil {
			return
		}
	}
}

// noteDelivery records an attempt and reports whether there must be another one.
func (s *Server) noteDelivery(j *job, d delivery) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j.Delivered { // erased in the meantime
		return false
	}
	j.Deliveries = append(j.Deliveries, d)
	// As with fal, a redirect is a permanent failure.
	j.Delivered = d.Effect == lost || (d.Status >= 200 && d.Status < 400) || len(j.Deliveries) >= maxAttempts
	_ = s.save(j) // logged; the webhook may be delivered again
	return !j.Delivered
}

// post makes one attempt and returns the receiver's status, 0 when there was no answer.
func (s *Server) post(ctx context.Context, j *job, effect string, timeout time.Duration) int {
	s.mu.Lock()
	to, body := j.Webhook, s.webhookBody(j)
	s.mu.Unlock()
	if to == "" {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	signer, at := s.account, s.now()
	switch effect {
	case forged:
		signer.Seed = make([]byte, ed25519.SeedSize)
		_, _ = rand.Read(signer.Seed) // never fails
	case stale:
		at = at.Add(-10 * time.Minute)
	}
	req.Header = signer.sign(j.ID, body, at)
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.hooks.Do(req)
	if err != nil {
		// The error is not logged: it contains the URL, and with it the receiver's token.
		s.log.Warn("a webhook got no answer", "request_id", j.ID)
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) // so that the connection can be reused
	return resp.StatusCode
}

// webhookBody returns the body that fal sends when a request has ended. s.mu is held.
func (s *Server) webhookBody(j *job) []byte {
	base := j.Base
	if s.o.PublicURL != "" {
		base = s.o.PublicURL
	}
	body := map[string]any{
		"request_id": j.ID, "gateway_request_id": j.Gateway, "status": "OK", "payload": nil,
	}
	if j.Output != nil {
		body["payload"] = withBase(j.Output, base)
	}
	if j.Status >= http.StatusBadRequest {
		body["status"], body["error"] = "ERROR", fmt.Sprintf("Invalid status code: %d", j.Status)
	}
	return mustJSON(body)
}
