package localtrainer_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer"
)

// call is a received webhook.
type call struct {
	at     time.Time
	header http.Header
	raw    []byte
	body   struct {
		RequestID string          `json:"request_id"`
		Gateway   string          `json:"gateway_request_id"`
		Status    string          `json:"status"`
		Error     string          `json:"error"`
		Payload   json.RawMessage `json:"payload"`
	}
}

// receiver answers webhooks with the given codes in turn, then with 200.
func receiver(t *testing.T, codes ...int) (query string, calls chan call) {
	t.Helper()
	calls = make(chan call, 100)
	answers := make(chan int, len(codes))
	for _, c := range codes {
		answers <- c
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call{at: time.Now(), header: r.Header.Clone()}
		c.raw, _ = io.ReadAll(r.Body)
		_ = json.Unmarshal(c.raw, &c.body)
		code := http.StatusOK
		select {
		case code = <-answers:
		default:
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(code)
		calls <- c
	}))
	t.Cleanup(s.Close)
	return "?fal_webhook=" + url.QueryEscape(s.URL+"/webhooks/fal/token-of-this-job"), calls
}

func next(t *testing.T, calls chan call) call {
	t.Helper()
	select {
	case c := <-calls:
		return c
	case <-time.After(waitLimit):
		require.Fail(t, "no webhook came")
		return call{}
	}
}

// verify checks a webhook as fal documents it, without code of the server.
func verify(t *testing.T, base string, c call) (signed bool, age time.Duration) {
	t.Helper()
	resp, err := http.Get(base + "/.well-known/jwks.json")
	require.NoError(t, err)
	defer resp.Body.Close()
	var set struct {
		Keys []struct{ Kty, Crv, X string }
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&set))
	require.Len(t, set.Keys, 1)
	require.Equal(t, "OKP Ed25519", set.Keys[0].Kty+" "+set.Keys[0].Crv)
	public, err := base64.RawURLEncoding.DecodeString(set.Keys[0].X)
	require.NoError(t, err)
	signature, err := hex.DecodeString(c.header.Get("X-Fal-Webhook-Signature"))
	require.NoError(t, err)
	stamp := c.header.Get("X-Fal-Webhook-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	require.NoError(t, err)
	message := fmt.Sprintf("%s\n%s\n%s\n%x", c.header.Get("X-Fal-Webhook-Request-Id"),
		c.header.Get("X-Fal-Webhook-User-Id"), stamp, sha256.Sum256(c.raw))
	return ed25519.Verify(public, []byte(message), signature), c.at.Sub(time.Unix(seconds, 0))
}

func TestWebhookOfAResult(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	hook, calls := receiver(t)
	id := r.submit(images+hook, stranger())
	c := next(t, calls)
	signed, age := verify(t, r.url, c)
	require.True(t, signed)
	require.Less(t, age.Abs(), time.Minute)
	require.Equal(t, "application/json", c.header.Get("Content-Type"))
	require.Equal(t, id, c.header.Get("X-Fal-Webhook-Request-Id"))
	require.NotEmpty(t, c.header.Get("X-Fal-Webhook-User-Id"))
	require.Equal(t, id, c.body.RequestID)
	require.NotEqual(t, id, c.body.Gateway)
	require.Equal(t, "OK", c.body.Status)
	require.JSONEq(t, string(r.done(images, id).raw), string(c.body.Payload))
	j := r.await(id, func(j map[string]any) bool { return j["webhook_settled"] == true })
	require.Contains(t, j["webhook"], "token-of-this-job")
	require.Len(t, j["deliveries"], 1)
}

func TestWebhookOfAFailure(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	hook, calls := receiver(t)
	id := r.submit(images+hook, map[string]any{})
	c := next(t, calls)
	require.Equal(t, id, c.body.RequestID)
	require.Equal(t, "ERROR", c.body.Status)
	require.Equal(t, "Invalid status code: 422", c.body.Error)
	require.Contains(t, string(c.body.Payload), `"detail"`)
}

func TestWebhookIsRepeatedUntilItIsAccepted(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	hook, calls := receiver(t, 500, 404)
	id := r.submit(images+hook, stranger())
	first := next(t, calls)
	require.Equal(t, first.raw, next(t, calls).raw)
	require.Equal(t, first.raw, next(t, calls).raw)
	j := r.await(id, func(j map[string]any) bool { return j["webhook_settled"] == true })
	require.Len(t, j["deliveries"], 3)
}

func TestWebhookRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	hook, calls := receiver(t, http.StatusTemporaryRedirect)
	id := r.submit(images+hook, stranger())
	next(t, calls)
	r.await(id, func(j map[string]any) bool { return j["webhook_settled"] == true })
	require.Empty(t, calls)
}

// misdelivered submits a job whose webhook has a fault (late means 300 ms), to a receiver that answers with the given
// codes first.
func misdelivered(t *testing.T, effect string, codes ...int) (r *rig, id string, calls chan call) {
	t.Helper()
	r = start(t, localtrainer.Options{})
	r.fault("webhook", effect, "delay_ms", 300)
	hook, calls := receiver(t, codes...)
	return r, r.submit(images+hook, stranger()), calls
}

func TestWebhookFaults(t *testing.T) {
	t.Parallel()
	t.Run("forged", func(t *testing.T) {
		t.Parallel()
		r, _, calls := misdelivered(t, "forged", http.StatusUnauthorized)
		signed, age := verify(t, r.url, next(t, calls))
		require.False(t, signed)
		require.Less(t, age.Abs(), time.Minute)
		signed, _ = verify(t, r.url, next(t, calls))
		require.True(t, signed, "the repetition is genuine")
	})
	t.Run("stale", func(t *testing.T) {
		t.Parallel()
		r, _, calls := misdelivered(t, "stale")
		signed, age := verify(t, r.url, next(t, calls))
		require.True(t, signed)
		require.Greater(t, age, 300*time.Second)
	})
	t.Run("duplicate", func(t *testing.T) {
		t.Parallel()
		r, _, calls := misdelivered(t, "duplicate")
		first, second := next(t, calls), next(t, calls)
		require.Equal(t, first.raw, second.raw)
		for _, c := range []call{first, second} {
			signed, _ := verify(t, r.url, c)
			require.True(t, signed)
		}
	})
	t.Run("lost", func(t *testing.T) {
		t.Parallel()
		r, id, calls := misdelivered(t, "lost")
		j := r.await(id, func(j map[string]any) bool { return j["webhook_settled"] == true })
		require.Equal(t, "lost", j["deliveries"].([]any)[0].(map[string]any)["effect"])
		require.Empty(t, calls)
	})
	t.Run("late", func(t *testing.T) {
		t.Parallel()
		r, id, calls := misdelivered(t, "late")
		came := next(t, calls).at
		ended, err := time.Parse(time.RFC3339Nano, r.await(id, inState("COMPLETED"))["ended_at"].(string))
		require.NoError(t, err)
		require.GreaterOrEqual(t, came.Sub(ended), 300*time.Millisecond)
	})
}
