package api_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
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
	withHeader := func(key string, claims jwt.MapClaims, header string, value any) string {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
		token.Header[header] = value
		s, err := token.SignedString([]byte(key))
		require.NoError(t, err)
		return "Bearer " + s
	}
	withSub := func(claims jwt.MapClaims, name string) jwt.MapClaims {
		renamed := maps.Clone(claims)
		renamed[name] = renamed["sub"]
		delete(renamed, "sub")
		return renamed
	}
	refusal := func(name, header, want string) scenario {
		return scenario{
			name: name, method: http.MethodGet, path: "/api/personas", headers: map[string]string{"Authorization": header},
			status: 401, want: []string{`"code":"unauthorized"`, want}, wantNot: []string{"signature", "HS256", "claim"},
			answers: map[string]string{"WWW-Authenticate": `Bearer realm="persona", error="invalid_token"`},
		}
	}
	auth, err := api.NewSecretAuth(secret, api.AuthOptions{IDKey: idKey, Issuer: "house", Audience: "persona"})
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
		refusal("a token without an end", hs(secret, change("exp", nil)), "The token is not valid."),
		refusal("a token of the future", hs(secret, change("nbf", soon)), "not valid yet"),
		refusal("a token of another secret", hs("another secret", good), "The token is not valid."),
		refusal("a token of another issuer", hs(secret, change("iss", "elsewhere")), "The token is not valid."),
		refusal("a token for another audience", hs(secret, change("aud", "elsewhere")), "The token is not valid."),
		refusal("a token of nobody", hs(secret, change("sub", " ")), "does not name its user"),
		refusal("an unsigned token", "Bearer "+signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good), "The token is not valid."),
		refusal("another signature of the same secret", "Bearer "+signed(t, jwt.SigningMethodHS512, []byte(secret), good), "The token is not valid."),
		refusal("a critical extension", withHeader(secret, good, "crit", []string{"exp"}), "extension (crit)"),
		refusal("an empty list of critical extensions", withHeader(secret, good, "crit", []string{}), "extension (crit)"),
		refusal("a critical extension that is no list", withHeader(secret, good, "crit", "b64"), "extension (crit)"),
		refusal("a sub in another spelling", hs(secret, withSub(good, "Sub")), "does not name its user"),
		refusal("a sub that is no text", hs(secret, change("sub", 7)), "does not name its user"),
		refusal("a sub of damaged text", hs(secret, change("sub", "ada\ufffd")), "not valid text"),
		refusal("no token but a word", "Bearer hello", "The token is not valid."),
		refusal("another scheme", "Basic YWRhOmFkYQ==", "the word Bearer"),
		refusal("nothing after Bearer", "Bearer ", "the word Bearer"),
	})
}

func TestSecretMustNotBeShort(t *testing.T) {
	t.Parallel()
	short, long := strings.Repeat("x", 31), strings.Repeat("x", 32)
	for name, c := range map[string]struct {
		secret string
		change func(*api.AuthOptions)
		want   string
	}{
		"long enough":              {secret: long},
		"a byte too short":         {secret: short, want: "at least 32 bytes"},
		"eight bytes":              {secret: short[:8], want: "at least 32 bytes"},
		"short, for development":   {secret: "dev-secret", change: func(o *api.AuthOptions) { o.AllowShortSecret = true }},
		"nothing, for development": {change: func(o *api.AuthOptions) { o.AllowShortSecret = true }, want: "at least 32 bytes"},
		"no key of user ids":       {secret: long, change: func(o *api.AuthOptions) { o.IDKey = nil }, want: "the key of user ids"},
		"a short key of user ids":  {secret: long, change: func(o *api.AuthOptions) { o.IDKey = idKey[:31] }, want: "the key of user ids"},
	} {
		o := authOptions()
		if c.change != nil {
			c.change(&o)
		}
		_, err := api.NewSecretAuth(c.secret, o)
		if c.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.want, name)
	}
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

	auth, err := api.NewJWKSAuth(t.Context(), issuer.URL, issuer.Client(), log, authOptions())
	require.NoError(t, err)
	user, err := auth.Authenticate(t.Context(), signed(t, jwt.SigningMethodES256, key, claims))
	require.NoError(t, err)
	require.Equal(t, userID(ada), user)

	_, err = auth.Authenticate(t.Context(), signed(t, jwt.SigningMethodES256, other, claims))
	require.Equal(t, persona.CodeUnauthorized, persona.CodeOf(err), "a key that only claims to be the issuer's")
	_, err = auth.Authenticate(t.Context(), signed(t, jwt.SigningMethodHS256, []byte("anything"), claims))
	require.Equal(t, persona.CodeUnauthorized, persona.CodeOf(err))

	down.Store(true)
	late, err := api.NewJWKSAuth(t.Context(), issuer.URL, issuer.Client(), log, authOptions())
	require.NoError(t, err, "an issuer that is down must not keep the server from starting")
	_, err = late.Authenticate(t.Context(), signed(t, jwt.SigningMethodES256, key, claims))
	require.Equal(t, persona.CodeUnavailable, persona.CodeOf(err))
}

// A token whose subject is derived from that of another user must not reach that user's data, however it is spelt.
func TestSubjectsOfOthersReachNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.trained(ada)
	// A version of this program made the user id of such a subject with this name space, and kept subjects that were UUIDs.
	derived := uuid.NewSHA1(uuid.MustParse("6f1d1c3e-2b0a-5d57-9a55-3a0d7cb8a9f4"), []byte(ada)).String()
	spellings := []string{
		"%s", "{%s}", "urn:uuid:%s", "URN:UUID:%s",
	}
	var attacks []string
	for _, form := range []string{derived, userID(ada)} {
		for _, spelling := range spellings {
			attacks = append(attacks, fmt.Sprintf(spelling, form), fmt.Sprintf(spelling, strings.ToUpper(form)))
		}
		attacks = append(attacks, strings.ReplaceAll(form, "-", ""), strings.ToUpper(strings.ReplaceAll(form, "-", "")))
	}
	attacks = append(attacks, strings.ToUpper(ada), ada+" ", " "+ada, ada+"\x00", ada+"\u200b")
	for _, subject := range attacks {
		require.NotEqual(t, userID(ada), userID(subject), "%q", subject)
		rec := w.serve(subject, http.MethodGet, "/api/personas/"+id, "", http.NoBody)
		require.Equal(t, http.StatusNotFound, rec.Code, "%q", subject)
		rec = w.serve(subject, http.MethodGet, "/api/personas", "", http.NoBody)
		require.Contains(t, rec.Body.String(), `"total":0`, "%q", subject)
	}
	require.Equal(t, http.StatusOK, w.serve(ada, http.MethodGet, "/api/personas/"+id, "", http.NoBody).Code)

	// The same subject of another issuer is another user.
	claims := jwt.MapClaims{"sub": ada, "iss": "elsewhere", "exp": time.Now().Add(time.Hour).Unix()}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/personas/"+id, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+signed(t, jwt.SigningMethodHS256, []byte(secret), claims))
	require.Equal(t, http.StatusNotFound, w.do(r).Code)

	// A server that starts anew with the same key finds the same user.
	auth, err := api.NewSecretAuth(secret, authOptions())
	require.NoError(t, err)
	user, err := auth.Authenticate(t.Context(), token(t, ada))
	require.NoError(t, err)
	require.Equal(t, userID(ada), user)
}
