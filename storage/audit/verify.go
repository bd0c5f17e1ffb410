package audit

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Result is what Verify found.
type Result struct {
	Users   int
	Entries int
	Broken  []string // one sentence for each break; empty when every chain is intact
}

const (
	selectHeads = `SELECT user_id, seq, hash FROM audit_heads`
	selectChain = `
SELECT user_id, seq, at, action, COALESCE(persona_id::text, ''), COALESCE(subject, ''), detail::text, hash
FROM audit_log ORDER BY user_id, seq`
)

type head struct {
	userID string
	seq    int64
	hash   []byte
}

// Verify reads every chain and reports each break: an entry that was changed, removed or inserted, and a chain whose end is
// missing. The transaction must act as the verifier and see one snapshot, or entries written meanwhile look like breaks. The error is
// about reading only.
func Verify(ctx context.Context, tx pgx.Tx) (Result, error) {
	heads, err := readHeads(ctx, tx)
	if err != nil {
		return Result{}, err
	}
	check := checker{heads: heads}
	rows, err := tx.Query(ctx, selectChain)
	if err != nil {
		return Result{}, err
	}
	var l line
	fields := []any{&l.userID, &l.seq, &l.at, &l.action, &l.personaID, &l.subject, &l.detail, &l.hash}
	if _, err := pgx.ForEachRow(rows, fields, func() error {
		check.line(l)
		return nil
	}); err != nil {
		return Result{}, err
	}
	return check.result(), nil
}

func readHeads(ctx context.Context, tx pgx.Tx) (map[string]head, error) {
	rows, err := tx.Query(ctx, selectHeads)
	if err != nil {
		return nil, err
	}
	heads := make(map[string]head)
	var h head
	_, err = pgx.ForEachRow(rows, []any{&h.userID, &h.seq, &h.hash}, func() error {
		heads[h.userID] = head{h.userID, h.seq, bytes.Clone(h.hash)}
		return nil
	})
	return heads, err
}

// checker goes through all lines, which are ordered by user and number.
type checker struct {
	heads  map[string]head // of the users whose chain is not finished yet
	found  Result
	userID string
	seq    int64
	hash   []byte
}

func (c *checker) line(l line) {
	if l.userID != c.userID {
		c.finish()
		c.userID, c.seq, c.hash = l.userID, 0, nil
		c.found.Users++
	}
	c.found.Entries++
	switch {
	case l.seq != c.seq+1:
		c.broken("entries %d to %d of user %s were removed", c.seq+1, l.seq-1, l.userID)
	case !bytes.Equal(l.chain(c.hash), l.hash):
		c.broken("entry %d of user %s was changed or inserted", l.seq, l.userID)
	}
	// The next line is compared with what is stored, so each break is reported once.
	c.seq, c.hash = l.seq, bytes.Clone(l.hash)
}

// finish compares the last line of a user with the head of the chain.
func (c *checker) finish() {
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
		c.broken("entries %d to %d of user %s were inserted", head.seq+1, c.seq, c.userID)
	case !bytes.Equal(c.hash, head.hash):
		c.broken("the last entry, %d, of user %s was changed", c.seq, c.userID)
	}
}

func (c *checker) result() Result {
	c.finish()
	for _, userID := range slices.Sorted(maps.Keys(c.heads)) {
		if head := c.heads[userID]; head.seq > 0 {
			c.broken("entries 1 to %d of user %s were removed", head.seq, userID)
		}
	}
	return c.found
}

func (c *checker) broken(format string, args ...any) {
	c.found.Broken = append(c.found.Broken, fmt.Sprintf(format, args...))
}
