package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/inflio/persona/internal/api"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/audit"
)

// Migrate migrates the database to the newest schema, as its owner.
func Migrate(ctx context.Context, c Config) error {
	if c.MigrateURL == "" {
		return errors.New("PERSONA_MIGRATE_URL is not set: the PostgreSQL database, as the owner of its tables")
	}
	return storage.Migrate(ctx, string(c.MigrateURL), string(c.AppPassword))
}

// NewToken returns a token for a subject that is valid for ttl. It fails without PERSONA_AUTH_SECRET.
func NewToken(c Config, subject string, ttl time.Duration) (string, error) {
	if c.AuthSecret == "" {
		return "", errors.New("PERSONA_AUTH_SECRET is not set: with PERSONA_AUTH_JWKS_URL, tokens come from the issuer")
	}
	options := api.AuthOptions{Issuer: c.AuthIssuer, Audience: c.AuthAudience}
	return api.SignToken(string(c.AuthSecret), options, subject, ttl)
}

// VerifyAudit checks the hash chain of every user's audit log. It needs the database alone: the log is neither encrypted
// nor in a bucket.
func VerifyAudit(ctx context.Context, c Config) (audit.Result, error) {
	if c.DatabaseURL == "" {
		return audit.Result{}, errors.New("PERSONA_DATABASE_URL is not set: the PostgreSQL database, as the role persona_app")
	}
	store, err := storage.Open(ctx, string(c.DatabaseURL), nil, nil)
	if err != nil {
		return audit.Result{}, fmt.Errorf("PERSONA_DATABASE_URL: %w", err)
	}
	defer store.Close()
	return store.VerifyAudit(ctx)
}
