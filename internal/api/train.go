package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/inflio/persona/internal/api/upload"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

type trainInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"Up to 255 visible characters. The same key with the same content gives the first answer again and starts no other training."`
}

type estimate struct {
	Tier    persona.Tier `json:"tier" enum:"basic,standard,premium"`
	Minutes int          `json:"minutes" doc:"How long the training is likely to take."`
	CostUSD float64      `json:"cost_usd"`
}

type trainOutput struct {
	Location string `header:"Location"`
	Replayed string `header:"Idempotency-Replayed"`
	Body     struct {
		ID          string         `json:"id"`
		TriggerWord string         `json:"trigger_word" doc:"The word that activates the model. It is unique."`
		Version     int            `json:"version"`
		Status      persona.Status `json:"status"`
		StatusURL   string         `json:"status_url"`
		Estimate    estimate       `json:"estimate"`
	}
}

func (s *server) train(ctx context.Context, in *trainInput) (*trainOutput, error) {
	if err := checkIdempotencyKey(in.IdempotencyKey); err != nil {
		return nil, err
	}
	// Commit checks it again, for all uploads at the same time; this saves the upload.
	if err := s.Store.CheckTrainings(ctx, userOf(ctx), in.IdempotencyKey, s.UserTrainings); err != nil {
		closeConnection(ctx)
		return nil, err
	}
	c := callOf(ctx)
	t := upload.New(upload.Options{Store: s.Store, Policy: s.Judge.Policy, Log: s.Log, Seen: s.metrics.photo}, userOf(ctx))
	defer t.Discard(ctx)
	if err := t.Read(ctx, c.request); err != nil {
		return nil, discarded(err)
	}
	if t.Cut() {
		closeConnection(ctx)
	}
	terms, err := t.Check()
	if err != nil {
		return nil, err
	}
	signed := persona.Signature{
		SignedAt: time.Now().UTC(), IPAddress: c.ip, UserAgent: persona.CleanText(c.request.UserAgent(), maxUserAgent),
	}
	p, replayed, err := t.Commit(ctx, terms, signed, in.IdempotencyKey, s.UserTrainings)
	if err != nil {
		return nil, discarded(err)
	}
	if !replayed {
		s.Nudge()
	}
	return s.trainAnswer(p, replayed)
}

// maxUserAgent is how much of a User-Agent is kept with a consent, in bytes. Those of browsers have about 120.
const maxUserAgent = 512

// discarded returns the error of an upload that storage discarded because it took too long, the one conflict that an
// upload can have. Other errors are returned as they are.
func discarded(err error) error {
	if errors.Is(err, storage.ErrConflict) {
		return newProblem(persona.CodeTimeout, "The upload took longer than an hour and was discarded. Send it again over a better connection.")
	}
	return err
}

func (s *server) trainAnswer(p storage.Persona, replayed bool) (*trainOutput, error) {
	terms, err := persona.TermsFor(p.Latest.Tier, s.Judge.Policy.MaxPhotos)
	if err != nil {
		return nil, err
	}
	out := &trainOutput{Location: s.url(statusPath(p.ID))}
	if replayed {
		out.Replayed = "true"
	}
	out.Body.ID, out.Body.TriggerWord, out.Body.Version, out.Body.Status = p.ID, p.TriggerWord, p.Latest.Number, p.Status
	out.Body.StatusURL = out.Location
	out.Body.Estimate = estimate{Tier: terms.Tier, Minutes: terms.Minutes, CostUSD: terms.CostUSD}
	return out, nil
}

const maxIdempotencyKey = 255

func checkIdempotencyKey(key string) error {
	bad := len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(r rune) bool { return r < '!' || r > '~' })
	if !bad {
		return nil
	}
	return malformed("Idempotency-Key must have at most 255 visible ASCII characters.", "Idempotency-Key")
}

// closeConnection makes the server close the connection after the answer: the request was not read to its end, and the
// rest would be read in vain.
func closeConnection(ctx context.Context) {
	if w := callOf(ctx).writer; w != nil {
		w.Header().Set("Connection", "close")
	}
}
