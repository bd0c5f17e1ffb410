package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/golang-jwt/jwt/v5"

	"github.com/inflio/persona/internal/persona"
)

// Authenticator tells whose token it is. An *persona.Error with CodeUnauthorized says why a token is not good enough;
// one of kind Unavailable that it cannot be checked now.
type Authenticator interface {
	Authenticate(ctx context.Context, token string) (userID string, err error)
}

// AuthOptions narrow which tokens are accepted. Empty values are not checked.
type AuthOptions struct {
	Issuer   string
	Audience string
}

// clockSkew is how far the clocks of the issuer and of this server may differ.
const clockSkew = 30 * time.Second

func (o AuthOptions) parser(methods ...string) *jwt.Parser {
	options := []jwt.ParserOption{
		jwt.WithValidMethods(methods), jwt.WithExpirationRequired(), jwt.WithLeeway(clockSkew),
	}
	if o.Issuer != "" {
		options = append(options, jwt.WithIssuer(o.Issuer))
	}
	if o.Audience != "" {
		options = append(options, jwt.WithAudience(o.Audience))
	}
	return jwt.NewParser(options...)
}

// minSecret is the shortest shared secret, in bytes. It is a floor against accidents; production wants 32 random bytes.
const minSecret = 8

type secretAuth struct {
	parser *jwt.Parser
	secret []byte
}

// NewSecretAuth accepts tokens that were signed with HS256 and secret. A secret of less than 8 bytes is an error.
func NewSecretAuth(secret string, o AuthOptions) (Authenticator, error) {
	if len(secret) < minSecret {
		return nil, errors.New("the secret for tokens must have at least 8 characters")
	}
	return &secretAuth{parser: o.parser(jwt.SigningMethodHS256.Alg()), secret: []byte(secret)}, nil
}

func (a *secretAuth) Authenticate(_ context.Context, token string) (string, error) {
	return subject(a.parser, token, func(*jwt.Token) (any, error) { return a.secret, nil })
}

// SignToken makes a token for subject that NewSecretAuth with the same secret and options accepts for ttl.
func SignToken(secret string, o AuthOptions, subject string, ttl time.Duration) (string, error) {
	now := time.Now()
	claims := jwt.RegisteredClaims{
		Subject: subject, Issuer: o.Issuer, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
	}
	if o.Audience != "" {
		claims.Audience = jwt.ClaimStrings{o.Audience}
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
}

// subject checks token and returns the user id of its subject.
func subject(parser *jwt.Parser, token string, key jwt.Keyfunc) (string, error) {
	var claims jwt.RegisteredClaims
	_, err := parser.ParseWithClaims(token, &claims, key)
	var e *persona.Error
	switch {
	case errors.As(err, &e):
		return "", e
	case errors.Is(err, jwt.ErrTokenExpired):
		return "", unauthorized("The token has expired. Sign in again to get a new one.")
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return "", unauthorized("The token is not valid yet. Check the clock of the computer that made it.")
	case err != nil:
		return "", unauthorized("The token is not valid here.")
	case strings.TrimSpace(claims.Subject) == "":
		return "", unauthorized("The token does not say whose it is: it has no sub.")
	}
	return persona.UserID(claims.Subject), nil
}

func unauthorized(message string) *persona.Error {
	return &persona.Error{Kind: persona.Invalid, Code: persona.CodeUnauthorized, Message: message}
}

// bearerScheme is the name of the one way to sign in, in the OpenAPI description.
const bearerScheme = "bearer"

// needsToken marks the operations that act for a user.
var needsToken = []map[string][]string{{bearerScheme: {}}}

// authenticate lets a request through to operations that act for a user only with a good token.
func (s *server) authenticate(ctx huma.Context, next func(huma.Context)) {
	if len(ctx.Operation().Security) == 0 {
		next(ctx)
		return
	}
	c := callOf(ctx.Context())
	userID, err := s.userFromHeader(ctx.Context(), ctx.Header("Authorization"))
	if err != nil {
		p := s.problem(ctx.Context(), err)
		if p.Status == http.StatusUnauthorized && ctx.Header("Authorization") != "" {
			p.header = http.Header{"Www-Authenticate": {`Bearer realm="persona", error="invalid_token"`}}
		}
		writeProblem(humaecho.Unwrap(ctx).Response(), p)
		return
	}
	c.userID = userID
	next(ctx)
}

func (s *server) userFromHeader(ctx context.Context, header string) (string, error) {
	if header == "" {
		return "", unauthorized("A token is needed: send it as Authorization: Bearer <token>.")
	}
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "" {
		return "", unauthorized("The Authorization header must be the word Bearer, a space and a token.")
	}
	return s.Auth.Authenticate(ctx, strings.TrimSpace(token))
}
