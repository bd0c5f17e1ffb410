package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/golang-jwt/jwt/v5"

	"github.com/inflio/persona/internal/persona"
)

// Authenticator checks a token and returns the id of its user. The error is an *persona.Error: CodeUnauthorized for a
// token that is not accepted, kind Unavailable if it cannot be checked at the moment.
type Authenticator interface {
	Authenticate(ctx context.Context, token string) (userID string, err error)
}

// AuthOptions say which tokens are accepted and how user ids are made from them.
type AuthOptions struct {
	// IDKey makes the user id of a token's issuer and subject; see persona.IDKey.UserID. It is required.
	IDKey persona.IDKey
	// Issuer is the iss that a token must have; empty accepts any.
	Issuer string
	// Audience is an aud that a token must have; empty accepts any.
	Audience string
	// AllowShortSecret accepts a shared secret of less than 32 bytes. It is for development only.
	AllowShortSecret bool
}

// clockSkew is the largest accepted difference between the clocks of the issuer and of this server.
const clockSkew = 30 * time.Second

func (o AuthOptions) checker(methods ...string) (checker, error) {
	if len(o.IDKey) < persona.IDKeyBytes {
		return checker{}, errors.New("the key of user ids must have at least 32 bytes")
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(methods), jwt.WithExpirationRequired(), jwt.WithLeeway(clockSkew),
	}
	if o.Issuer != "" {
		options = append(options, jwt.WithIssuer(o.Issuer))
	}
	if o.Audience != "" {
		options = append(options, jwt.WithAudience(o.Audience))
	}
	return checker{parser: jwt.NewParser(options...), idKey: o.IDKey}, nil
}

// MinSecretBytes is the shortest shared secret of HS256, in bytes: RFC 7518 wants a key as long as the hash.
const MinSecretBytes = 32

type secretAuth struct {
	checker
	secret []byte
}

// NewSecretAuth returns an Authenticator of tokens that are signed with HS256 and secret. It fails when the secret has
// less than MinSecretBytes and the options do not allow that, or when the options have no IDKey.
func NewSecretAuth(secret string, o AuthOptions) (Authenticator, error) {
	if secret == "" || len(secret) < MinSecretBytes && !o.AllowShortSecret {
		return nil, errors.New("the secret of tokens must have at least 32 bytes")
	}
	c, err := o.checker(jwt.SigningMethodHS256.Alg())
	if err != nil {
		return nil, err
	}
	return &secretAuth{checker: c, secret: []byte(secret)}, nil
}

func (a *secretAuth) Authenticate(_ context.Context, token string) (string, error) {
	return a.userID(token, func(*jwt.Token) (any, error) { return a.secret, nil })
}

// SignToken returns a token for subject that is valid for ttl. NewSecretAuth with the same secret and options accepts it.
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

// checker checks tokens, whoever signed them.
type checker struct {
	parser *jwt.Parser
	idKey  persona.IDKey
}

// userID checks token with the key that key finds and returns the id of its user.
func (c checker) userID(token string, key jwt.Keyfunc) (string, error) {
	// A map and not a struct: encoding/json fills the fields of a struct from names in any case, so that a claim "Sub"
	// would replace "sub".
	claims := jwt.MapClaims{}
	_, err := c.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		// RFC 7515, 4.1.11: a token whose critical extensions are not understood must be refused. None is understood here.
		if _, critical := t.Header["crit"]; critical {
			return nil, unauthorized("The token uses an extension (crit) that is not supported.")
		}
		return key(t)
	})
	var e *persona.Error
	switch {
	case errors.As(err, &e):
		return "", e
	case errors.Is(err, jwt.ErrTokenExpired):
		return "", unauthorized("The token has expired. Sign in again to get a new one.")
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return "", unauthorized("The token is not valid yet. Check the clock of the computer that issued it.")
	case err != nil:
		return "", unauthorized("The token is not valid.")
	}
	subject, err := claims.GetSubject()
	if err != nil || strings.TrimSpace(subject) == "" {
		return "", unauthorized("The token does not name its user: it has no sub.")
	}
	issuer, err := claims.GetIssuer()
	if err != nil {
		return "", unauthorized("The token is not valid.")
	}
	// The JSON decoder replaces what is not UTF-8, so that several subjects would become one.
	if strings.ContainsRune(subject+issuer, utf8.RuneError) {
		return "", unauthorized("The token has a sub or an iss that is not valid text.")
	}
	return c.idKey.UserID(issuer, subject), nil
}

func unauthorized(message string) *persona.Error {
	return &persona.Error{Kind: persona.Invalid, Code: persona.CodeUnauthorized, Message: message}
}

// bearerScheme is the name of the one security scheme in the OpenAPI description.
const bearerScheme = "bearer"

// needsToken is the security requirement of operations that act for a user.
var needsToken = []map[string][]string{{bearerScheme: {}}}

// authenticate requires a valid token for operations that act for a user, and limits how many requests of a user are
// served at one time.
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
	if !s.requests.take(userID) {
		// The body is not read, and reading it to keep the connection would be the work that is refused.
		humaecho.Unwrap(ctx).Response().Header().Set("Connection", "close")
		writeProblem(humaecho.Unwrap(ctx).Response(), newProblem(persona.CodeTooManyRequests,
			"Too many of your requests are being served. Send this one again when others have been answered."))
		return
	}
	defer s.requests.release(userID)
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
