package purchase_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/inflio/persona/internal/trainer"
)

// queue is as much of the provider's protocol as a purchase meets, with the state of each job in the open.
type queue struct {
	*httptest.Server
	prefix string

	mu       sync.Mutex
	jobs     []*job
	hidden   map[string]bool
	next     string // what the next submit meets: "", "lost", "busy", "denied", "refused", "broken"
	away     bool   // every call is answered with 503
	listAway bool   // the list of requests is answered with a gateway's 404
	deaf     bool   // cancels are acknowledged and not acted on

	always    string // what every submit meets
	forbidden string // calls with this method are answered with 403
	finish    bool   // requests complete at once
	failing   string // the type of error with which requests complete at once
	asked     func() // called when a status is asked for
}

// job is one request at the provider.
type job struct {
	id, endpoint, webhook string
	input                 json.RawMessage
	state                 string // IN_QUEUE, IN_PROGRESS, COMPLETED
	failed                string // type of error, "" for a success
	lost                  bool   // the queue does not find it, the list does
	erased                bool
	cancelled             bool
}

func newQueue(t *testing.T) *queue {
	t.Helper()
	q := &queue{hidden: map[string]bool{}, prefix: uuid.NewString()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models/requests/by-endpoint", q.list)
	mux.HandleFunc("DELETE /v1/models/requests/{id}/payloads", q.erase)
	mux.HandleFunc("PUT /v1/storage/files/acl", q.hide)
	mux.HandleFunc("GET /fal-ai/{app}/requests/{id}/status", q.status)
	mux.HandleFunc("GET /fal-ai/{app}/requests/{id}", q.result)
	mux.HandleFunc("PUT /fal-ai/{app}/requests/{id}/cancel", q.cancel)
	mux.HandleFunc("POST /fal-ai/{app}", q.submit)
	q.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q.mu.Lock()
		defer q.mu.Unlock()
		if r.Method == q.forbidden {
			answer(w, http.StatusForbidden, map[string]any{"detail": "the key may not do this"})
			return
		}
		if q.away {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(q.Close)
	return q
}

func (q *queue) client() *trainer.Client {
	return trainer.New(trainer.Config{
		Key: "id:secret", QueueURL: q.URL, RESTURL: q.URL, APIURL: q.URL + "/v1", Backoff: time.Nanosecond,
	})
}

// change runs fn while nothing is answered.
func (q *queue) change(fn func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	fn()
}

// of returns the jobs of an endpoint.
func (q *queue) of(endpoint string) (jobs []*job) {
	q.change(func() {
		for _, j := range q.jobs {
			if j.endpoint == endpoint {
				jobs = append(jobs, j)
			}
		}
	})
	return jobs
}

// request is the id of the nth job. No two queues share an id, because the database takes each id once.
func (q *queue) request(n int) string { return fmt.Sprintf("%s-%d", q.prefix, n) }

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (q *queue) submit(w http.ResponseWriter, r *http.Request) {
	how := cmp.Or(q.next, q.always)
	q.next = ""
	switch how {
	case "busy":
		answer(w, http.StatusTooManyRequests, map[string]any{"detail": "too many"})
		return
	case "denied":
		answer(w, http.StatusForbidden, map[string]any{"detail": "key may not submit"})
		return
	case "refused":
		answer(w, http.StatusUnprocessableEntity, map[string]any{"detail": []any{map[string]any{"type": "content_policy_violation"}}})
		return
	case "broken":
		answer(w, http.StatusInternalServerError, map[string]any{"detail": "fault"})
		return
	}
	j := &job{
		id: q.request(len(q.jobs) + 1), endpoint: strings.TrimPrefix(r.URL.Path, "/"),
		webhook: r.URL.Query().Get("fal_webhook"), state: "IN_QUEUE",
	}
	_ = json.NewDecoder(r.Body).Decode(&j.input)
	if q.finish {
		j.state, j.failed = "COMPLETED", q.failing
	}
	q.jobs = append(q.jobs, j)
	if how == "lost" {
		panic(http.ErrAbortHandler)
	}
	answer(w, http.StatusOK, map[string]any{"request_id": j.id, "status": "IN_QUEUE"})
}

// find returns the job of a request, or answers as the queue does for one that it does not find.
func (q *queue) find(w http.ResponseWriter, r *http.Request) *job {
	for _, j := range q.jobs {
		if j.id == r.PathValue("id") && !j.lost {
			return j
		}
	}
	answer(w, http.StatusNotFound, map[string]any{"status": "NOT_FOUND"})
	return nil
}

func (q *queue) status(w http.ResponseWriter, r *http.Request) {
	if q.asked != nil {
		q.asked()
	}
	if j := q.find(w, r); j != nil {
		answer(w, http.StatusOK, map[string]any{"status": j.state, "request_id": j.id, "queue_position": 0})
	}
}

func (q *queue) result(w http.ResponseWriter, r *http.Request) {
	j := q.find(w, r)
	switch {
	case j == nil:
	case j.state != "COMPLETED":
		answer(w, http.StatusBadRequest, map[string]any{"detail": "Request is still in progress"})
	case j.cancelled:
		answer(w, 499, map[string]any{"detail": "cancelled", "error_type": "client_cancelled"})
	case j.failed != "":
		answer(w, http.StatusUnprocessableEntity, map[string]any{"detail": []any{map[string]any{"type": j.failed}}})
	case j.endpoint == trainer.TrainingEndpoint:
		answer(w, http.StatusOK, map[string]any{"diffusers_lora_file": map[string]any{"url": q.URL + "/weights/" + j.id}})
	default:
		answer(w, http.StatusOK, map[string]any{"images": []any{map[string]any{"url": q.URL + "/pictures/" + j.id}}, "seed": 1})
	}
}

func (q *queue) cancel(w http.ResponseWriter, r *http.Request) {
	j := q.find(w, r)
	switch {
	case j == nil:
	case j.state == "COMPLETED":
		answer(w, http.StatusBadRequest, map[string]any{"status": "ALREADY_COMPLETED"})
	case q.deaf:
		answer(w, http.StatusAccepted, map[string]any{"status": "CANCELLATION_REQUESTED"})
	default:
		removed := j.state == "IN_QUEUE"
		j.state, j.cancelled = "COMPLETED", true
		if removed {
			answer(w, http.StatusOK, map[string]any{"status": "OK"})
			return
		}
		answer(w, http.StatusAccepted, map[string]any{"status": "CANCELLATION_REQUESTED"})
	}
}

func (q *queue) list(w http.ResponseWriter, r *http.Request) {
	if q.asked != nil {
		q.asked()
	}
	if q.listAway {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("<html>not found</html>"))
		return
	}
	items := []any{}
	for _, j := range q.jobs {
		if j.endpoint != r.URL.Query().Get("endpoint_id") || j.erased {
			continue
		}
		if id := r.URL.Query().Get("request_id"); id != "" && id != j.id {
			continue
		}
		items = append(items, map[string]any{"request_id": j.id, "endpoint_id": j.endpoint, "json_input": j.input})
	}
	answer(w, http.StatusOK, map[string]any{"items": items, "has_more": false, "next_cursor": nil})
}

func (q *queue) erase(w http.ResponseWriter, r *http.Request) {
	for _, j := range q.jobs {
		if j.id == r.PathValue("id") {
			j.erased = true
		}
	}
	answer(w, http.StatusOK, map[string]any{"cdn_delete_results": []any{}})
}

func (q *queue) hide(w http.ResponseWriter, r *http.Request) {
	q.hidden[r.URL.Query().Get("url")] = true
	answer(w, http.StatusOK, map[string]any{})
}
