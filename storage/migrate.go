package storage

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/xdg-go/scram"
	"golang.org/x/text/secure/precis"

	"github.com/inflio/persona/migrations"
)

// Migrate brings the database to the newest migration, as its owner. It makes AppRole with appPassword if the role is missing; if the
// role exists, its password becomes appPassword unless that is empty. Running it again, or twice at once, is safe.
func Migrate(ctx context.Context, ownerDatabaseURL, appPassword string) error {
	config, err := pgx.ParseConfig(ownerDatabaseURL)
	if err != nil {
		return errDatabaseURL
	}
	db := stdlib.OpenDB(*config)
	defer func() { _ = db.Close() }()

	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("storage: %w", translate(err))
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	// Held until the connection closes. The locker of goose would poll for it.
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, migrationLock); err != nil {
		return fmt.Errorf("storage: %w", translate(err))
	}
	if err := ensureRole(ctx, conn, appPassword); err != nil {
		return fmt.Errorf("make the role %s: %w", AppRole, translate(err))
	}

	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// migrationLock is the advisory lock that lets one migration of a database run at a time. The number is arbitrary.
const migrationLock = 7_366_772_076

// ensureRole makes AppRole. Roles belong to the whole server, so another database may have made it already.
func ensureRole(ctx context.Context, conn *pgx.Conn, password string) error {
	var exists bool
	const query = `SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`
	if err := conn.QueryRow(ctx, query, AppRole).Scan(&exists); err != nil {
		return err
	}
	statement := "CREATE ROLE " + AppRole + " LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION"
	if exists {
		statement = "ALTER ROLE " + AppRole
	}
	if password == "" && exists {
		return nil
	}
	if password != "" {
		verifier, err := scramVerifier(password)
		if err != nil {
			return err
		}
		statement += " PASSWORD '" + verifier + "'"
	}
	_, err := conn.Exec(ctx, statement)
	return err
}

// scramVerifier returns what PostgreSQL would store for a password (RFC 5803). A password cannot be a parameter of CREATE ROLE, and
// as part of the statement it would be in the server's log in clear.
func scramVerifier(password string) (string, error) {
	// pgx, which the app connects with, normalizes a password like this. SASLprep, which RFC 5803 asks for, gives other bytes for a
	// few characters, such as ligatures, and the app could not log in.
	if normalized, err := precis.OpaqueString.String(password); err == nil {
		password = normalized
	}
	client, err := scram.SHA256.NewClientUnprepped(AppRole, password, "")
	if err != nil {
		return "", err
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt)                                       // never fails
	factors := scram.KeyFactors{Salt: string(salt), Iters: 4096} // the number that PostgreSQL uses
	stored, err := client.GetStoredCredentialsWithError(factors)
	if err != nil {
		return "", err
	}
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s",
		factors.Iters, encode(salt), encode(stored.StoredKey), encode(stored.ServerKey)), nil
}
