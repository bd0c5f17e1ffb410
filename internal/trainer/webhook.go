package trainer

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/inflio/persona/internal/persona"
)

const (
	maxSkew     = 300 * time.Second // between the signature's time and ours
	keysFresh   = 24 * time.Hour    // the service asks not to cache its keys for longer
	keysMinAge  = time.Minute       // between two fetches, so that forged calls cannot make us hammer the service
	maxKeyBytes = 1 << 20
)

// WebhookVerifier checks that a webhook call comes from the service and is new. It is safe for concurrent use.
type WebhookVerifier struct {
	// UserID is our account at the service; calls signed for another are refused. "" accepts any. Set before first use.
	UserID string

	jwksURL string
	http    *http.Client

	mu      sync.Mutex // also held while fetching, so that a burst of calls fetches once
	keys    []ed25519.PublicKey
	fetched time.Time // last success
	tried   time.Time // last attempt
}

// NewWebhookVerifier makes a verifier that reads the service's keys from jwksURL. hc may be nil.
func NewWebhookVerifier(jwksURL string, hc *http.Client) *WebhookVerifier {
	if hc == nil {
		hc = &http.Client{Timeout: 10 * time.Second}
	}
	return &WebhookVerifier{jwksURL: jwksURL, http: hc}
}

// Verify checks signature, time and the agreement of header and body, and returns the request id. body is the raw body.
// What fails is a *persona.Error: CodeUnauthorized for a call that cannot be trusted, Kind Unavailable when the keys
// could not be fetched (the service then calls again).
func (v *WebhookVerifier) Verify(ctx context.Context, header http.Header, body []byte, now time.Time) (requestID string, err error) {
	id, user := header.Get("X-Fal-Webhook-Request-Id"), header.Get("X-Fal-Webhook-User-Id")
	stamp := header.Get("X-Fal-Webhook-Timestamp")
	signature, err := hex.DecodeString(header.Get("X-Fal-Webhook-Signature"))
	if err != nil || len(signature) != ed25519.SignatureSize || id == "" || stamp == "" {
		return "", untrusted("A webhook call without a signature was refused.")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > maxSkew {
		return "", untrusted("A webhook call of another time was refused.")
	}
	if v.UserID != "" && user != v.UserID {
		return "", untrusted("A webhook call for another account was refused.")
	}
	sum := sha256.Sum256(body)
	message := []byte(strings.Join([]string{id, user, stamp, hex.EncodeToString(sum[:])}, "\n"))
	if err := v.verify(ctx, message, signature, now); err != nil {
		return "", err
	}
	var content struct {
		RequestID string `json:"request_id"`
	}
	if json.Unmarshal(body, &content) != nil || content.RequestID != id || !requestIDPattern.MatchString(id) {
		return "", untrusted("A webhook call whose body does not fit its header was refused.")
	}
	return id, nil
}

func untrusted(message string) *persona.Error {
	return &persona.Error{Kind: persona.Invalid, Code: persona.CodeUnauthorized, Message: message}
}

func (v *WebhookVerifier) verify(ctx context.Context, message, signature []byte, now time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	stale := now.Sub(v.fetched).Abs() > keysFresh
	if !stale && matches(v.keys, message, signature) {
		return nil
	}
	// Keys may have changed since: look once more, but not for every forgery.
	if now.Sub(v.tried).Abs() < keysMinAge {
		if stale {
			return unavailable()
		}
		return untrusted("A webhook call with a wrong signature was refused.")
	}
	v.tried = now
	keys, ok := v.fetch(ctx)
	if !ok {
		return unavailable()
	}
	v.keys, v.fetched = keys, now
	if !matches(v.keys, message, signature) {
		return untrusted("A webhook call with a wrong signature was refused.")
	}
	return nil
}

func matches(keys []ed25519.PublicKey, message, signature []byte) bool {
	for _, key := range keys {
		if ed25519.Verify(key, message, signature) {
			return true
		}
	}
	return false
}

// fetch reads the key set; keys of other kinds are passed over. ok is false when there is no usable key.
func (v *WebhookVerifier) fetch(ctx context.Context) (keys []ed25519.PublicKey, ok bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.jwksURL, http.NoBody)
	if err != nil {
		return nil, false
	}
	res, err := v.http.Do(req)
	if err != nil {
		return nil, false
	}
	defer func() { _ = res.Body.Close() }() // only read from
	body, err := io.ReadAll(io.LimitReader(res.Body, maxKeyBytes))
	if err != nil || res.StatusCode != http.StatusOK {
		return nil, false
	}
	var set struct {
		Keys []struct {
			Kty string `json:"kty"`
			Crv string `json:"crv"`
			X   string `json:"x"`
		} `json:"keys"`
	}
	if json.Unmarshal(body, &set) != nil {
		return nil, false
	}
	for _, k := range set.Keys {
		x, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(k.X, "="))
		if err == nil && k.Kty == "OKP" && k.Crv == "Ed25519" && len(x) == ed25519.PublicKeySize {
			keys = append(keys, x)
		}
	}
	return keys, len(keys) > 0
}
