package localtrainer

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// What a fault can be set on. Submits of trainings and submits of images are apart, so that a test can break the
// validation of a model without breaking its training.
const (
	onUpload   = "upload"   // every request of an upload: initiate, bytes, parts, completion
	onSubmit   = "submit"   // submits of trainings, and the trainings themselves
	onGenerate = "generate" // submits of images, and their generation
	onStatus   = "status"
	onResult   = "result"
	onCancel   = "cancel"
	onWebhook  = "webhook" // delivery attempts
)

// What a fault does.
const (
	lostReply = "lost_reply" // the work is done, then the connection is cut without an answer
	reject429 = "reject_429" // nothing is done
	error500  = "error_500"  // nothing is done
	error503  = "error_503"  // nothing is done
	slow      = "slow"       // the work is done at once, the answer comes delay_ms later
	stuck     = "stuck"      // a job never ends; any other request hangs, then is cut with nothing done
	fail      = "fail"       // a job ends with error, error_type and a 422; a result is a 422 although the job did well
	lost      = "lost"       // answered as usual, but the file, the job, the cancellation or the webhook is gone
	late      = "late"       // a job starts, a cancellation or a webhook acts delay_ms later
	duplicate = "duplicate"  // the webhook is delivered twice
	forged    = "forged"     // the webhook is signed by another key
	stale     = "stale"      // the webhook's timestamp is ten minutes old; a status is one step behind
)

var onRequests = []string{lostReply, reject429, error500, error503, slow, stuck, lost}

// sensible lists the effects that mean something, by what they are set on.
var sensible = map[string][]string{
	onUpload:   onRequests,
	onSubmit:   append(slices.Clone(onRequests), fail, late),
	onGenerate: append(slices.Clone(onRequests), fail, late),
	onStatus:   append(slices.Clone(onRequests), stale),
	onResult:   append(slices.Clone(onRequests), fail),
	onCancel:   append(slices.Clone(onRequests), late),
	onWebhook:  {lost, late, duplicate, forged, stale},
}

// fault is one armed misbehaviour.
type fault struct {
	On        string `json:"on"`
	Effect    string `json:"effect"`
	Times     int    `json:"times"`                // how often still; a request or a delivery attempt uses up one
	DelayMS   int    `json:"delay_ms,omitempty"`   // of slow and late
	ErrorType string `json:"error_type,omitempty"` // of fail: how the job fails

	cleared <-chan struct{} // closed when the faults are cleared; set once the fault is taken
}

func (f fault) delay() time.Duration { return time.Duration(f.DelayMS) * time.Millisecond }

// faults are kept in memory only: a restart clears them, so that a crash never leaves a server that misbehaves.
type faults struct {
	mu      sync.Mutex
	armed   []fault
	cleared chan struct{} // closed by the next clear
}

func (f *faults) add(a fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = append(f.armed, a)
}

// take uses up one time of the oldest fault that is set on that and is none of the effects excepted.
func (f *faults) take(on string, except ...string) fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.armed {
		if f.armed[i].On != on || slices.Contains(except, f.armed[i].Effect) {
			continue
		}
		taken := f.armed[i]
		taken.cleared = f.cleared
		if f.armed[i].Times--; f.armed[i].Times == 0 {
			f.armed = slices.Delete(f.armed, i, i+1)
		}
		return taken
	}
	return fault{}
}

func (f *faults) list() []fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]fault{}, f.armed...)
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = nil
	close(f.cleared)
	f.cleared = make(chan struct{})
}

func (s *Server) listFaults(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{"faults": s.faults.list()})
}

func (s *Server) clearFaults(w http.ResponseWriter, _ *http.Request) {
	s.faults.clear()
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) addFault(w http.ResponseWriter, r *http.Request) {
	f := fault{Times: 1}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		refuse(w, http.StatusBadRequest, "The body must be {on, effect, times?, delay_ms?, error_type?}.")
		return
	}
	if why := f.senseless(); why != "" {
		refuse(w, http.StatusBadRequest, why)
		return
	}
	if f.DelayMS == 0 && (f.Effect == slow || f.Effect == late) {
		f.DelayMS = 1000
	}
	s.faults.add(f)
	reply(w, http.StatusOK, f)
}

// senseless says in a sentence why a fault cannot be set, or nothing.
func (f fault) senseless() string {
	effects, known := sensible[f.On]
	_, typed := infraStatus[f.ErrorType]
	switch {
	case !known:
		return fmt.Sprintf("%q is not something a fault can be set on: use one of %s.",
			f.On, strings.Join(slices.Sorted(maps.Keys(sensible)), ", "))
	case !slices.Contains(effects, f.Effect):
		return fmt.Sprintf("A %s cannot be %q: use one of %s.", f.On, f.Effect, strings.Join(effects, ", "))
	case f.Times < 1:
		return "times must be at least 1."
	case f.DelayMS < 0:
		return "delay_ms must not be negative."
	case f.ErrorType != "" && f.Effect != fail:
		return "error_type belongs to the effect fail."
	case f.ErrorType != "" && f.On == onResult && typed:
		return "A result that fails although the job did well is a model error, not " + f.ErrorType + "."
	}
	return ""
}

type faultKey struct{}

// faultOf is the fault that was taken for this request.
func faultOf(ctx context.Context) fault {
	f, _ := ctx.Value(faultKey{}).(fault)
	return f
}

// misbehave puts faults in front of a request. What concerns the request as such is done here; the rest is left to
// the handler, which asks faultOf. Faults that would have no effect on this request are excepted, and wait for one.
func (s *Server) misbehave(on string, next http.HandlerFunc, except ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f := s.faults.take(on, except...)
		r = r.WithContext(context.WithValue(r.Context(), faultKey{}, f))
		switch {
		case f.Effect == reject429:
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusTooManyRequests, "Too many requests")
		case f.Effect == error500:
			refuse(w, http.StatusInternalServerError, "Internal server error")
		case f.Effect == error503:
			refuse(w, http.StatusServiceUnavailable, "Service unavailable")
		case f.Effect == lostReply:
			next(&held{header: http.Header{}}, r)
			panic(http.ErrAbortHandler)
		case f.Effect == stuck && on != onSubmit && on != onGenerate:
			select {
			case <-r.Context().Done():
			case <-f.cleared:
			case <-s.stopping:
			}
			panic(http.ErrAbortHandler)
		case f.Effect == slow:
			answer := &held{header: http.Header{}}
			next(answer, r)
			_ = wait(r.Context(), f.delay()) // a client that has gone gets no answer anyway
			answer.release(w)
		default:
			next(w, r)
		}
	}
}

// loseIfTold removes a file that was just uploaded, when a fault says so.
func (s *Server) loseIfTold(r *http.Request, token string) {
	if faultOf(r.Context()).Effect != lost {
		return
	}
	if err := s.files.remove(token); err != nil {
		s.log.Error("a file could not be lost", "error", err)
	}
}

// held is an answer that is kept back.
type held struct {
	header http.Header
	status int
	body   []byte
}

func (h *held) Header() http.Header { return h.header }

func (h *held) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}

func (h *held) Write(b []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	h.body = append(h.body, b...)
	return len(b), nil
}

func (h *held) release(w http.ResponseWriter) {
	maps.Copy(w.Header(), h.header)
	h.WriteHeader(http.StatusOK)
	w.WriteHeader(h.status)
	_, _ = w.Write(h.body)
}

// wait sleeps for d, or until ctx ends, which it reports.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
