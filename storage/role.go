package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/inflio/persona/migrations"
)

// AppRole is the role that the app connects as: it owns nothing and cannot get around row-level security.
const AppRole = "persona_app"

// errDatabaseURL keeps the address, which may hold a password, out of the message.
var errDatabaseURL = errors.New("the database address is not a valid PostgreSQL URL")

const selectRole = `
SELECT current_user,
       EXISTS (SELECT FROM pg_roles WHERE (rolsuper OR rolbypassrls) AND pg_has_role(current_user, oid, 'MEMBER')),
       EXISTS (SELECT FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
                                      AND pg_has_role(current_user, relowner, 'MEMBER')),
       to_regclass('goose_db_version') IS NOT NULL`

// check refuses a role that could see everybody's rows, and a database that is older than this program.
func check(ctx context.Context, pool *pgxpool.Pool) error {
	var role string
	var mighty, owner, migrated bool
	if err := pool.QueryRow(ctx, selectRole).Scan(&role, &mighty, &owner, &migrated); err != nil {
		return fmt.Errorf("storage: %w", translate(err))
	}
	if mighty || owner {
		why := "owns tables"
		if mighty {
			why = "is a superuser or has BYPASSRLS"
		}
		return fmt.Errorf("the database role %q %s, so it could read every user's data: connect as %s", role, why, AppRole)
	}
	want := newest()
	var have int64
	if migrated {
		const version = `SELECT COALESCE(max(version_id), 0) FROM goose_db_version WHERE is_applied`
		err := pool.QueryRow(ctx, version).Scan(&have)
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == "42501" {
			return fmt.Errorf("the database role %q may not read this database: connect as %s", role, AppRole)
		} else if err != nil {
			return fmt.Errorf("storage: %w", translate(err))
		}
	}
	if have < want {
		return fmt.Errorf("the database is at migration %d and this program needs %d: run persona migrate", have, want)
	}
	return nil
}

// newest is the number of the last migration that this program knows.
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
