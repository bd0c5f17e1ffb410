// Package audit keeps the audit log: one append-only chain of entries for each user, in which every entry has a hash over itself
// and the hash before it.
//
// Its functions take a transaction, because an entry is written in the transaction that does what the entry tells. The
// transaction must act as the user, or as the verifier; see package storage.
package audit
