package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/inflio/persona/migrations"
)

// AppRole is the role that the app connects as. It owns nothing and cannot bypass row-level security.
const AppRole = "persona_app"

const selectRole = `
SELECT current_user,
       EXISTS (SELECT FROM pg_roles WHERE (rolsuper OR rolbypassrls) AND pg_has_role(current_user, oid, 'MEMBER')),
       EXISTS (SELECT FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
                                      AND pg_has_role(current_user, relowner, 'MEMBER')),
       to_regclass('goose_db_version') IS NOT NULL`

// check refuses a role that could see the rows of all users, and a database that is older than this program.
func (s *Store) check(ctx context.Context) error {
	var role string
	var bypasses, owner, migrated bool
	var have int64
	err := s.transact(ctx, pgx.TxOptions{}, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, selectRole).Scan(&role, &bypasses, &owner, &migrated); err != nil || !migrated {
			return err
		}
		const version = `SELECT COALESCE(max(version_id), 0) FROM goose_db_version WHERE is_applied`
		err := tx.QueryRow(ctx, version).Scan(&have)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == insufficientPrivilege {
			return fmt.Errorf("the database role %q may not read this database: connect as %s", role, AppRole)
		}
		return err
	})
	switch want := newest(); {
	case bypasses:
		return fmt.Errorf("the database role %q is a superuser or has BYPASSRLS, so it could read every user's data: connect as %s", role, AppRole)
	case owner:
		return fmt.Errorf("the database role %q owns tables, so it could read every user's data: connect as %s", role, AppRole)
	case err != nil:
		return fmt.Errorf("storage: %w", err)
	case have < want:
		return fmt.Errorf("the database is at migration %d and this program needs %d: run persona migrate", have, want)
	}
	return nil
}

// newest is the number of the last migration that this program has.
func newest() int64 {
	names, _ := fs.Glob(migrations.FS, "*.sql") // the pattern is valid
	var last int64
	for _, name := range names {
		number, _, _ := strings.Cut(name, "_")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			last = max(last, n)
		}
	}
	return last
}
