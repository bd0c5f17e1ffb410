// Package vault keeps blobs in a bucket. Each blob is encrypted under the data key of its persona, and each data key is wrapped
// (encrypted) by a keeper before it is stored.
//
// The vault knows neither users nor permissions. Package storage asks the database first, writes the audit entry, and then calls
// the vault outside of any transaction.
//
// Errors are ErrNotFound, an error of kind persona.Unavailable when the bucket or the keeper fails, the error of a context or of
// a caller's reader, or an internal error.
package vault
