// Package trainer is the port to the provider that trains and runs likeness models: a client of fal.ai's queue,
// storage and platform interfaces, and the check of its webhooks.
//
// A training costs money and fal has no idempotency key, so a submit is sent once and its failure is classed by what
// is certain; every other call may be repeated and is. A field name that fal does not know is ignored without an
// error, so each endpoint has a typed input of its own in endpoints.go.
//
// Nothing that comes back as an error holds an address, a prompt or a word of the provider's own text: those may
// repeat what was sent. Types and HTTP statuses are kept, for operators.
package trainer
