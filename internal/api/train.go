package api

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

type trainInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"Up to 255 visible characters. The same key with the same content gives the first answer again and trains nothing new."`
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
		TriggerWord string         `json:"trigger_word" doc:"The word that activates the model; made unique by us."`
		Version     int            `json:"version"`
		Status      persona.Status `json:"status"`
		StatusURL   string         `json:"status_url"`
		Estimate    estimate       `json:"estimate"`
	}
}

// discardTimeout bounds the tidying up after a refused upload; a crash is covered by storage itself.
const discardTimeout = 30 * time.Second

func (s *server) train(ctx context.Context, in *trainInput) (*trainOutput, error) {
	if err := checkIdempotencyKey(in.IdempotencyKey); err != nil {
		return nil, err
	}
	t := newIntake(s, userOf(ctx))
	committed := false
	defer func() {
		if !committed {
			t.discard(ctx)
		}
	}()
	if err := t.read(ctx, callOf(ctx).request); err != nil {
		return nil, tooLate(err)
	}
	terms, err := t.check()
	if err != nil {
		return nil, err
	}
	p, replayed, err := t.commit(ctx, terms, in.IdempotencyKey)
	if err != nil {
		return nil, tooLate(err)
	}
	committed = true
	if !replayed {
		s.Nudge()
	}
	return s.trainAnswer(p, replayed)
}

// tooLate words the one conflict that an upload can have.
func tooLate(err error) error {
	if errors.Is(err, storage.ErrConflict) {
		return newProblem(codeTimeout, "The upload took longer than an hour and was discarded. Send it again over a better connection.")
	}
	return err
}

// read takes the request in, in either form.
func (t *intake) read(ctx context.Context, r *http.Request) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	switch media {
	case "multipart/form-data":
		return t.readMultipart(ctx, r)
	case "application/json":
		return t.readJSON(r)
	}
	return &persona.Error{
		Kind: persona.Invalid, Code: persona.CodeUnsupportedMedia,
		Message: "Send the photos as multipart/form-data, or their https addresses as application/json.",
		Fields:  []string{"Content-Type"},
	}
}

// commit makes everything that came permanent in one step.
func (t *intake) commit(ctx context.Context, terms persona.TierTerms, key string) (storage.Persona, bool, error) {
	if err := t.begin(ctx); err != nil {
		return storage.Persona{}, false, err
	}
	c := callOf(ctx)
	return t.upload.Commit(ctx, storage.NewPersona{
		Name: t.name, Tier: terms.Tier, Config: t.config, Consent: t.consent,
		Signature: persona.Signature{
			SignedAt: time.Now().UTC(), IPAddress: c.ip, UserAgent: cleanUserAgent(c.request.UserAgent()),
		},
		Photos: t.photos, IdempotencyKey: key, Fingerprint: t.fingerprint(terms.Tier),
	})
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

// begin makes room for an upload, once.
func (t *intake) begin(ctx context.Context) error {
	if t.upload != nil {
		return nil
	}
	upload, err := t.server.Store.BeginUpload(ctx, t.userID)
	if err != nil {
		return err
	}
	t.upload = upload
	return nil
}

// discard removes what was already stored, also when the client has gone.
func (t *intake) discard(ctx context.Context) {
	if t.upload == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	if err := t.upload.Discard(ctx); err != nil {
		t.server.Log.WarnContext(ctx, "an upload could not be discarded; storage does it later",
			"request_id", callOf(ctx).id, "persona_id", t.upload.PersonaID(), "error", err)
	}
}

const maxIdempotencyKey = 255

func checkIdempotencyKey(key string) error {
	bad := len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(r rune) bool { return r < '!' || r > '~' })
	if !bad {
		return nil
	}
	return &persona.Error{
		Kind: persona.Invalid, Code: persona.CodeMalformed, Fields: []string{"Idempotency-Key"},
		Message: "The Idempotency-Key must be at most 255 visible ASCII characters without spaces.",
	}
}

const maxUserAgent = 512

func cleanUserAgent(agent string) string {
	agent = strings.ToValidUTF8(agent, "")
	for len(agent) > maxUserAgent {
		_, size := utf8.DecodeLastRuneInString(agent)
		agent = agent[:len(agent)-size]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, agent)
}

// unreadable words a body that could not be read to its end.
func unreadable(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return newProblem(codeTimeout, "Nothing more of the request came for a minute. Send it again.")
	}
	return malformed("The request ended early or is damaged. Send it again.")
}

func malformed(message string, fields ...string) *persona.Error {
	return &persona.Error{Kind: persona.Invalid, Code: persona.CodeMalformed, Message: message, Fields: fields}
}
