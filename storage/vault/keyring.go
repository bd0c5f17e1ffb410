package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/streamingaead"
	"github.com/tink-crypto/tink-go/v2/tink"
	"gocloud.dev/secrets"
)

// Key is the data key of one persona, ready for use.
type Key struct{ cipher tink.StreamingAEAD }

// keyLife is how long an unwrapped key stays in memory. It covers the photos of one step, so that a remote keeper is not called
// for each of them.
const keyLife = time.Minute

// keyring makes data keys, and unwraps them with the keeper. Its cache only saves calls of the keeper. Whether a user may use a
// key, and whether the key still exists, is read from the database each time: a key that one process has destroyed is at once
// useless for all processes.
type keyring struct {
	keeper *secrets.Keeper
	mu     sync.Mutex
	cached map[string]cachedKey // by persona id
}

type cachedKey struct {
	wrapped [sha256.Size]byte // SHA-256 of the wrapped key
	key     *Key
	timer   *time.Timer
}

func newKeyring(keeper *secrets.Keeper) *keyring {
	return &keyring{keeper: keeper, cached: make(map[string]cachedKey)}
}

// NewKey makes a data key. It returns the key for use, and wrapped for storing.
func (v *Vault) NewKey(ctx context.Context) (_ *Key, wrapped []byte, err error) {
	// Segments of 4 KB keep the memory of a stream small. Each costs 16 bytes.
	handle, err := keyset.NewHandle(streamingaead.AES256GCMHKDF4KBKeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("vault: make a data key: %w", err)
	}
	cipher, err := streamingaead.New(handle)
	if err != nil {
		return nil, nil, fmt.Errorf("vault: make a data key: %w", err)
	}
	var clear bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&clear)); err != nil {
		return nil, nil, fmt.Errorf("vault: make a data key: %w", err)
	}
	wrapped, err = v.keys.keeper.Encrypt(ctx, clear.Bytes())
	if err != nil {
		return nil, nil, unavailable("The key service does not answer.", err)
	}
	return &Key{cipher}, wrapped, nil
}

// Unwrap returns the data key of a persona from its wrapped form, which it takes from memory for up to a minute.
func (v *Vault) Unwrap(ctx context.Context, personaID string, wrapped []byte) (*Key, error) {
	k, hash := v.keys, sha256.Sum256(wrapped)
	if key := k.get(personaID, hash); key != nil {
		return key, nil
	}
	clear, err := k.keeper.Decrypt(ctx, wrapped)
	if err != nil {
		return nil, unavailable("The key service does not unwrap the persona's key.", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(clear)))
	if err != nil {
		return nil, fmt.Errorf("vault: read a data key: %w", err)
	}
	cipher, err := streamingaead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("vault: read a data key: %w", err)
	}
	key := &Key{cipher}
	k.put(personaID, hash, key)
	return key, nil
}

// Forget removes the unwrapped key of a persona from memory.
func (v *Vault) Forget(personaID string) { v.keys.forget(personaID) }

func (k *keyring) get(personaID string, wrapped [sha256.Size]byte) *Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	if found, ok := k.cached[personaID]; ok && found.wrapped == wrapped {
		return found.key
	}
	return nil
}

func (k *keyring) put(personaID string, wrapped [sha256.Size]byte, key *Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if old, ok := k.cached[personaID]; ok {
		old.timer.Stop()
	}
	k.cached[personaID] = cachedKey{
		wrapped: wrapped, key: key, timer: time.AfterFunc(keyLife, func() { k.forget(personaID) }),
	}
}

func (k *keyring) forget(personaID string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if found, ok := k.cached[personaID]; ok {
		found.timer.Stop()
		delete(k.cached, personaID)
	}
}

func (k *keyring) forgetAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, found := range k.cached {
		found.timer.Stop()
	}
	clear(k.cached)
}
