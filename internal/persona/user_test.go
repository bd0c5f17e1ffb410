package persona_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
)

func TestUserID(t *testing.T) {
	t.Parallel()
	key := persona.IDKey(bytes.Repeat([]byte{7}, 32))
	id := key.UserID("https://issuer.example.org", "jane@example.org")
	require.True(t, persona.IsID(id))
	require.Equal(t, uuid.Version(8), uuid.MustParse(id).Version())
	require.Equal(t, uuid.RFC4122, uuid.MustParse(id).Variant())
	require.Equal(t, "18ba7392-fda2-8a37-b252-154e2d36a8e5", id, "an id that changes loses the data of its user")

	again := persona.IDKey(bytes.Repeat([]byte{7}, 32))
	require.Equal(t, id, again.UserID("https://issuer.example.org", "jane@example.org"), "the id depends on nothing else")

	ids := map[string]string{id: "the first"}
	for _, c := range []struct{ issuer, subject string }{
		{"", "jane@example.org"},
		{"https://other.example.org", "jane@example.org"},
		{"https://issuer.example.org", "Jane@example.org"},
		{"https://issuer.example.org", " jane@example.org"},
		{"https://issuer.example.orgj", "ane@example.org"}, // the same bytes in a row
		{"https://issuer.example.orgjane@example.org", ""},
		{"", "https://issuer.example.orgjane@example.org"},
		{"https://issuer.example.org", id},
	} {
		other := key.UserID(c.issuer, c.subject)
		require.Empty(t, ids[other], "%q", c)
		ids[other] = c.subject
	}
	require.NotEqual(t, id, persona.IDKey(bytes.Repeat([]byte{8}, 32)).UserID("https://issuer.example.org", "jane@example.org"))
}

// A subject that is a UUID, in whatever spelling, is hashed like any other.
func TestUserIDOfAUUID(t *testing.T) {
	t.Parallel()
	key := persona.IDKey(bytes.Repeat([]byte{7}, 32))
	seen := map[string]bool{}
	for _, subject := range []string{
		"3f2b8c1e-5a7d-4e9f-8b6a-0c1d2e3f4a5b", "3F2B8C1E-5A7D-4E9F-8B6A-0C1D2E3F4A5B", "{3f2b8c1e-5a7d-4e9f-8b6a-0c1d2e3f4a5b}",
		"urn:uuid:3f2b8c1e-5a7d-4e9f-8b6a-0c1d2e3f4a5b", "3f2b8c1e5a7d4e9f8b6a0c1d2e3f4a5b", "3F2B8C1E5A7D4E9F8B6A0C1D2E3F4A5B",
	} {
		id := key.UserID("", subject)
		require.NotEqual(t, "3f2b8c1e-5a7d-4e9f-8b6a-0c1d2e3f4a5b", id)
		require.False(t, seen[id], subject)
		seen[id] = true
	}
}

func TestParseIDKey(t *testing.T) {
	t.Parallel()
	raw := bytes.Repeat([]byte{0xfb, 0xef, 0xff}, 11) // has every character in which the two alphabets differ
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		key, err := persona.ParseIDKey(encoding.EncodeToString(raw))
		require.NoError(t, err)
		require.Equal(t, persona.IDKey(raw), key)
	}
	for _, bad := range []string{"", "hush", "hush hush hush hush hush hush hush hush hush hush hush", base64.StdEncoding.EncodeToString(raw[:31])} {
		_, err := persona.ParseIDKey(bad)
		require.EqualError(t, err, "the key of user ids is not base64 of at least 32 bytes")
	}
}
