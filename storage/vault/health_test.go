package vault_test

import (
	"context"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob/memblob"

	"github.com/inflio/persona/storage/storagetest"
)

func TestCheckWritesSeldom(t *testing.T) {
	t.Parallel()
	memory := memblob.OpenBucket(nil)
	defer func() { require.NoError(t, memory.Close()) }()
	var writes atomic.Int64
	var full atomic.Bool
	bucket := storagetest.Intercept(memory, func(_ context.Context, op storagetest.Operation, key string) error {
		if op == storagetest.OpenWrite {
			require.Equal(t, "probe", key, "outside of every persona's folder")
			writes.Add(1)
		}
		if full.Load() && op == storagetest.WriteBlob {
			return syscall.ENOSPC
		}
		return nil
	})
	v, _ := open(t, bucket)
	for _, want := range []int64{1, 2} {
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if err := v.Check(t.Context()); full.Load() == (err == nil) {
					t.Errorf("full: %v, but Check returned %v", full.Load(), err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, want, writes.Load())
		full.Store(true)
		v.ForgetProbe()
	}
}

// A caller that gives up says nothing about the bucket, and does not wait for the one that is asking it.
func TestCheckEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	memory := memblob.OpenBucket(nil)
	defer func() { require.NoError(t, memory.Close()) }()
	reached, works := make(chan struct{}), make(chan struct{})
	bucket := storagetest.Intercept(memory, func(ctx context.Context, op storagetest.Operation, _ string) error {
		if op != storagetest.OpenWrite {
			return nil
		}
		select {
		case reached <- struct{}{}:
			<-ctx.Done()
			return ctx.Err()
		case <-ctx.Done():
			return ctx.Err()
		case <-works:
			return nil
		}
	})
	v, _ := open(t, bucket)
	asking, stop := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { first <- v.Check(asking) }()
	<-reached
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, v.Check(gone), context.Canceled)
	stop()
	require.ErrorIs(t, <-first, context.Canceled)
	close(works)
	require.NoError(t, v.Check(t.Context()), "it was asked again")
}
