package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/inflio/persona/internal/api"
	"github.com/inflio/persona/storage"
)

// Migrate brings the database to the newest schema, as its owner.
func Migrate(ctx context.Context, c Config) error {
	if c.MigrateURL == "" {
		return errors.New("PERSONA_MIGRATE_URL is not set: the PostgreSQL database, as the owner of its tables")
	}
	return storage.Migrate(ctx, string(c.MigrateURL), string(c.AppPassword))
}

// NewToken makes a token for a subject, for development and for operators; it needs PERSONA_AUTH_SECRET.
func NewToken(c Config, subject string, ttl time.Duration) (string, error) {
	if c.AuthSecret == "" {
		return "", errors.New("PERSONA_AUTH_SECRET is not set: tokens of an OIDC issuer come from that issuer")
	}
	options := api.AuthOptions{Issuer: c.AuthIssuer, Audience: c.AuthAudience}
	return api.SignToken(string(c.AuthSecret), options, subject, ttl)
}

// VerifyAudit checks the hash chain of every user's audit log.
func VerifyAudit(ctx context.Context, c Config) (storage.AuditResult, error) {
	if c.DatabaseURL == "" || c.BlobURL == "" || c.KeyURL == "" {
		return storage.AuditResult{}, errors.New("PERSONA_DATABASE_URL, PERSONA_BLOB_URL and PERSONA_KEY_URL must be set")
	}
	a := &App{config: c, log: slog.New(slog.DiscardHandler)}
	defer a.Close()
	if err := a.openStore(ctx); err != nil {
		return storage.AuditResult{}, fmt.Errorf("open the store: %w", err)
	}
	return a.store.VerifyAudit(ctx)
}
