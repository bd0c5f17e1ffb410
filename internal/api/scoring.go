package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// newSlots returns a place for each core: a photo keeps one busy.
func newSlots() *semaphore.Weighted { return semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))) }

// scoring judges the photos of one request while they come in.
type scoring struct {
	server *server
	parts  *multipart.Reader
	at     time.Time
	excess int64 // bytes that may still be read and thrown away

	mu      sync.Mutex
	members []photo.Member // in the order in which they were judged
}

// run judges every photo, as many side by side as the server has cores to spare, and reports each when it is done.
func (sc *scoring) run(ctx context.Context, first []byte, report func(persona.PhotoReport) error) error {
	group, inner := errgroup.WithContext(ctx)
	err := sc.each(inner, first, func(index int, data []byte) error {
		if err := sc.server.slots.Acquire(inner, 1); err != nil {
			return err
		}
		group.Go(func() error {
			m, err := sc.judge(inner, data)
			if err != nil {
				return err
			}
			return sc.take(index, m, report)
		})
		return nil
	})
	// What stopped the judging also stopped the reading: it is the cause of both.
	if failed := group.Wait(); failed != nil {
		return failed
	}
	return err
}

func (sc *scoring) each(ctx context.Context, data []byte, do func(index int, data []byte) error) error {
	policy := sc.server.Judge.Policy
	for index := 0; data != nil; index++ {
		if index == policy.MaxPhotos {
			return countError(persona.CodeTooManyPhotos, fmt.Sprintf("At most %d photos are judged at a time; more came.", policy.MaxPhotos))
		}
		if err := do(index, data); err != nil {
			return err
		}
		var err error
		if data, err = sc.next(ctx); err != nil {
			return err
		}
	}
	return nil
}

// next reads the next photo: one byte more than is allowed if it is too large, and nil after the last one. The rest of a
// photo that is too large is thrown away.
func (sc *scoring) next(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	part, err := sc.parts.NextRawPart()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(err)
	}
	if name := strings.TrimSuffix(part.FormName(), "[]"); name != "photos" {
		return nil, malformed("The field "+shortName(name)+" is not known. Known is photos.", shortName(name))
	}
	data, err := io.ReadAll(io.LimitReader(part, sc.server.Judge.Policy.MaxBytes+1))
	if err != nil {
		return nil, unreadable(err)
	}
	n, err := io.Copy(io.Discard, io.LimitReader(part, sc.excess+1))
	if err != nil {
		return nil, unreadable(err)
	}
	if sc.excess -= n; sc.excess < 0 {
		return nil, &http.MaxBytesError{Limit: sc.server.uploadLimit()}
	}
	return data, nil
}

// judge needs a slot, and gives it back before the client is told: it may be slow to listen.
func (sc *scoring) judge(ctx context.Context, data []byte) (photo.Measures, error) {
	defer sc.server.slots.Release(1)
	judge := sc.server.Judge
	if int64(len(data)) > judge.Policy.MaxBytes {
		return photo.Measures{Findings: []persona.Finding{judge.Policy.TooLarge()}}, nil
	}
	judged, err := judge.Bytes(ctx, data, sc.at)
	if err != nil {
		return photo.Measures{}, err
	}
	judged.Close()
	return judged.Measures, nil
}

// take notes a judged photo and reports it; reports do not overlap.
func (sc *scoring) take(index int, m photo.Measures, report func(persona.PhotoReport) error) error {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	policy := sc.server.Judge.Policy
	sc.members = append(sc.members, photo.Member{Index: index, Accepted: m.Accepted(policy), Measures: m})
	return report(m.Report("", index, policy))
}

// document is the whole answer, once every photo is judged.
func (sc *scoring) document() scoreDocument {
	slices.SortFunc(sc.members, func(a, b photo.Member) int { return a.Index - b.Index })
	judge := sc.server.Judge
	set := judge.Set(sc.members, judge.Policy.MaxUsed)
	d := scoreDocument{Photos: make([]persona.PhotoReport, len(sc.members)), Set: set.Report}
	for i, m := range sc.members {
		d.Photos[i] = m.Measures.Report("", m.Index, judge.Policy).WithChoice(set.Choices[i].Use, set.Choices[i].Primary, set.Choices[i].Findings)
	}
	return d
}
