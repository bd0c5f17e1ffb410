package localtrainer

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
)

const maxInput = 32 << 20 // bytes of a request body

// submit accepts a request. Like fal, it checks the input only when the work begins: a request with wrong input is
// bought and queued, and its result is a 422. The job is on the disk before the answer is sent.
func (s *Server) submit(w http.ResponseWriter, r *http.Request, p queuePath) {
	j, err := s.newJob(w, r, p.endpoint)
	if err != nil {
		if bad, ok := errors.AsType[*modelError](err); ok {
			reply(w, bad.Status, bad.body())
			return
		}
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	f := faultOf(r.Context())
	switch f.Effect {
	case stuck, fail:
		j.fault = f
	case late:
		at := s.now().Add(f.delay()).UTC()
		j.NotBefore = &at
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	ahead := len(s.sorted(func(o *job) bool { return o.State == inQueue && o.Endpoint == j.Endpoint }))
	if limit := r.URL.Query().Get("fal_max_queue_length"); limit != "" {
		if n, err := strconv.Atoi(limit); err != nil || ahead >= n {
			refuse(w, http.StatusTooManyRequests, "The queue is longer than fal_max_queue_length")
			return
		}
	}
	if f.Effect != lost {
		if err := s.save(j); err != nil {
			s.fail(w, err)
			return
		}
		s.jobs[j.ID] = j
		s.wakeUp()
	}
	s.log.Info("a request was accepted", "request_id", j.ID, "endpoint", j.Endpoint)
	answer := s.statusOf(j, s.base(r), false)
	answer["gateway_request_id"], answer["queue_position"] = j.Gateway, ahead
	w.Header().Set("X-Fal-Request-Id", j.ID)
	reply(w, http.StatusOK, answer)
}

// newJob reads body, headers and parameters of a submit. Its errors are sentences for the client.
func (s *Server) newJob(w http.ResponseWriter, r *http.Request, endpoint string) (*job, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxInput))
	if err != nil {
		return nil, errors.New("the body could not be read, or is too large")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return nil, invalid("json_invalid", "The body is not a JSON object", nil)
	}
	j := &job{changed: make(chan struct{}), record: record{
		ID: uuid.NewString(), Gateway: uuid.NewString(), Endpoint: endpoint, State: inQueue, Base: s.base(r),
		Input: body, KeepIO: r.Header.Get("X-Fal-Store-IO") != "0", Lifecycle: readLifecycle(r.Header),
		CreatedAt: s.now().UTC(), Webhook: r.URL.Query().Get("fal_webhook"),
	}}
	if j.Webhook != "" {
		u, err := url.Parse(j.Webhook)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			return nil, errors.New("fal_webhook is not a URL")
		}
	}
	for _, name := range []string{"X-Fal-Request-Start-Timeout", "X-Fal-Request-Timeout"} {
		value := r.Header.Get(name)
		if value == "" {
			continue
		}
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(seconds) || seconds <= 0.1 || seconds > 1e9 {
			return nil, errors.New(name + " must be a number of seconds above 0.1")
		}
		by := j.CreatedAt.Add(time.Duration(seconds * float64(time.Second)))
		j.StartBy = &by
		break
	}
	return j, nil
}
