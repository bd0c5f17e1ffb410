package vault_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/secrets/localsecrets"

	"github.com/inflio/persona/storage/vault"
)

func TestKeysStayInMemoryOnlyWhileTheyAreOfUse(t *testing.T) {
	t.Parallel()
	v, key := newVault(t, nil)
	id, other := uuid.NewString(), uuid.NewString()
	path := vault.PhotoPath(id, "x")
	_, err := v.Write(t.Context(), key, path, strings.NewReader("x"))
	require.NoError(t, err)
	_, wrapped, err := v.NewKey(t.Context())
	require.NoError(t, err)
	require.Zero(t, v.CachedKeys(), "a new key is its maker's")

	first, err := v.Unwrap(t.Context(), id, wrapped)
	require.NoError(t, err)
	again, err := v.Unwrap(t.Context(), id, wrapped)
	require.NoError(t, err)
	require.Same(t, first, again)
	_, err = v.Unwrap(t.Context(), other, wrapped)
	require.NoError(t, err)
	require.Equal(t, 2, v.CachedKeys())
	_, err = read(t, v, first, path)
	require.ErrorContains(t, err, "was changed or cut off", "another key does not open it")

	// A key that was replaced is unwrapped anew.
	_, replaced, err := v.NewKey(t.Context())
	require.NoError(t, err)
	second, err := v.Unwrap(t.Context(), id, replaced)
	require.NoError(t, err)
	require.NotSame(t, first, second)
	require.Equal(t, 2, v.CachedKeys())

	v.Forget(id)
	v.Forget(id)
	require.Equal(t, 1, v.CachedKeys())
	v.Close()
	require.Zero(t, v.CachedKeys())
}

func TestAKeeperThatFailsIsUnavailable(t *testing.T) {
	t.Parallel()
	v, _ := newVault(t, nil)
	_, err := v.Unwrap(t.Context(), uuid.NewString(), []byte("no key"))
	requireUnavailable(t, err, "Unwrap")
	require.Zero(t, v.CachedKeys())

	secret, err := localsecrets.NewRandomKey()
	require.NoError(t, err)
	keeper := localsecrets.NewKeeper(secret)
	require.NoError(t, keeper.Close())
	bucket := memblob.OpenBucket(nil)
	defer func() { require.NoError(t, bucket.Close()) }()
	_, _, err = vault.New(bucket, keeper).NewKey(t.Context())
	requireUnavailable(t, err, "NewKey")
}
