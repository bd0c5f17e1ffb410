package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"github.com/inflio/persona/internal/persona"
)

// Waiting for an issuer's keys: one fetch, and never a whole minute because somebody sends unknown key ids.
const (
	jwksTimeout = 5 * time.Second
	jwksWait    = time.Millisecond
)

// jwksMethods are the signatures that an issuer's public keys can carry. HS256 is not among them: with it, anybody who
// knows a public key could sign.
var jwksMethods = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

type jwksAuth struct {
	parser *jwt.Parser
	keys   keyfunc.Keyfunc
}

// NewJWKSAuth accepts tokens signed by any key of the set at url, which is fetched again every hour and when a token
// names an unknown key. ctx ends the refreshing. An issuer that does not answer at the start is no error: its tokens
// are answered with CodeUnavailable until it does.
func NewJWKSAuth(ctx context.Context, url string, hc *http.Client, log *slog.Logger, o AuthOptions) (Authenticator, error) {
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{url}, keyfunc.Override{
		Client: hc, HTTPTimeout: jwksTimeout, RateLimitWaitMax: jwksWait,
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(ctx context.Context, err error) {
				log.WarnContext(ctx, "the issuer's keys could not be fetched", "error", err)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("the address of the issuer's keys cannot be used: %w", err)
	}
	return &jwksAuth{parser: o.parser(jwksMethods...), keys: keys}, nil
}

func (a *jwksAuth) Authenticate(ctx context.Context, token string) (string, error) {
	return subject(a.parser, token, func(t *jwt.Token) (any, error) {
		key, err := a.keys.KeyfuncCtx(ctx)(t)
		if err == nil {
			return key, nil
		}
		if known, readErr := a.keys.Storage().KeyReadAll(ctx); readErr == nil && len(known) == 0 {
			return nil, &persona.Error{
				Kind: persona.Unavailable, Code: persona.CodeUnavailable,
				Message: "The token cannot be checked: its issuer does not answer. Try again in a few seconds.",
			}
		}
		return nil, err
	})
}
