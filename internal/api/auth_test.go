package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/api"
	"github.com/inflio/persona/internal/persona"
)

func signed(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = "key-1"
	s, err := token.SignedString(key)
	require.NoError(t, err)
	return s
}

func TestTokens(t *testing.T) {
	t.Parallel()
	soon, past := time.Now().Add(time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
	hs := func(key string, claims jwt.MapClaims) string {
		return "Bearer " + signed(t, jwt.SigningMethodHS256, []byte(key), claims)
	}
	good := jwt.MapClaims{"sub": ada, "exp": soon, "iss": "house", "aud": "persona"}
	change := func(name string, value any) jwt.MapClaims {
		claims := jwt.MapClaims{}
		maps.Copy(claims, good)
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
		return claims
	}
	refusal := func(name, header, want string) scenario {
		return scenario{
			name: name, method: http.MethodGet, path: "/api/personas", headers: map[string]string{"Authorization": header},
			status: 401, want: []string{`"code":"unauthorized"`, want}, wantNot: []string{"signature", "HS256", "claim"},
			answers: map[string]string{"WWW-Authenticate": `Bearer realm="persona", error="invalid_token"`},
		}
	}
	auth, err := api.NewSecretAuth(secret, api.AuthOptions{Issuer: "house", Audience: "persona"})
	require.NoError(t, err)
	w := newWorld(t, func(o *api.Options) { o.Auth = auth })
	inOrder(t, w, []scenario{
		{
			name: "a good token", method: http.MethodGet, path: "/api/personas",
			headers: map[string]string{"Authorization": hs(secret, good)}, status: 200,
		},
		{
			name: "a scheme in lower case", method: http.MethodGet, path: "/api/personas",
			headers: map[string]string{"Authorization": "bearer" + hs(secret, good)[6:]}, status: 200,
		},
		refusal("an expired token", hs(secret, change("exp", past)), "The token has expired."),
		refusal("a token without an end", hs(secret, change("exp", nil)), "not valid here"),
		refusal("a token of the future", hs(secret, change("nbf", soon)), "not valid yet"),
		refusal("a token of another secret", hs("another secret", good), "not valid here"),
		refusal("a token of another issuer", hs(secret, change("iss", "elsewhere")), "not valid here"),
		refusal("a token for another audience", hs(secret, change("aud", "elsewhere")), "not valid here"),
		refusal("a token of nobody", hs(secret, change("sub", " ")), "whose it is"),
		refusal("an unsigned token", "Bearer "+signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good), "not valid here"),
		refusal("another signature of the same secret", "Bearer "+signed(t, jwt.SigningMethodHS512, []byte(secret), good), "not valid here"),
		refusal("no token but a word", "Bearer hello", "not valid here"),
		refusal("another scheme", "Basic YWRhOmFkYQ==", "the word Bearer"),
		refusal("nothing after Bearer", "Bearer ", "the word Bearer"),
	})
}

func TestSecretMustNotBeShort(t *testing.T) {
	t.Parallel()
	_, err := api.NewSecretAuth("short", api.AuthOptions{})
	require.ErrorContains(t, err, "at least 8")
}

func TestJWKS(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	var down atomic.Bool
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		public, _ := key.PublicKey.Bytes() // P-256 always has them
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{
			"kty": "EC", "crv": "P-256", "kid": "key-1", "alg": "ES256", "use": "sig",
			"x": base64.RawURLEncoding.EncodeToString(public[1:33]), "y": base64.RawURLEncoding.EncodeToString(public[33:]),
		}}})
	}))
	t.Cleanup(issuer.Close)
	claims := jwt.MapClaims{"sub": ada, "exp": time.Now().Add(time.Hour).Unix()}
	log := slog.New(slog.DiscardHandler)

	auth, err := api.NewJWKSAuth(t.Context(), issuer.URL, issuer.Client(), log, api.AuthOptions{})
	require.NoError(t, err)
	user, err := auth.Authenticate(t.Context(), signed(t, jwt.SigningMethodES256, key, claims))
	require.NoError(t, err)
	require.Equal(t, persona.UserID(ada), user)

	_, err = auth.Authenticate(t.Context(), signed(t, jwt.SigningMethodES256, other, claims))
	require.Equal(t, persona.CodeUnauthorized, persona.CodeOf(err), "a key that only claims to be the issuer's")
	_, err = auth.Authenticate(t.Context(), signed(t, jwt.SigningMethodHS256, []byte("anything"), claims))
	require.Equal(t, persona.CodeUnauthorized, persona.CodeOf(err))

	down.Store(true)
	late, err := api.NewJWKSAuth(t.Context(), issuer.URL, issuer.Client(), log, api.AuthOptions{})
	require.NoError(t, err, "an issuer that is down must not keep the server from starting")
	_, err = late.Authenticate(t.Context(), signed(t, jwt.SigningMethodES256, key, claims))
	require.Equal(t, persona.CodeUnavailable, persona.CodeOf(err))
}
