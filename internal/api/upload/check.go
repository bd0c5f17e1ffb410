package upload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/inflio/persona/internal/persona"
)

// Check returns the terms of the training, or RequestErrors with everything that is wrong with the request.
func (t *Request) Check() (persona.TierTerms, error) {
	var found RequestErrors
	note := func(err error) {
		if e, ok := errors.AsType[*persona.Error](err); ok {
			found = append(found, e)
		}
	}
	found = append(found, t.problems...)
	if t.misnamed > 0 {
		note(misnamed(t.wrongName, t.misnamed))
	}
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
	terms, err := t.checkPhotos()
	note(err)
	if err == nil && !t.cut && t.misnamed == 0 {
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
	return persona.TierTerms{}, found
}

// checkPhotos returns the terms for the number of photos, or what is wrong with that number or with the tier. Where
// photos came under another name, or were not read, they are not called missing.
func (t *Request) checkPhotos() (persona.TierTerms, error) {
	p := t.Policy
	switch {
	case t.count > p.MaxPhotos && t.cut:
		return persona.TierTerms{}, countError(persona.CodeTooManyPhotos,
			fmt.Sprintf("At most %d photos may be sent, and there are more.", p.MaxPhotos))
	case t.count > p.MaxPhotos:
		return persona.TierTerms{}, countError(persona.CodeTooManyPhotos,
			fmt.Sprintf("At most %d photos may be sent; there are %d.", p.MaxPhotos, t.count))
	case t.cut, t.misnamed > 0:
		return persona.TierTerms{}, nil
	case t.count < p.MinPhotos:
		return persona.TierTerms{}, countError(persona.CodeTooFewPhotos,
			fmt.Sprintf("At least %d photos are needed; there are %d.", p.MinPhotos, t.count))
	}
	return persona.TermsFor(t.tier, t.count)
}

func (t *Request) checkPrimary() error {
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

func unusableSentence(bad, all int) string {
	if bad == 1 {
		return fmt.Sprintf("1 of the %d photos cannot be used. Nothing was kept; replace it and send all of them again.", all)
	}
	return fmt.Sprintf("%d of the %d photos cannot be used. Nothing was kept; replace them and send all of them again.", bad, all)
}

// canonical is what two requests with one idempotency key must have in common. How they were written does not matter.
type canonical struct {
	Name    string                 `json:"name"`
	Tier    persona.Tier           `json:"tier"`
	Config  persona.TrainingConfig `json:"config"`
	Consent persona.Consent        `json:"consent"`
	Primary int                    `json:"primary"`
	Photos  []string               `json:"photos"` // SHA-256 of the bytes, or the address
}

// fingerprint returns the SHA-256 of the canonical form, in hex.
func (t *Request) fingerprint(tier persona.Tier) string {
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
		panic(err) // strings and finite numbers can always be encoded
	}
	return hex.EncodeToString(h.Sum(nil))
}
