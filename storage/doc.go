// Package storage keeps what the product knows: records in PostgreSQL, and photos, pictures and models as encrypted blobs.
//
// Three promises hold for every method. A transaction sees only the rows of the acting user, which the database enforces by
// row-level security. Every blob is encrypted under a data key of its persona. The key is kept in the database, wrapped by the
// keeper, and deleted when the persona is erased. What is done to a person's data, reads included, is written to an append-only,
// hash-chained audit log in the same transaction.
//
// A blob that survives an erasure, for example in a backup of the bucket, can be read only with the data key. A backup of the
// database holds the wrapped key. So the table data_keys must be left out of backups that are kept for long: whoever has both
// backups and the keeper can read erased photos.
//
// No bucket and no keeper is called inside a transaction, so a slow bucket holds no connection and no lock. The order of locks is
// in tx.go. The blobs and their keys are package vault; the audit log is package audit.
//
// Errors are ErrNotFound, ErrConflict, a *persona.Error, or an internal error that contains no person's data. A dependency that
// cannot be used at the moment, such as a full disk, is a *persona.Error of kind persona.Unavailable.
package storage
