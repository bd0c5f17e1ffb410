// Package trainer is the client of the provider that trains and runs likeness models, fal.ai: its queue, storage and
// platform interfaces, and the verification of its webhooks.
//
// A job costs money and fal has no idempotency key. A submit is therefore one HTTP attempt, and its error says what is
// certain about the purchase. Every other call is safe to repeat and is retried here a few times.
//
// fal ignores unknown input fields without an error, so each endpoint has a typed input in endpoints.go.
//
// A 404 means that something does not exist only when fal itself says so, in the JSON form of the interface that was
// asked, and says it again when asked again. Any other 404 comes from a gateway or a wrong address and is Unavailable.
//
// Errors contain no address, no prompt and no text of the provider, because such text can repeat what was sent. They
// keep the error type and the HTTP status, for operators.
package trainer
