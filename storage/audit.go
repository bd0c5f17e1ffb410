package storage

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/inflio/persona/internal/persona"
)

// maxDetail bounds the detail of an audit entry, in bytes of JSON: it names what was done, it does not describe it.
const maxDetail = 1024

const (
	// The row is locked until commit, which puts the entries of one user in order.
	lockHead = `
INSERT INTO audit_heads (user_id, seq, hash) VALUES ($1, 0, '')
ON CONFLICT (user_id) DO UPDATE SET seq = audit_heads.seq RETURNING seq, hash, clock_timestamp()`
	insertEntry = `
INSERT INTO audit_log (user_id, seq, at, action, persona_id, detail, hash) VALUES ($1, $2, $3, $4, NULLIF($5, '')::uuid, $6, $7)`
	updateHead = `UPDATE audit_heads SET seq = $2, hash = $3 WHERE user_id = $1`
)

// appendAudit writes what the transaction noted to the end of its user's chain.
func appendAudit(ctx context.Context, tx *userTx) error {
	if len(tx.entries) == 0 {
		return nil
	}
	var seq int64
	var last []byte
	var at time.Time
	if err := tx.QueryRow(ctx, lockHead, tx.userID).Scan(&seq, &last, &at); err != nil {
		return err
	}
	var batch pgx.Batch
	for _, entry := range tx.entries {
		detail, err := encodeDetail(entry.Detail)
		if err != nil {
			return err
		}
		seq++
		line := auditLine{
			userID: tx.userID, seq: seq, at: at, action: entry.Action, personaID: entry.PersonaID, detail: detail,
		}
		last = line.chain(last)
		batch.Queue(insertEntry, tx.userID, seq, at, entry.Action, entry.PersonaID, detail, last)
	}
	batch.Queue(updateHead, tx.userID, seq, last)
	return tx.SendBatch(ctx, &batch).Close()
}

func encodeDetail(detail map[string]any) (string, error) {
	if len(detail) == 0 {
		return "{}", nil
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return "", fmt.Errorf("storage: audit detail: %w", err)
	}
	if len(text) > maxDetail {
		return "", fmt.Errorf("storage: audit detail of %d bytes is too long", len(text))
	}
	return string(text), nil
}

// auditLine is an entry as it is hashed. detail is the text that is stored.
type auditLine struct {
	userID    string
	seq       int64
	at        time.Time
	action    string
	personaID string
	detail    string
	hash      []byte
}

// chain returns the SHA-256 over the hash before the line and its fields, each preceded by its length, so that no two different
// lines are the same bytes. Times count in microseconds, which is what the database keeps.
func (l auditLine) chain(previous []byte) []byte {
	sum := sha256.New()
	for _, field := range []string{
		string(previous), l.userID, strconv.FormatInt(l.seq, 10), strconv.FormatInt(l.at.UnixMicro(), 10), l.action, l.personaID,
		l.detail,
	} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(field)))
		sum.Write(length[:])
		sum.Write([]byte(field))
	}
	return sum.Sum(nil)
}

// Audit writes one entry to the user's log. Seq and At are set here.
func (s *Store) Audit(ctx context.Context, userID string, e AuditEntry) error {
	if e.Action == "" || (e.PersonaID != "" && !persona.IsID(e.PersonaID)) {
		return errors.New("storage: an audit entry needs an action, and a persona's id if any")
	}
	return s.asUser(ctx, userID, func(tx *userTx) error {
		tx.audit(e.Action, e.PersonaID, e.Detail)
		return nil
	})
}

const selectEntries = `
SELECT seq, at, action, COALESCE(persona_id::text, ''), detail FROM audit_log
WHERE user_id = $1 AND ($2 = 0 OR seq < $2) ORDER BY seq DESC LIMIT $3`

// AuditLog returns the user's entries, the newest first: at most limit, older than the entry with Seq before (0 = from the
// newest).
func (s *Store) AuditLog(ctx context.Context, userID string, limit int, before int64) (entries []AuditEntry, err error) {
	scan := func(row pgx.CollectableRow) (e AuditEntry, err error) {
		return e, row.Scan(&e.Seq, &e.At, &e.Action, &e.PersonaID, &e.Detail)
	}
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		entries, err = many(ctx, tx, scan, selectEntries, userID, before, max(limit, 0))
		return err
	})
	return entries, err
}
