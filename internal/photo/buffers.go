package photo

import (
	"context"
	"runtime/debug"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/inflio/persona/internal/persona"
)

// budget is the memory that the photos of one Judge share. A photo acquires the bytes that it will take before it is
// decoded, and releases them when it is closed.
//
// Go does not free a picture when it is released: the garbage collector does so later, at twice the size of the heap by
// default, and keeps the pages. Released bytes are therefore counted until the collector has run: when they are more
// than a quarter of the budget, release collects them and returns their pages before it lets another photo in. So no
// more than the budget and a quarter is in use at any time.
type budget struct {
	all      int64
	shares   *semaphore.Weighted
	mu       sync.Mutex
	released int64 // bytes released since the last collection
}

func newBudget(bytes int64) *budget {
	bytes = max(bytes, 1)
	return &budget{all: bytes, shares: semaphore.NewWeighted(bytes)}
}

// acquire waits until n bytes are free. Its error is that of ctx.
func (b *budget) acquire(ctx context.Context, n int64) error { return b.shares.Acquire(ctx, n) }

// release takes back n acquired bytes. Nothing may refer to the picture any more.
func (b *budget) release(n int64) {
	b.mu.Lock()
	b.released += n
	if b.released > b.all/4 {
		debug.FreeOSMemory()
		b.released = 0
	}
	b.mu.Unlock()
	b.shares.Release(n)
}

// besidePhotos is what a process takes beside the photos that it judges.
const besidePhotos = 192 << 20

// MemoryLimit is the limit, for debug.SetMemoryLimit, of a process that judges photos by the policy p: p.MaxMemory, and
// 192 MB for everything else. It makes the garbage collector run in time when something else fills the heap while
// photos take all of their budget; a Judge cannot know of that. The limit belongs to the process, so it is set where
// the process is put together, and not if the operator has set GOMEMLIMIT.
func MemoryLimit(p persona.PhotoPolicy) int64 { return p.MaxMemory + besidePhotos }

// mostPooled is the size up to which buffers are reused. Larger ones would stay in the pool after the memory that was
// acquired for them was released.
const mostPooled = 16 << 20

// buffers holds buffers for reuse. Their contents are undefined.
var buffers sync.Pool

// borrow returns a buffer of n bytes, a used one if it is large enough.
func borrow(n int) []uint8 {
	if b, ok := buffers.Get().(*[]uint8); ok && cap(*b) >= n {
		return (*b)[:n]
	}
	return make([]uint8, n)
}

// giveBack allows another borrow to reuse b.
func giveBack(b []uint8) {
	if cap(b) > 0 && cap(b) <= mostPooled {
		buffers.Put(&b)
	}
}
