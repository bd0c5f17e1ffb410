package api

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/inflio/persona/internal/api/upload"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// turnTimeout bounds how long a photo waits until a processor is free. Photos take their turn in the order in which they
// have arrived completely.
const turnTimeout = time.Minute

// newTurns returns a turn for each processor: judging a photo keeps one busy.
func newTurns() *semaphore.Weighted { return semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))) }

// scoring judges the photos of one request while they arrive. A photo takes a turn, and memory, only while it is being
// judged, so that clients which send slowly or not at all keep nobody else waiting.
type scoring struct {
	server *server
	photos *upload.Photos
	at     time.Time

	mu      sync.Mutex
	members []photo.Member // in the order in which they were judged
}

// run judges every photo, beginning with first, and reports each when it is done. It closes the files.
func (sc *scoring) run(ctx context.Context, first *upload.File, report func(persona.PhotoReport) error) error {
	group, inner := errgroup.WithContext(ctx)
	err := sc.each(inner, first, func(index int, file *upload.File) error {
		if err := sc.turn(inner); err != nil {
			file.Close()
			return err
		}
		group.Go(func() error {
			m, err := sc.judge(inner, file)
			if err != nil {
				return err
			}
			return sc.take(index, m, report)
		})
		return nil
	})
	// An error of judging cancels the reading, so it is the cause of both.
	if failed := group.Wait(); failed != nil {
		return failed
	}
	return err
}

func (sc *scoring) each(ctx context.Context, file *upload.File, do func(index int, file *upload.File) error) error {
	for index := 0; file != nil; index++ {
		if err := do(index, file); err != nil {
			return err
		}
		var err error
		if file, err = sc.photos.Next(ctx); err != nil {
			return err
		}
	}
	return nil
}

// turn waits until a processor is free.
func (sc *scoring) turn(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	err := sc.server.turns.Acquire(waiting, 1)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return &persona.Error{
			Kind: persona.Unavailable, Code: persona.CodeUnavailable,
			Message: "Many photos are being judged. Send these again in a few seconds.",
		}
	}
	return err
}

// judge judges one photo and gives its turn back, before the client is told: the client may read slowly.
func (sc *scoring) judge(ctx context.Context, file *upload.File) (photo.Measures, error) {
	defer sc.server.turns.Release(1)
	defer file.Close()
	judge := sc.server.Judge
	if file.Size() > judge.Policy.MaxBytes {
		return photo.Measures{Findings: []persona.Finding{judge.Policy.TooLarge()}}, nil
	}
	data, err := file.Bytes()
	if err != nil {
		return photo.Measures{}, err
	}
	judged, err := judge.Bytes(ctx, data, sc.at)
	if err != nil {
		return photo.Measures{}, err
	}
	judged.Close()
	return judged.Measures, nil
}

// take keeps a judged photo for the document and reports it. Reports do not overlap.
func (sc *scoring) take(index int, m photo.Measures, report func(persona.PhotoReport) error) error {
	sc.mu.Lock()
	defer sc.mu.Unlock()
	policy := sc.server.Judge.Policy
	sc.members = append(sc.members, photo.Member{Index: index, Accepted: m.Accepted(policy), Measures: m})
	return report(m.Report("", index, policy))
}

// document returns the whole answer once every photo has been judged.
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
