package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

// intake is what one request to train hands in. It is filled in any order and judged as a whole, so that a person hears
// of every problem at once.
type intake struct {
	server *server
	userID string
	upload *storage.Upload // nil until something has to be stored

	name    string
	tier    persona.Tier
	primary *int
	consent persona.Consent
	config  persona.TrainingConfig
	photos  []storage.NewPhoto

	count    int                    // photos that came, also those that were not kept
	cut      bool                   // reading stopped before the end: nothing can be called missing
	excess   int64                  // bytes that may still be read and thrown away
	problems []*persona.Error       // what is wrong with fields, in the order in which it was found
	unusable []persona.PhotoProblem // what is wrong with files
}

func newIntake(s *server, userID string) *intake {
	return &intake{server: s, userID: userID, config: persona.DefaultTrainingConfig(), excess: excessBytes}
}

// doomed reports whether the request will be refused, so that storing more of it is wasted work.
func (t *intake) doomed() bool {
	return len(t.problems) > 0 || len(t.unusable) > 0 || t.count > t.server.Judge.Policy.MaxPhotos
}

// check returns the terms of the training, or one problem that tells everything that is wrong.
func (t *intake) check() (persona.TierTerms, error) {
	var found []*persona.Error
	note := func(err error) {
		if e, ok := err.(*persona.Error); ok && e != nil { //nolint:errorlint // these rules return their error as it is
			found = append(found, e)
		}
	}
	found = append(found, t.problems...)
	if !t.cut {
		name, err := persona.CleanName(t.name)
		t.name = name
		note(err)
		if !t.complained("consent") {
			note(t.consent.Check())
		}
	}
	if !t.complained("config") {
		note(t.config.Check())
	}
	terms := persona.TierTerms{}
	if count := t.checkCount(); count != nil {
		note(count)
	} else if !t.cut {
		var err error
		terms, err = persona.TermsFor(t.tier, t.count)
		note(err)
		note(t.checkPrimary())
	}
	if len(t.unusable) > 0 {
		found = append(found, &persona.Error{
			Kind: persona.Invalid, Code: persona.CodePhotosUnusable, Photos: t.unusable,
			Message: unusableSentence(len(t.unusable), t.count),
		})
	}
	if len(found) == 0 {
		return terms, nil
	}
	return terms, together(found)
}

// complained reports whether a field could not even be read.
func (t *intake) complained(field string) bool {
	for _, e := range t.problems {
		for _, f := range e.Fields {
			if f == field || strings.HasPrefix(f, field+".") {
				return true
			}
		}
	}
	return false
}

func (t *intake) checkCount() error {
	p := t.server.Judge.Policy
	switch {
	case t.count > p.MaxPhotos && t.cut:
		return countError(persona.CodeTooManyPhotos, fmt.Sprintf("At most %d photos may be handed in; more came.", p.MaxPhotos))
	case t.count > p.MaxPhotos:
		return countError(persona.CodeTooManyPhotos, fmt.Sprintf("At most %d photos may be handed in; %d came.", p.MaxPhotos, t.count))
	case t.count < p.MinPhotos && !t.cut:
		return countError(persona.CodeTooFewPhotos, fmt.Sprintf("At least %d photos are needed; %d came.", p.MinPhotos, t.count))
	}
	return nil
}

func countError(code persona.Code, message string) error {
	return &persona.Error{Kind: persona.Invalid, Code: code, Message: message, Fields: []string{"photos"}}
}

func (t *intake) checkPrimary() error {
	if t.primary == nil {
		return nil
	}
	if *t.primary < 0 || *t.primary >= t.count {
		return primaryError(t.count)
	}
	for i := range t.photos {
		t.photos[i].Primary = t.photos[i].Index == *t.primary
	}
	return nil
}

func primaryError(count int) *persona.Error {
	message := "primary must be the position of a photo, counted from 0."
	if count > 0 {
		message = fmt.Sprintf("primary must be the position of a photo: 0 to %d.", count-1)
	}
	return &persona.Error{Kind: persona.Invalid, Code: persona.CodePrimaryInvalid, Message: message, Fields: []string{"primary"}}
}

func unusableSentence(bad, all int) string {
	if bad == 1 {
		return fmt.Sprintf("1 of the %d photos cannot be used. Nothing was kept; replace it and send all of them again.", all)
	}
	return fmt.Sprintf("%d of the %d photos cannot be used. Nothing was kept; replace them and send all of them again.", bad, all)
}

// together makes one problem of several: the first gives code and sentence, the others follow it.
func together(found []*persona.Error) error {
	p := newProblem(found[0].Code, found[0].Message)
	for i, e := range found {
		p.Fields = append(p.Fields, e.Fields...)
		p.Photos = append(p.Photos, e.Photos...)
		if i > 0 {
			p.Problems = append(p.Problems, Further{Code: e.Code, Detail: e.Message, Fields: e.Fields})
		}
	}
	return p
}

// canonical is what makes two requests the same: what they ask for, not how they were written.
type canonical struct {
	Name    string                 `json:"name"`
	Tier    persona.Tier           `json:"tier"`
	Config  persona.TrainingConfig `json:"config"`
	Consent persona.Consent        `json:"consent"`
	Primary int                    `json:"primary"`
	Photos  []string               `json:"photos"` // SHA-256 of the bytes, or the address
}

// fingerprint is the SHA-256 of the canonical form, in hex.
func (t *intake) fingerprint(tier persona.Tier) string {
	c := canonical{Name: t.name, Tier: tier, Config: t.config, Consent: t.consent, Primary: -1}
	if t.primary != nil {
		c.Primary = *t.primary
	}
	for _, p := range t.photos {
		if p.URL != "" {
			c.Photos = append(c.Photos, "url "+p.URL)
			continue
		}
		c.Photos = append(c.Photos, "sha256 "+hex.EncodeToString(p.SHA256))
	}
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(c); err != nil {
		panic(err) // numbers and strings always encode; NaN cannot come out of JSON
	}
	return hex.EncodeToString(h.Sum(nil))
}
