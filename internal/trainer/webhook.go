package trainer

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"golang.org/x/time/rate"

	"github.com/inflio/persona/internal/persona"
)

const (
	maxSkew       = 300 * time.Second // between the signature's time and ours
	keysFresh     = 24 * time.Hour    // the service asks not to cache its keys for longer
	keysEvery     = time.Minute       // between two fetches of the keys, whatever is sent to us
	keysTimeout   = 10 * time.Second  // of one fetch
	headRequestID = "X-Fal-Webhook-Request-Id"
	headUserID    = "X-Fal-Webhook-User-Id"
	headTime      = "X-Fal-Webhook-Timestamp"
	headSignature = "X-Fal-Webhook-Signature"
)

// WebhookVerifier checks that a webhook call was made by the service, and recently. It is safe for concurrent use.
//
// The keys are fetched and parsed by jwkset. When they are fetched is decided here, because jwkset's own client looks
// keys up by their id, which the service's keys do not have, and keeps old keys for as long as it cannot fetch new ones.
type WebhookVerifier struct {
	// UserID is the id of our account at the service (FAL_USER_ID). Calls signed for another account are refused. If it
	// is empty, calls for any account are accepted, as long as the service has signed them; nothing is learned from
	// them. Set it before the first use.
	UserID string

	jwksURL string
	http    *http.Client

	keys    atomic.Pointer[keySet] // nil until the first fetch
	fetch   sync.Mutex             // held while fetching, so that simultaneous calls fetch once
	allowed *rate.Limiter          // of fetches, so that forged calls cannot make us flood the service
}

// keySet is the service's keys as they were at one time.
type keySet struct {
	keys    []ed25519.PublicKey
	fetched time.Time
}

// NewWebhookVerifier makes a verifier that reads the service's keys from jwksURL. It does not connect. hc may be nil.
func NewWebhookVerifier(jwksURL string, hc *http.Client) *WebhookVerifier {
	if hc == nil {
		hc = &http.Client{Timeout: keysTimeout}
	}
	return &WebhookVerifier{jwksURL: jwksURL, http: hc, allowed: rate.NewLimiter(rate.Every(keysEvery), 1)}
}

// Verify checks signature and time, and that header and body name the same request, and returns the request id. body
// is the raw body. Its errors are *persona.Error: CodeUnauthorized for a call that cannot be trusted, Kind Unavailable
// when the keys could not be fetched. The service repeats a call that is answered with an error.
func (v *WebhookVerifier) Verify(ctx context.Context, header http.Header, body []byte, now time.Time) (requestID string, err error) {
	id, user, stamp := header.Get(headRequestID), header.Get(headUserID), header.Get(headTime)
	signature, err := hex.DecodeString(header.Get(headSignature))
	if err != nil || len(signature) != ed25519.SignatureSize || id == "" || stamp == "" {
		return "", untrusted("A webhook call without a signature was refused.")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > maxSkew {
		return "", untrusted("A webhook call that is too old or too new was refused.")
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
	if json.Unmarshal(body, &content) != nil || content.RequestID != id || !IsRequestID(id) {
		return "", untrusted("A webhook call whose body and header do not agree was refused.")
	}
	return id, nil
}

func untrusted(message string) *persona.Error {
	return &persona.Error{Kind: persona.Invalid, Code: persona.CodeUnauthorized, Message: message}
}

// verify checks a signature with the known keys, and fetches the keys again if they do not fit or are too old.
func (v *WebhookVerifier) verify(ctx context.Context, message, signature []byte, now time.Time) error {
	wrong := untrusted("A webhook call with a wrong signature was refused.")
	known := v.keys.Load()
	if known.fresh(now) && known.fits(message, signature) {
		return nil
	}
	v.fetch.Lock()
	defer v.fetch.Unlock()
	if newer := v.keys.Load(); newer != known { // fetched by another call, while this one waited
		if known = newer; known.fits(message, signature) {
			return nil
		}
	}
	if !v.allowed.AllowN(now, 1) {
		if known.fresh(now) {
			return wrong
		}
		return unavailable()
	}
	fetched, ok := v.fetchKeys(ctx, now)
	if !ok {
		return unavailable()
	}
	v.keys.Store(fetched)
	if !fetched.fits(message, signature) {
		return wrong
	}
	return nil
}

func (k *keySet) fresh(now time.Time) bool {
	return k != nil && now.Sub(k.fetched).Abs() <= keysFresh
}

func (k *keySet) fits(message, signature []byte) bool {
	if k == nil {
		return false
	}
	for _, key := range k.keys {
		if ed25519.Verify(key, message, signature) {
			return true
		}
	}
	return false
}

// fetchKeys fetches the key set. Keys of other kinds are ignored. ok is false when there is no usable key. It does not
// end with the caller's request: a forger who closes the connection must not use up the fetch that is allowed.
func (v *WebhookVerifier) fetchKeys(ctx context.Context, now time.Time) (set *keySet, ok bool) {
	ctx = context.WithoutCancel(ctx)
	store, err := jwkset.NewStorageFromHTTP(v.jwksURL, jwkset.HTTPClientStorageOptions{
		Ctx: ctx, Client: v.http, HTTPTimeout: keysTimeout,
	})
	if err != nil {
		return nil, false
	}
	published, err := store.KeyReadAll(ctx)
	if err != nil {
		return nil, false
	}
	set = &keySet{fetched: now}
	for _, k := range published {
		if key, ok := k.Key().(ed25519.PublicKey); ok {
			set.keys = append(set.keys, key)
		}
	}
	return set, len(set.keys) > 0
}
