package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/streamingaead"
	"github.com/tink-crypto/tink-go/v2/tink"
	"gocloud.dev/secrets"

	"github.com/inflio/persona/internal/persona"
)

// keyLife is how long an unwrapped key stays in memory: long enough for the photos of one step, so that a remote keeper is not
// asked for each of them.
const keyLife = time.Minute

// keyring makes data keys and unwraps them through the keeper. It spares calls to the keeper and nothing else: whether a user
// may use a key, and whether the key still exists, is asked of the database each time, so a key destroyed by one process is
// gone for all at once.
type keyring struct {
	keeper *secrets.Keeper
	mu     sync.Mutex
	cached map[string]cachedKey // by persona id
}

type cachedKey struct {
	wrapped [sha256.Size]byte // hash of what it was unwrapped from
	cipher  tink.StreamingAEAD
	timer   *time.Timer
}

func newKeyring(keeper *secrets.Keeper) *keyring {
	return &keyring{keeper: keeper, cached: make(map[string]cachedKey)}
}

// create makes a new data key and returns it for use and wrapped for storing. Segments of 4 KB keep the memory of a stream
// small; they cost 16 bytes each.
func (k *keyring) create(ctx context.Context) (tink.StreamingAEAD, []byte, error) {
	handle, err := keyset.NewHandle(streamingaead.AES256GCMHKDF4KBKeyTemplate())
	if err != nil {
		return nil, nil, fmt.Errorf("storage: make a data key: %w", err)
	}
	cipher, err := streamingaead.New(handle)
	if err != nil {
		return nil, nil, fmt.Errorf("storage: make a data key: %w", err)
	}
	var clear bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&clear)); err != nil {
		return nil, nil, fmt.Errorf("storage: make a data key: %w", err)
	}
	wrapped, err := k.keeper.Encrypt(ctx, clear.Bytes())
	if err != nil {
		return nil, nil, unavailable("The key service does not answer.", err)
	}
	return cipher, wrapped, nil
}

// unwrap returns the data key of a persona, from memory when it was unwrapped a moment ago.
func (k *keyring) unwrap(ctx context.Context, personaID string, wrapped []byte) (tink.StreamingAEAD, error) {
	hash := sha256.Sum256(wrapped)
	k.mu.Lock()
	key, ok := k.cached[personaID]
	k.mu.Unlock()
	if ok && key.wrapped == hash {
		return key.cipher, nil
	}
	clear, err := k.keeper.Decrypt(ctx, wrapped)
	if err != nil {
		return nil, unavailable("The key service does not open the persona's key.", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(clear)))
	if err != nil {
		return nil, fmt.Errorf("storage: read a data key: %w", err)
	}
	cipher, err := streamingaead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("storage: read a data key: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if old, ok := k.cached[personaID]; ok {
		old.timer.Stop()
	}
	k.cached[personaID] = cachedKey{
		wrapped: hash, cipher: cipher, timer: time.AfterFunc(keyLife, func() { k.forget(personaID) }),
	}
	return cipher, nil
}

func (k *keyring) forget(personaID string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.cached[personaID]; ok {
		key.timer.Stop()
		delete(k.cached, personaID)
	}
}

func (k *keyring) forgetAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.cached {
		key.timer.Stop()
	}
	clear(k.cached)
}

const selectKey = `
SELECT k.wrapped, p.status FROM data_keys k JOIN personas p ON p.id = k.persona_id WHERE k.persona_id = $1`

// wrappedKey returns the persona's key as it is stored. ErrNotFound when there is no such persona of this user or its key was
// destroyed; nothing is read or written any more once the erasure has begun.
func wrappedKey(ctx context.Context, tx pgx.Tx, personaID string) ([]byte, error) {
	var wrapped []byte
	var status persona.Status
	if err := tx.QueryRow(ctx, selectKey, personaID).Scan(&wrapped, &status); err != nil {
		return nil, err
	}
	if status == persona.StatusErasing {
		return nil, errErasing()
	}
	return wrapped, nil
}
