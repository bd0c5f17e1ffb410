package trainer_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
)

var noon = time.Unix(1_770_000_000, 0)

const webhookBody = `{"request_id":"r1","gateway_request_id":"g9","status":"OK","payload":{}}`

// signer signs webhooks as the service does, and serves the public key.
type signer struct {
	key   atomic.Pointer[ed25519.PrivateKey]
	fails atomic.Bool
	*service
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	s := &signer{}
	s.rotate(t)
	s.service = serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		if s.fails.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		public, ok := s.key.Load().Public().(ed25519.PublicKey)
		require.True(t, ok)
		reply(t, w, http.StatusOK, map[string]any{"keys": []any{
			map[string]string{"kty": "AKP", "alg": "ML-DSA-65", "pub": "AQAB"}, // keys of other kinds are ignored
			map[string]string{"kty": "OKP", "crv": "X25519", "x": base64.RawURLEncoding.EncodeToString(public)},
			map[string]string{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public)},
		}})
	})
	return s
}

func (s *signer) rotate(t *testing.T) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	s.key.Store(&private)
}

func (s *signer) sign(id, user, body string, at time.Time) http.Header {
	sum := sha256.Sum256([]byte(body))
	stamp := strconv.FormatInt(at.Unix(), 10)
	message := fmt.Sprintf("%s\n%s\n%s\n%s", id, user, stamp, hex.EncodeToString(sum[:]))
	h := http.Header{}
	h.Set("X-Fal-Webhook-Request-Id", id)
	h.Set("X-Fal-Webhook-User-Id", user)
	h.Set("X-Fal-Webhook-Timestamp", stamp)
	h.Set("X-Fal-Webhook-Signature", hex.EncodeToString(ed25519.Sign(*s.key.Load(), []byte(message))))
	return h
}

func TestWebhookIsAccepted(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := trainer.NewWebhookVerifier(s.URL, nil)
	v.UserID = "user-1"
	for _, at := range []time.Time{noon, noon.Add(300 * time.Second), noon.Add(-300 * time.Second)} {
		id, err := v.Verify(t.Context(), s.sign("r1", "user-1", webhookBody, at), []byte(webhookBody), noon)
		require.NoError(t, err)
		require.Equal(t, "r1", id)
	}
	require.Len(t, s.requests(), 1, "keys are kept")
}

func TestWebhookIsRefused(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	forger := newSigner(t)
	change := func(name, value string) http.Header {
		h := s.sign("r1", "user-1", webhookBody, noon)
		if h.Set(name, value); value == "" {
			h.Del(name)
		}
		return h
	}
	for _, c := range []struct {
		name   string
		header http.Header
		body   string
	}{
		{"forged", forger.sign("r1", "user-1", webhookBody, noon), webhookBody},
		{"changed body", s.sign("r1", "user-1", webhookBody, noon), webhookBody + " "},
		{"changed id", change("X-Fal-Webhook-Request-Id", "r2"), webhookBody},
		{"changed user", change("X-Fal-Webhook-User-Id", "user-2"), webhookBody},
		{"changed time", change("X-Fal-Webhook-Timestamp", strconv.FormatInt(noon.Unix()+1, 10)), webhookBody},
		{"too old", s.sign("r1", "user-1", webhookBody, noon.Add(-301*time.Second)), webhookBody},
		{"too new", s.sign("r1", "user-1", webhookBody, noon.Add(301*time.Second)), webhookBody},
		{"another account", s.sign("r1", "user-2", webhookBody, noon), webhookBody},
		{"another id in the body", s.sign("r2", "user-1", webhookBody, noon), webhookBody},
		{"only the gateway's id in the body", s.sign("g9", "user-1", webhookBody, noon), webhookBody},
		{"not JSON", s.sign("r1", "user-1", "r1", noon), "r1"},
		{"an invalid id", s.sign("../x", "user-1", `{"request_id":"../x"}`, noon), `{"request_id":"../x"}`},
		{"no signature", change("X-Fal-Webhook-Signature", ""), webhookBody},
		{"no hex", change("X-Fal-Webhook-Signature", "zz"), webhookBody},
		{"a short signature", change("X-Fal-Webhook-Signature", "00"), webhookBody},
		{"no id", change("X-Fal-Webhook-Request-Id", ""), webhookBody},
		{"no time", change("X-Fal-Webhook-Timestamp", ""), webhookBody},
		{"no number as time", change("X-Fal-Webhook-Timestamp", "noon"), webhookBody},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := trainer.NewWebhookVerifier(s.URL, s.Client())
			v.UserID = "user-1"
			id, err := v.Verify(t.Context(), c.header, []byte(c.body), noon)
			require.Empty(t, id)
			require.Equal(t, persona.CodeUnauthorized, public(t, err).Code)
			requireNoSecrets(t, err)
		})
	}
}

