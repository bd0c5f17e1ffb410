package localtrainer

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// queuePath is a parsed path of the queue: an endpoint, and an action on one of its requests.
type queuePath struct {
	endpoint string
	id       string // "": a submit
	action   string // "", "response", "status", "status/stream" or "cancel"
}

func parseQueuePath(path string) queuePath {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	at := slices.Index(parts, "requests")
	if at < 2 || at+1 >= len(parts) {
		return queuePath{endpoint: strings.Join(parts, "/")}
	}
	return queuePath{
		endpoint: strings.Join(parts[:at], "/"), id: parts[at+1], action: strings.Join(parts[at+2:], "/"),
	}
}

// app returns owner and app of an endpoint id, the part of it that is in status, result and cancel addresses.
func app(endpoint string) string {
	parts := strings.SplitN(endpoint, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// serveQueue handles every path below an endpoint.
func (s *Server) serveQueue(w http.ResponseWriter, r *http.Request) {
	p := parseQueuePath(r.URL.Path)
	on := func(need Permission, fault string, h func(http.ResponseWriter, *http.Request, queuePath)) {
		if s.permit(w, r, need) {
			s.misbehave(fault, func(w http.ResponseWriter, r *http.Request) { h(w, r, p) })(w, r)
		}
	}
	switch r.Method + " " + p.action {
	case "POST ":
		e, known := endpoints[p.endpoint]
		if p.id != "" || !known {
			refuse(w, http.StatusNotFound, "Application "+strconv.Quote(p.endpoint)+" not found")
			return
		}
		on(PermitSubmit, e.fault, s.submit)
	case "GET status":
		on(PermitRead, onStatus, s.status)
	case "GET status/stream":
		if s.permit(w, r, PermitRead) {
			s.streamStatus(w, r, p)
		}
	case "GET ", "GET response":
		on(PermitRead, onResult, s.result)
	case "PUT cancel":
		on(PermitCancel, onCancel, s.cancel)
	default:
		refuse(w, http.StatusNotFound, "Path not found")
	}
}

// find returns the job that p names, under its full endpoint id or under owner and app alone. s.mu is held.
func (s *Server) find(p queuePath) *job {
	j := s.jobs[p.id]
	if j == nil || (p.endpoint != j.Endpoint && p.endpoint != app(j.Endpoint)) {
		return nil
	}
	return j
}

func replyNotFound(w http.ResponseWriter) {
	reply(w, http.StatusNotFound, map[string]string{"status": "NOT_FOUND"})
}

// asked returns the job that a read is about and the fault that acts on r. If there is no such job, it has answered and
// the job is nil. s.mu is held.
func (s *Server) asked(w http.ResponseWriter, r *http.Request, p queuePath) (*job, fault) {
	j, f := s.find(p), faultOf(r.Context())
	if j == nil || f.Effect == lost {
		replyNotFound(w)
		return nil, f
	}
	w.Header().Set("X-Fal-Request-Id", j.ID)
	return j, f
}

// statusOf returns a job's status in fal's form. s.mu is held.
func (s *Server) statusOf(j *job, base string, logs bool) map[string]any {
	at := base + "/" + app(j.Endpoint) + "/requests/" + j.ID
	answer := map[string]any{
		"status": j.State, "request_id": j.ID,
		"response_url": at, "status_url": at + "/status", "cancel_url": at + "/cancel",
	}
	if j.State == inQueue {
		answer["queue_position"] = len(s.sorted(func(o *job) bool {
			return o.State == inQueue && o.Endpoint == j.Endpoint && o.CreatedAt.Before(j.CreatedAt)
		}))
		return answer
	}
	answer["logs"] = nil
	if logs {
		answer["logs"] = append([]logLine{}, j.Logs...)
	}
	if j.ended() {
		if j.StartedAt != nil {
			answer["metrics"] = map[string]float64{"inference_time": j.EndedAt.Sub(*j.StartedAt).Seconds()}
		}
		if j.Error != "" || j.ErrorType != "" {
			answer["error"], answer["error_type"] = j.Error, j.ErrorType
		}
	}
	return answer
}

// wantsLogs accepts what the clients send: 1 and 0 (JavaScript), true and false (Python).
func wantsLogs(r *http.Request) bool {
	want, err := strconv.ParseBool(r.URL.Query().Get("logs"))
	return err == nil && want
}

// status answers 202 until the job has ended.
func (s *Server) status(w http.ResponseWriter, r *http.Request, p queuePath) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, f := s.asked(w, r, p)
	if j == nil {
		return
	}
	answer := s.statusOf(j, s.base(r), wantsLogs(r))
	if f.Effect == stale {
		answer = s.statusOf(&job{record: oneStepBehind(j.record)}, s.base(r), wantsLogs(r))
	}
	code := http.StatusAccepted
	if answer["status"] == completed {
		code = http.StatusOK
	}
	reply(w, code, answer)
}

func oneStepBehind(r record) record {
	switch r.State {
	case completed:
		r.State = inProgress
	case inProgress:
		r.State = inQueue
	}
	return r
}

// result answers with the model's own status and body, also when the job failed.
func (s *Server) result(w http.ResponseWriter, r *http.Request, p queuePath) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, f := s.asked(w, r, p)
	if j == nil {
		return
	}
	switch {
	case !j.ended():
		refuse(w, http.StatusBadRequest, "Request is still in progress")
		return
	case s.resultExpired(j):
		refuse(w, http.StatusNotFound, "The result of this request is not kept any longer")
		return
	case f.Effect == fail:
		failed := f.outcome(j.Endpoint)
		reply(w, failed.status, failed.output)
		return
	}
	if j.Status >= 400 {
		w.Header().Set("X-Fal-Retryable", strconv.FormatBool(j.Status >= 500))
	} else {
		w.Header().Set("X-Fal-Billable-Units", strconv.FormatFloat(j.Units, 'f', -1, 64))
	}
	if j.ErrorType != "" {
		w.Header().Set("X-Fal-Error-Type", j.ErrorType)
	}
	if j.UserLimit {
		w.Header().Set("X-Fal-Request-Timeout-Type", "user")
	}
	reply(w, j.Status, withBase(j.Output, s.base(r)))
}

