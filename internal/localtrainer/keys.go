package localtrainer

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// account is the identity of this server: fal's user id, and the key that signs webhooks.
type account struct {
	UserID string `json:"user_id"`
	Seed   []byte `json:"webhook_seed"`
}

// loadAccount reads the account from dir, or makes it at the first start. It stays the same after a restart, because
// receivers cache the public key and compare the user id.
func loadAccount(dir string) (account, error) {
	path := filepath.Join(dir, "account.json")
	var a account
	switch err := readJSON(path, &a); {
	case errors.Is(err, fs.ErrNotExist):
		a = account{UserID: "local-" + randomToken()[:12], Seed: make([]byte, ed25519.SeedSize)}
		if _, err := rand.Read(a.Seed); err != nil {
			return account{}, err
		}
		return a, writeJSON(path, a)
	case err != nil:
		return account{}, err
	case len(a.Seed) != ed25519.SeedSize:
		return account{}, fmt.Errorf("%s is damaged: its key has %d bytes", path, len(a.Seed))
	}
	return a, nil
}

func (a account) key() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(a.Seed) }

// sign returns the four headers of a webhook delivery, as fal documents them. The ED25519 signature is over request id,
// user id, timestamp and hash of the raw body, one on each line.
func (a account) sign(requestID string, body []byte, at time.Time) http.Header {
	stamp := strconv.FormatInt(at.Unix(), 10)
	sum := sha256.Sum256(body)
	message := strings.Join([]string{requestID, a.UserID, stamp, hex.EncodeToString(sum[:])}, "\n")
	h := http.Header{}
	h.Set("X-Fal-Webhook-Request-Id", requestID)
	h.Set("X-Fal-Webhook-User-Id", a.UserID)
	h.Set("X-Fal-Webhook-Timestamp", stamp)
	h.Set("X-Fal-Webhook-Signature", hex.EncodeToString(ed25519.Sign(a.key(), []byte(message))))
	return h
}

// serveJWKS publishes the key that verifies webhooks. It needs no API key.
func (s *Server) serveJWKS(w http.ResponseWriter, _ *http.Request) {
	public := s.account.key()[ed25519.SeedSize:] // the second half of a private key
	reply(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public),
	}}})
}

// randomToken returns 160 random bits as 32 lower-case letters and digits, which file systems that ignore case keep
// apart.
func randomToken() string {
	b := make([]byte, 20)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return strings.ToLower(base32.StdEncoding.EncodeToString(b))
}