// Without a setting for the account, calls for every account are accepted, and no call changes that.
func TestWebhookOfAnyAccount(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := trainer.NewWebhookVerifier(s.URL, s.Client())
	for _, user := range []string{"user-1", "user-2", ""} {
		_, err := v.Verify(t.Context(), s.sign("r1", user, webhookBody, noon), []byte(webhookBody), noon)
		require.NoError(t, err)
	}
	require.Empty(t, v.UserID)
}

func TestWebhookKeysAreFetchedAgain(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := trainer.NewWebhookVerifier(s.URL, s.Client())
	verify := func(now time.Time) error {
		_, err := v.Verify(t.Context(), s.sign("r1", "u", webhookBody, now), []byte(webhookBody), now)
		return err
	}
	require.NoError(t, verify(noon))

	s.rotate(t)
	require.Error(t, verify(noon.Add(30*time.Second)), "the keys were fetched less than a minute ago")
	require.Len(t, s.requests(), 1)
	require.NoError(t, verify(noon.Add(time.Minute)), "a new key is found")
	require.Len(t, s.requests(), 2)
	require.NoError(t, verify(noon.Add(24*time.Hour)))
	require.Len(t, s.requests(), 2)
	require.NoError(t, verify(noon.Add(25*time.Hour)), "keys older than a day are fetched again")
	require.Len(t, s.requests(), 3)

	s.fails.Store(true)
	require.NoError(t, verify(noon.Add(26*time.Hour)), "fresh keys are enough")
	require.Equal(t, persona.Unavailable, public(t, verify(noon.Add(50*time.Hour))).Kind)
	require.Equal(t, persona.Unavailable, public(t, verify(noon.Add(50*time.Hour+time.Second))).Kind)
	require.Len(t, s.requests(), 4)
	s.fails.Store(false)
	require.NoError(t, verify(noon.Add(50*time.Hour+time.Minute)))
}

// Anybody can send us a webhook call, so the number of fetches must not follow the number of calls.
func TestForgedWebhooksDoNotFloodTheService(t *testing.T) {
	t.Parallel()
	s, forger := newSigner(t), newSigner(t)
	v := trainer.NewWebhookVerifier(s.URL, s.Client())
	var calls sync.WaitGroup
	for i := range 200 {
		calls.Go(func() {
			now := noon.Add(time.Duration(i%50) * time.Second)
			_, err := v.Verify(t.Context(), forger.sign("r1", "u", webhookBody, now), []byte(webhookBody), now)
			require.ErrorAs(t, err, new(*persona.Error))
			_, err = v.Verify(t.Context(), s.sign("r1", "u", webhookBody, now), []byte(webhookBody), now)
			require.NoError(t, err, "forged calls do not keep genuine ones out")
		})
	}
	calls.Wait()
	require.Len(t, s.requests(), 1)
}

// A forger who closes the connection at once must not use up the fetch that is allowed.
func TestWebhookKeysAreFetchedForACallerThatHasGone(t *testing.T) {
	t.Parallel()
	s, forger := newSigner(t), newSigner(t)
	v := trainer.NewWebhookVerifier(s.URL, s.Client())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := v.Verify(gone, forger.sign("r1", "u", webhookBody, noon), []byte(webhookBody), noon)
	require.Equal(t, persona.CodeUnauthorized, public(t, err).Code)
	_, err = v.Verify(t.Context(), s.sign("r1", "u", webhookBody, noon), []byte(webhookBody), noon)
	require.NoError(t, err)
	require.Len(t, s.requests(), 1)
}

func TestWebhookKeySetsThatAreNotUsable(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	for _, text := range []string{"200 <html>", "200 {}", `200 {"keys":[]}`, `200 {"keys":[{"kty":"OKP","crv":"Ed25519","x":"short"}]}`, "404 {}", "302 "} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			keys := script(t, text)
			v := trainer.NewWebhookVerifier(keys.URL, keys.Client())
			_, err := v.Verify(t.Context(), s.sign("r1", "u", webhookBody, noon), []byte(webhookBody), noon)
			require.Equal(t, persona.Unavailable, public(t, err).Kind)
			requireNoSecrets(t, err)
		})
	}
}
