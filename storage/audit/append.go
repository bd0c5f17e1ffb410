package audit

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// The row stays locked until commit, so the entries of one user are written one transaction after the other.
	lockHead = `
INSERT INTO audit_heads (user_id, seq, hash) VALUES ($1, 0, '')
ON CONFLICT (user_id) DO UPDATE SET seq = audit_heads.seq RETURNING seq, hash, clock_timestamp()`
	selectWritten = `SELECT EXISTS (SELECT FROM audit_log WHERE user_id = $1 AND action = $2 AND subject = $3)`
	insertEntry   = `
INSERT INTO audit_log (user_id, seq, at, action, persona_id, subject, detail, hash)
VALUES ($1, $2, $3, $4, NULLIF($5, '')::uuid, NULLIF($6, ''), $7, $8)`
	updateHead = `UPDATE audit_heads SET seq = $2, hash = $3 WHERE user_id = $1`
)

// Append writes entries to the end of the user's chain. An entry with a Subject is left out when the user has one with the same
// action and subject. Append locks the end of the chain until the transaction ends, so call it last: transactions that take
// this lock before others could wait for each other.
func Append(ctx context.Context, tx pgx.Tx, userID string, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	last := line{userID: userID}
	var at time.Time
	if err := tx.QueryRow(ctx, lockHead, userID).Scan(&last.seq, &last.hash, &at); err != nil {
		return err
	}
	first := last.seq
	for _, entry := range entries {
		detail, err := entry.check()
		if err != nil {
			return err
		}
		if entry.Subject != "" {
			var written bool
			if err := tx.QueryRow(ctx, selectWritten, userID, entry.Action, entry.Subject).Scan(&written); err != nil {
				return err
			}
			if written {
				continue
			}
		}
		next := line{
			userID: userID, seq: last.seq + 1, at: at, action: string(entry.Action), personaID: entry.PersonaID,
			subject: entry.Subject, detail: detail,
		}
		next.hash = next.chain(last.hash)
		if _, err := tx.Exec(ctx, insertEntry, next.userID, next.seq, next.at, next.action, next.personaID, next.subject, next.detail,
			next.hash); err != nil {
			return err
		}
		last = next
	}
	if last.seq == first {
		return nil
	}
	_, err := tx.Exec(ctx, updateHead, userID, last.seq, last.hash)
	return err
}
