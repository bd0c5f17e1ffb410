package storage

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

const (
	selectHeads = `SELECT user_id, seq, hash FROM audit_heads`
	selectChain = `
SELECT user_id, seq, at, action, COALESCE(persona_id::text, ''), detail::text, hash FROM audit_log ORDER BY user_id, seq`
)

type auditHead struct {
	userID string
	seq    int64
	hash   []byte
}

// VerifyAudit reads every chain of the audit log and tells where one does not hold: an entry that was changed, removed or put
// in, and a chain whose end is missing. The error is about reading only.
func (s *Store) VerifyAudit(ctx context.Context) (AuditResult, error) {
	check := auditCheck{heads: make(map[string]auditHead)}
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly} // heads and log of one moment
	err := pgx.BeginTxFunc(ctx, s.pool, options, func(tx pgx.Tx) error {
		if err := set(ctx, tx, settingDuty, dutyVerifier); err != nil {
			return err
		}
		heads, err := many(ctx, tx, func(row pgx.CollectableRow) (h auditHead, err error) {
			return h, row.Scan(&h.userID, &h.seq, &h.hash)
		}, selectHeads)
		if err != nil {
			return err
		}
		for _, head := range heads {
			check.heads[head.userID] = head
		}
		rows, err := tx.Query(ctx, selectChain)
		if err != nil {
			return err
		}
		var line auditLine
		fields := []any{&line.userID, &line.seq, &line.at, &line.action, &line.personaID, &line.detail, &line.hash}
		_, err = pgx.ForEachRow(rows, fields, func() error {
			check.line(line)
			return nil
		})
		return err
	})
	if err != nil {
		return AuditResult{}, translate(err)
	}
	return check.result(), nil
}

// auditCheck walks over all lines, ordered by user and number.
type auditCheck struct {
	heads  map[string]auditHead // of users whose chain was not finished yet
	found  AuditResult
	userID string
	seq    int64
	hash   []byte
}

func (c *auditCheck) line(line auditLine) {
	if line.userID != c.userID {
		c.finish()
		c.userID, c.seq, c.hash = line.userID, 0, nil
		c.found.Users++
	}
	c.found.Entries++
	switch {
	case line.seq != c.seq+1:
		c.broken("entries %d to %d of user %s were removed", c.seq+1, line.seq-1, line.userID)
	case !bytes.Equal(line.chain(c.hash), line.hash):
		c.broken("entry %d of user %s was changed or put in", line.seq, line.userID)
	}
	// Going on from what is stored names each break once.
	c.seq, c.hash = line.seq, bytes.Clone(line.hash)
}

// finish compares the last line of a user with the head of the chain.
func (c *auditCheck) finish() {
	if c.userID == "" {
		return
	}
	head, ok := c.heads[c.userID]
	delete(c.heads, c.userID)
	switch {
	case !ok:
		c.broken("the chain of user %s has no head", c.userID)
	case c.seq < head.seq:
		c.broken("entries %d to %d of user %s were removed", c.seq+1, head.seq, c.userID)
	case c.seq > head.seq:
		c.broken("entries %d to %d of user %s were put in", head.seq+1, c.seq, c.userID)
	case !bytes.Equal(c.hash, head.hash):
		c.broken("the last entry, %d, of user %s was changed", c.seq, c.userID)
	}
}

func (c *auditCheck) result() AuditResult {
	c.finish()
	for _, userID := range slices.Sorted(maps.Keys(c.heads)) {
		if head := c.heads[userID]; head.seq > 0 {
			c.broken("entries 1 to %d of user %s were removed", head.seq, userID)
		}
	}
	return c.found
}

func (c *auditCheck) broken(format string, args ...any) {
	c.found.Broken = append(c.found.Broken, fmt.Sprintf(format, args...))
}
