package activities

import (
	"slices"
	"time"

	"github.com/inflio/persona/storage"
)

// certificate is what a person gets as proof of an erasure.
type certificate struct {
	Scope       string                `json:"scope"` // "persona" or "user"
	ErasureID   string                `json:"erasure_id"`
	PersonaID   string                `json:"persona_id,omitempty"`
	RequestedAt time.Time             `json:"requested_at"`
	CompletedAt *time.Time            `json:"completed_at,omitempty"` // of a persona in the certificate of a user
	Steps       []storage.ErasureStep `json:"steps"`
	Verified    []string              `json:"verified_absent,omitempty"`
	Removed     []string              `json:"removed_at_provider,omitempty"` // each removal was confirmed by the provider
	Expired     []string              `json:"expired_at_provider,omitempty"` // not confirmed; the provider deletes it after its lifetime
	Kept        []string              `json:"kept,omitempty"`
	Personas    []certificate         `json:"personas,omitempty"` // of a user
}

// keptAfterErasure is what outlives an erasure; it holds ids, counts and times.
func keptAfterErasure() []string { return []string{"this erasure record", "the audit log"} }

// certificateOf words the certificate of one persona. It is called after everything was verified.
func certificateOf(e storage.Erasure) certificate {
	c := certificate{
		Scope: "persona", ErasureID: e.ID, PersonaID: e.PersonaID, RequestedAt: e.RequestedAt, CompletedAt: e.CompletedAt,
		Steps:    e.Steps,
		Verified: []string{"database rows", "blobs", "data key", "schedules", "workflow histories"},
		Kept:     keptAfterErasure(),
	}
	held := []string{"uploaded pictures, inputs and outputs at the provider"}
	if slices.ContainsFunc(e.Steps, func(s storage.ErasureStep) bool { return s.Name == stepExpired }) {
		c.Expired = held
	} else {
		c.Removed = held
	}
	return c
}

// userCertificate words the certificate of a whole user, with one of each persona.
func userCertificate(e storage.Erasure, children []storage.Erasure) certificate {
	c := certificate{
		Scope: "user", ErasureID: e.ID, RequestedAt: e.RequestedAt, Steps: e.Steps,
		Verified: []string{"database rows", "uploads that were not committed"}, Kept: keptAfterErasure(),
	}
	for _, child := range children {
		one := certificateOf(child)
		one.Kept = nil
		c.Personas = append(c.Personas, one)
	}
	return c
}