// withBase puts the server's address into a stored output.
func withBase(output json.RawMessage, base string) json.RawMessage {
	return bytes.ReplaceAll(output, []byte(baseMark), []byte(base))
}

// resultExpired applies fal's retention: an hour, six minutes for large results, thirty days while payloads are kept.
// s.mu is held.
func (s *Server) resultExpired(j *job) bool {
	if !j.ended() {
		return false
	}
	keep := 30 * 24 * time.Hour
	switch {
	case j.ErasedAt != nil || j.Output == nil:
		return true
	case !j.KeepIO && len(j.Output) >= 10<<10:
		keep = 6 * time.Minute
	case !j.KeepIO:
		keep = time.Hour
	}
	return s.now().Sub(*j.EndedAt) > keep
}

// cancel removes a waiting job and tells a running one to stop.
func (s *Server) cancel(w http.ResponseWriter, r *http.Request, p queuePath) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.find(p)
	f := faultOf(r.Context())
	switch {
	case j == nil:
		replyNotFound(w)
	case j.ended():
		reply(w, http.StatusBadRequest, map[string]string{"status": "ALREADY_COMPLETED"})
	case f.Effect == lost, f.Effect == late:
		if f.Effect == late {
			time.AfterFunc(f.delay(), func() { s.cancelLate(p) })
		}
		reply(w, http.StatusAccepted, map[string]string{"status": "CANCELLATION_REQUESTED"})
	case j.State == inQueue:
		s.end(j, cancelledOutcome(j.ID))
		reply(w, http.StatusOK, map[string]string{"status": "OK"})
	default:
		s.stop(j)
		reply(w, http.StatusAccepted, map[string]string{"status": "CANCELLATION_REQUESTED"})
	}
}

func (s *Server) cancelLate(p queuePath) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.find(p); j != nil && !j.ended() {
		s.stop(j)
	}
}

// stop tells a job to end. s.mu is held.
func (s *Server) stop(j *job) {
	if !j.running {
		s.end(j, cancelledOutcome(j.ID))
		return
	}
	j.cancelled = true
	j.cancel(errCancelled)
}
