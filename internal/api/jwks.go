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

// Fetching an issuer's keys. jwksWait is how long a token with an unknown key id waits for the rate limit of fetches:
// practically not at all, so that unknown key ids cannot hold requests for a minute.
const (
	jwksTimeout = 5 * time.Second
	jwksWait    = time.Millisecond
)

// jwksMethods are the signatures that the public keys of an issuer can verify. HS256 is not among them: with it, anybody
// who knows a public key could sign.
var jwksMethods = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

type jwksAuth struct {
	checker
	keys keyfunc.Keyfunc
}

// NewJWKSAuth returns an Authenticator of tokens that are signed by any key of the set at url. The set is fetched again
// every hour, and when a token names an unknown key, until ctx ends. An issuer that does not answer at the start is no
// error: until it does, its tokens are answered with CodeUnavailable.
func NewJWKSAuth(ctx context.Context, url string, hc *http.Client, log *slog.Logger, o AuthOptions) (Authenticator, error) {
	c, err := o.checker(jwksMethods...)
	if err != nil {
		return nil, err
	}
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
	return &jwksAuth{checker: c, keys: keys}, nil
}

func (a *jwksAuth) Authenticate(ctx context.Context, token string) (string, error) {
	return a.userID(token, func(t *jwt.Token) (any, error) {
		key, err := a.keys.KeyfuncCtx(ctx)(t)
		if err == nil {
			return key, nil
		}
		if known, readErr := a.keys.Storage().KeyReadAll(ctx); readErr == nil && len(known) == 0 {
			return nil, &persona.Error{
				Kind: persona.Unavailable, Code: persona.CodeUnavailable,
				Message: "The token cannot be checked because its issuer does not answer. Try again in a few seconds.",
			}
		}
		return nil, err
	})
}
