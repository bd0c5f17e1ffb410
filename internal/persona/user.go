package persona

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/google/uuid"
)

// IDKeyBytes is the shortest IDKey, in bytes: the length of the HMAC's hash, as RFC 2104 recommends.
const IDKeyBytes = sha256.Size

// userIDDomain separates these hashes from any other use of the same key. It must never change.
const userIDDomain = "persona user id 1\x00"

// IDKey is the secret key of user ids. Whoever has it can compute the user id of a known subject. With another key,
// all users get other ids and no longer find their data.
type IDKey []byte

// ParseIDKey decodes an IDKey from base64, in the standard or the URL alphabet, with or without padding. It fails when
// text is not base64 or has fewer than IDKeyBytes bytes. The error does not quote text.
func ParseIDKey(text string) (IDKey, error) {
	text = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "=")
	key, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(key) < IDKeyBytes {
		return nil, errors.New("the key of user ids is not base64 of at least 32 bytes")
	}
	return key, nil
}

// UserID returns the user id of a subject of an issuer, the iss and sub of a token: an HMAC-SHA256 in the form of a
// UUID of version 8 (RFC 9562). The same key, issuer and subject always give the same id. The id says nothing about
// either, and nobody without the key can find a subject with a given id. Both are used byte for byte: a subject that
// looks like a UUID is hashed like any other.
func (k IDKey) UserID(issuer, subject string) string {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(userIDDomain))
	// With the length before each field, no two pairs give the same bytes.
	for _, field := range []string{issuer, subject} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(field))))
		mac.Write([]byte(field))
	}
	id := uuid.UUID(mac.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8: the layout is ours
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562
	return id.String()
}

// IsID reports whether s is an identifier of ours: a UUID in its canonical lower-case form.
func IsID(s string) bool {
	id, err := uuid.Parse(s)
	return err == nil && id.String() == s
}
