package vault

import (
	"bytes"
	"context"
	"errors"
	"time"
)

const (
	// probePath is where Check writes. It lies outside of every persona's folder, so an erasure never sees it.
	probePath = "probe"
	// probeBytes is one block of a usual file system: a full disk has room for an empty file, but not for this one.
	probeBytes = 4 << 10
	// probeEvery is how long the result of a probe holds.
	probeEvery = 10 * time.Second
)

// health is the result of the last probe of the bucket.
type health struct {
	turn   chan struct{} // holds one token; whoever has it may read and write the rest
	probed time.Time     // zero before the first probe
	err    error
}

func newHealth() health {
	h := health{turn: make(chan struct{}, 1)}
	h.turn <- struct{}{}
	return h
}

// Check returns nil when blobs can be written and deleted, and persona.Unavailable when they cannot, for example because the disk is
// full. It writes and deletes a small blob, at most once in ten seconds; in between it returns the last result. Callers that come
// meanwhile wait for the result until their context ends.
func (v *Vault) Check(ctx context.Context) error {
	h := &v.health
	select {
	case <-h.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { h.turn <- struct{}{} }()
	if !h.probed.IsZero() && time.Since(h.probed) < probeEvery {
		return h.err
	}
	err := v.probe(ctx)
	if ctx.Err() != nil {
		return err // the caller has gone: this says nothing about the bucket
	}
	h.probed, h.err = time.Now(), err
	return err
}

func (v *Vault) probe(ctx context.Context) error {
	ok, err := v.bucket.IsAccessible(ctx)
	if err == nil && !ok {
		err = errors.New("vault: the bucket does not exist or may not be read")
	}
	if err == nil {
		err = v.bucket.WriteAll(ctx, probePath, bytes.Repeat([]byte{'.'}, probeBytes), nil)
	}
	if err != nil {
		return translate(err)
	}
	return v.Remove(ctx, probePath)
}
