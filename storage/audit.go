package storage

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/inflio/persona/storage/audit"
)

// Audit writes one entry to the user's log. An entry with a Subject is written at most once for the same user, action and subject,
// so an activity that is run again writes no second entry. Seq and At of e are ignored.
func (s *Store) Audit(ctx context.Context, userID string, e audit.Entry) error {
	return s.asUser(ctx, userID, func(tx *userTx) error {
		tx.entries = append(tx.entries, e)
		return nil
	})
}

// AuditLog returns the user's entries, the newest first: at most limit of them, and only those older than the entry with number
// before unless that is 0.
func (s *Store) AuditLog(ctx context.Context, userID string, limit int, before int64) (entries []audit.Entry, err error) {
	err = s.asUser(ctx, userID, func(tx *userTx) error {
		entries, err = audit.Read(ctx, tx, userID, limit, before)
		return err
	})
	return entries, err
}

// VerifyAudit checks every chain of the audit log; see audit.Verify. The error is about reading only.
func (s *Store) VerifyAudit(ctx context.Context) (result audit.Result, err error) {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly} // one snapshot of heads and log
	err = s.transact(ctx, options, func(tx pgx.Tx) error {
		if err := set(ctx, tx, settingDuty, dutyVerifier); err != nil {
			return err
		}
		// The statement reads the whole log, which may take longer than a statement of a request may.
		if err := set(ctx, tx, "statement_timeout", "0"); err != nil {
			return err
		}
		result, err = audit.Verify(ctx, tx)
		return err
	})
	return result, err
}
