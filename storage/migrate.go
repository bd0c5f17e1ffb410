package storage

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"golang.org/x/text/secure/precis"

	"github.com/inflio/persona/migrations"
)

// Migrate brings the database to the newest migration, as its owner, and makes AppRole with appPassword where it is missing;
// where it exists, its password becomes appPassword, unless that is empty. Running it again, or twice at once, is safe.
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
	// Held until the connection closes; unlike goose's own locker it is handed on without polling.
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

// migrationLock lets one migration of a database run at a time; the number is arbitrary.
const migrationLock = 7_366_772_076

// ensureRole makes AppRole. Roles belong to the whole server, so it may be there already from another database.
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

// scramVerifier is what PostgreSQL itself would store for password (RFC 5803): a password cannot be a parameter of CREATE ROLE,
// and in clear it would stand in the server's log.
func scramVerifier(password string) (string, error) {
	const iterations = 4096 // PostgreSQL's own number
	if prepared, err := precis.OpaqueString.String(password); err == nil {
		password = prepared
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", err
	}
	sign := func(text string) []byte {
		mac := hmac.New(sha256.New, salted)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	stored := sha256.Sum256(sign("Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s",
		iterations, encode(salt), encode(stored[:]), encode(sign("Server Key"))), nil
}
