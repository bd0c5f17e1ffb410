// Package migrations holds the steps that build the database, in order, and nothing else.
//
// A step that has been released is never changed; a correction is a new step. There are no steps down: undoing one would drop
// records of people; to go back, restore a backup.
package migrations

import "embed"

// FS holds the steps, NNNNN_what.sql, for goose.
//
//go:embed *.sql
var FS embed.FS
