package audit_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/storage/audit"
)

// Existing chains are checked with the hash of today, so it must never change. The first sum was computed before entries had subjects.
func TestTheHashNeverChanges(t *testing.T) {
	t.Parallel()
	at := time.UnixMicro(1_700_000_000_123_456)
	first := audit.Chain(nil, "anna", 1, at, "photo.read", "0b6f3c9e-7d52-4c1e-9a43-5e1f2a9c8d70", "", `{"blob":"photos/1"}`)
	require.Equal(t, "317c70120337c56d492d8c8752fc2d7c96a03979bd6893735cdd823a640c583b", hex.EncodeToString(first))
	second := audit.Chain(first, "anna", 2, at, "version.failed", "", "1", "{}")
	require.Equal(t, "f5d614aa9d8516eeb67fbf9881f81dab7c20bbdc3284241648071ff3d20f28a2", hex.EncodeToString(second))

	// Every field counts, and moving text from one field to the next is noticed.
	base := audit.Chain(first, "u", 1, at, "a.b", "p", "s", "d")
	for _, other := range [][]byte{
		audit.Chain(nil, "u", 1, at, "a.b", "p", "s", "d"), audit.Chain(first, "v", 1, at, "a.b", "p", "s", "d"),
		audit.Chain(first, "u", 2, at, "a.b", "p", "s", "d"), audit.Chain(first, "u", 1, at.Add(time.Microsecond), "a.b", "p", "s", "d"),
		audit.Chain(first, "u", 1, at, "a.c", "p", "s", "d"), audit.Chain(first, "u", 1, at, "a.b", "q", "s", "d"),
		audit.Chain(first, "u", 1, at, "a.b", "p", "t", "d"), audit.Chain(first, "u", 1, at, "a.b", "p", "s", "e"),
		audit.Chain(first, "u", 1, at, "a.b", "p", "", "ds"), audit.Chain(first, "u", 1, at, "a.b", "p", "", "d"),
		audit.Chain(first, "u", 1, at, "a.bp", "", "s", "d"), audit.Chain(first, "u1", 1, at, "a.b", "p", "s", "d"),
	} {
		require.NotEqual(t, base, other)
	}
}
