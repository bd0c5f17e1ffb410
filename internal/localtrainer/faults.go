package localtrainer

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// What a fault can be set on; see the package documentation. Trainings and pictures are separate, so that a test can
// break the validation of a model without breaking its training.
const (
	onUpload   = "upload"
	onSubmit   = "submit"
	onGenerate = "generate"
	onStatus   = "status"
	onResult   = "result"
	onCancel   = "cancel"
	onDownload = "download"
	onList     = "list"
	onBilling  = "billing"
	onErase    = "erase"
	onHide     = "hide"
	onWebhook  = "webhook"
)

// What a fault does; see the package documentation.
const (
	lostReply = "lost_reply"
	reject429 = "reject_429"
	error500  = "error_500"
	error503  = "error_503"
	notFound  = "not_found"
	html404   = "html_404"
	denied    = "denied"
	slow      = "slow"
	stuck     = "stuck"
	fail      = "fail"
	lost      = "lost"
	late      = "late"
	stale     = "stale"
	endedOnly = "ended_only"
	duplicate = "duplicate"
	forged    = "forged"
)

var onRequests = []string{lostReply, reject429, error500, error503, notFound, html404, denied, slow, stuck, lost}

// effects lists the effects that each target can have.
var effects = map[string][]string{
	onUpload:   onRequests,
	onSubmit:   append(slices.Clone(onRequests), fail, late),
	onGenerate: append(slices.Clone(onRequests), fail, late),
	onStatus:   append(slices.Clone(onRequests), stale),
	onResult:   append(slices.Clone(onRequests), fail),
	onCancel:   append(slices.Clone(onRequests), late),
	onDownload: onRequests,
	onList:     append(slices.Clone(onRequests), endedOnly),
	onBilling:  onRequests,
	onErase:    onRequests,
	onHide:     onRequests,
	onWebhook:  {lost, late, duplicate, forged, stale},
}

// fault is one fault that was set.
type fault struct {
	On        string `json:"on"`
	Effect    string `json:"effect"`
	Times     int    `json:"times"`                // how often it still acts
	DelayMS   int    `json:"delay_ms,omitempty"`   // of slow and late
	ErrorType string `json:"error_type,omitempty"` // of fail: how the job fails

	cleared <-chan struct{} // closed when the faults are cleared; set once the fault is taken
}

func (f fault) delay() time.Duration { return time.Duration(f.DelayMS) * time.Millisecond }

// faults are kept in memory only, so that a restart removes them.
type faults struct {
	mu      sync.Mutex
	set     []fault       // oldest first
	cleared chan struct{} // closed by the next clear
}

func (f *faults) add(added fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set = append(f.set, added)
}

// take uses up one time of the oldest fault that is set on a target, without those of the effects in except.
func (f *faults) take(on string, except ...string) fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.set {
		if f.set[i].On != on || slices.Contains(except, f.set[i].Effect) {
			continue
		}
		taken := f.set[i]
		taken.cleared = f.cleared
		if f.set[i].Times--; f.set[i].Times == 0 {
			f.set = slices.Delete(f.set, i, i+1)
		}
		return taken
	}
	return fault{}
}

func (f *faults) list() []fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]fault{}, f.set...)
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set = nil
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
	if why := f.problem(); why != "" {
		refuse(w, http.StatusBadRequest, why)
		return
	}
	if f.DelayMS == 0 && (f.Effect == slow || f.Effect == late) {
		f.DelayMS = 1000
	}
	s.faults.add(f)
	reply(w, http.StatusOK, f)
}

// problem returns a sentence about why a fault cannot be set, or "".
func (f fault) problem() string {
	possible, known := effects[f.On]
	_, typed := infraStatus[f.ErrorType]
	switch {
	case !known:
		return fmt.Sprintf("%q is not something a fault can be set on: use one of %s.",
			f.On, strings.Join(slices.Sorted(maps.Keys(effects)), ", "))
	case !slices.Contains(possible, f.Effect):
		return fmt.Sprintf("A %s cannot be %q: use one of %s.", f.On, f.Effect, strings.Join(possible, ", "))
	case f.Times < 1:
		return "times must be at least 1."
	case f.DelayMS < 0:
		return "delay_ms must not be negative."
	case f.ErrorType != "" && f.Effect != fail:
		return "error_type belongs to the effect fail."
	case f.ErrorType != "" && f.On == onResult && typed:
		return "A result that fails although the job succeeded is a model error, not " + f.ErrorType + "."
	}
	return ""
}

type faultKey struct{}

// faultOf returns the fault that acts on this request.
func faultOf(ctx context.Context) fault {
	f, _ := ctx.Value(faultKey{}).(fault)
	return f
}

// misbehave puts faults in front of a handler. Effects on the request itself are carried out here; the others are left
// to the handler, which asks faultOf. Faults with an effect in except do not act on this request and wait for another.
func (s *Server) misbehave(on string, next http.HandlerFunc, except ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f := s.faults.take(on, except...)
		r = r.WithContext(context.WithValue(r.Context(), faultKey{}, f))
		switch {
		case refuseByFault(w, r, f):
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

// refuseByFault answers in place of the handler, if the fault says so.
func refuseByFault(w http.ResponseWriter, r *http.Request, f fault) bool {
	failed := func(status int, kind, message string) {
		if isPlatformCall(r) {
			refusePlatform(w, status, kind, message)
			return
		}
		refuse(w, status, message)
	}
	switch f.Effect {
	case reject429:
		w.Header().Set("Retry-After", "1")
		failed(http.StatusTooManyRequests, "rate_limited", "Too many requests")
	case error500:
		failed(http.StatusInternalServerError, "server_error", "Internal server error")
	case error503:
		failed(http.StatusServiceUnavailable, "server_error", "Service unavailable")
	case notFound:
		switch f.On {
		case onStatus, onResult, onCancel:
			replyNotFound(w)
		case onSubmit, onGenerate:
			failed(http.StatusNotFound, "", "Application not found")
		default:
			failed(http.StatusNotFound, "not_found", "File not found")
		}
	case html404:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<html><head><title>404 Not Found</title></head><body><center>nginx</center></body></html>")
	case denied:
		deny(w, r)
	default:
		return false
	}
	return true
}

// loseIfTold removes a file that was just uploaded, if a fault says so.
func (s *Server) loseIfTold(r *http.Request, token string) {
	if faultOf(r.Context()).Effect != lost {
		return
	}
	if err := s.files.remove(token); err != nil {
		s.log.Error("a file could not be lost", "error", err)
	}
}

// held keeps an answer back.
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

// wait waits for d, or until ctx ends, whose cause it then returns.
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
