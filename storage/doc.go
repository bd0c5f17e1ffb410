// Package storage keeps what the product knows: records in PostgreSQL, and photos, pictures and models as encrypted blobs.
//
// Three promises hold for every method. A transaction opens only the acting user's rows, and the database keeps that, not the
// WHERE clauses here. Every blob is encrypted under a key of its persona, which lives wrapped in the database and is destroyed
// when the persona is erased. What is done to a person's data is written to an append-only, hash-chained audit log in the same
// transaction, reads included.
//
// Errors are ErrNotFound, ErrConflict, a *persona.Error, or an internal error that names no person's data.
package storage
