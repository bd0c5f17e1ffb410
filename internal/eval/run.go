package eval

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// Lenient returns the policy without the lower limits of file size and resolution, for collections of small pictures.
func Lenient(p persona.PhotoPolicy) persona.PhotoPolicy {
	p.MinBytes, p.MinSide = 0, 0
	return p
}

// result is one judged photo.
type result struct {
	label    *Label
	decoded  bool
	measures photo.Measures    // zero when it was not decoded
	findings []persona.Finding // only those of the file when it was not decoded
	problem  string            // why it was not judged, as a sentence
	took     time.Duration     // of the judgement, without reading the file
}

func (r *result) has(code persona.PhotoCode) (found, refuses bool) {
	for _, f := range r.findings {
		if f.Code == code {
			found, refuses = true, refuses || f.Refuses
		}
	}
	return found, refuses
}

func (r *result) refused() bool {
	return !r.decoded || persona.Refuses(r.findings)
}

// Run judges every photo by the policy p, with faces described by d (nil for photo.Classical), and compares the
// results with the labels. It judges GOMAXPROCS photos in parallel; a photo that cannot be judged is counted and does not
// stop the others. progress, which may be nil, is called after each photo, one call at
// a time. The only error is that of ctx.
func Run(
	ctx context.Context, labels Labels, p persona.PhotoPolicy, d photo.Describer, progress func(done, of int),
) (Report, error) {
	judge := photo.NewJudge(p, d)
	results := make([]result, len(labels.Photos))
	var mu sync.Mutex
	done := 0
	start, busy := time.Now(), processorTime()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range labels.Photos {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			results[i] = look(ctx, judge, &labels.Photos[i], labels.path(labels.Photos[i]))
			mu.Lock()
			defer mu.Unlock()
			if done++; progress != nil {
				progress(done, len(results))
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return Report{}, err
	}
	busy = processorTime() - busy
	return newReport(results, time.Since(start), busy, p, d), nil
}

// look judges one photo.
func look(ctx context.Context, judge *photo.Judge, label *Label, path string) result {
	r := result{label: label}
	data, err := read(path, judge.Policy.MaxBytes)
	if err != nil {
		r.problem = "The file cannot be read."
		return r
	}
	if int64(len(data)) > judge.Policy.MaxBytes {
		r.findings = []persona.Finding{judge.Policy.TooLarge()}
		r.problem = r.findings[0].Why
		return r
	}
	start := time.Now()
	judged, err := judge.Photo(ctx, data, time.Time{})
	r.took = time.Since(start)
	if err != nil {
		r.problem, r.findings = explain(err)
		return r
	}
	judged.Close()
	r.decoded, r.measures, r.findings = true, judged.Measures, judged.Findings
	return r
}

// read reads at most one byte more than most, which shows that a file is too large.
func read(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, most+1))
}

func explain(err error) (problem string, findings []persona.Finding) {
	e, ok := errors.AsType[*persona.Error](err)
	if !ok {
		return err.Error(), nil
	}
	for _, p := range e.Photos {
		findings = append(findings, p.Findings...)
	}
	return e.Message, findings
}
