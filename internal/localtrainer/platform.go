package localtrainer

import (
	"maps"
	"net/http"
	"slices"
	"time"
)

// listPrices is the platform API's price list.
func (s *Server) listPrices(w http.ResponseWriter, r *http.Request) {
	wanted := listParam(r, "endpoint_id")
	prices := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(endpoints)) {
		if len(wanted) == 0 || slices.Contains(wanted, id) {
			prices = append(prices, map[string]any{
				"endpoint_id": id, "unit_price": endpoints[id].price, "unit": endpoints[id].unit, "currency": "USD",
			})
		}
	}
	if len(wanted) > 0 && len(prices) == 0 {
		refusePlatform(w, http.StatusNotFound, "not_found", "Endpoint not found")
		return
	}
	reply(w, http.StatusOK, map[string]any{"prices": prices, "next_cursor": nil, "has_more": false})
}

// deletePayloads erases the input, the output and the output files that exist of a request. Like fal, it does not stop a
// request that has not ended; the output of that one is still made. A second deletion finds nothing and succeeds.
func (s *Server) deletePayloads(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[r.PathValue("id")]
	if j == nil {
		refusePlatform(w, http.StatusNotFound, "not_found", "Request not found")
		return
	}
	if faultOf(r.Context()).Effect == lost {
		reply(w, http.StatusOK, map[string]any{"cdn_delete_results": []any{}})
		return
	}
	gone, err := s.erase(j)
	if err != nil {
		s.log.Error("payloads could not be deleted", "request_id", j.ID, "error", err)
		refusePlatform(w, http.StatusInternalServerError, "server_error", "The payloads could not be deleted")
		return
	}
	results := []map[string]any{}
	for _, path := range gone {
		results = append(results, map[string]any{"link": s.base(r) + path, "exception": nil})
	}
	reply(w, http.StatusOK, map[string]any{"cdn_delete_results": results})
}

// localJob is a job as the control plane shows it.
type localJob struct {
	ID         string     `json:"id"`
	Endpoint   string     `json:"endpoint"`
	State      string     `json:"state"`
	Status     int        `json:"status_code,omitempty"`
	ErrorType  string     `json:"error_type,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	ErasedAt   *time.Time `json:"erased_at,omitempty"`
	Webhook    string     `json:"webhook,omitempty"`
	Settled    bool       `json:"webhook_settled"` // delivered, given up, or none was asked for
	Deliveries []delivery `json:"deliveries"`
}

// listJobs shows every job there ever was, oldest first: what was bought, and how often.
func (s *Server) listJobs(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := []localJob{}
	for _, j := range s.sorted(func(*job) bool { return true }) {
		jobs = append(jobs, localJob{
			ID: j.ID, Endpoint: j.Endpoint, State: j.State, Status: j.Status, ErrorType: j.ErrorType,
			CreatedAt: j.CreatedAt, StartedAt: j.StartedAt, EndedAt: j.EndedAt, ErasedAt: j.ErasedAt,
			Webhook: j.Webhook, Settled: j.Delivered, Deliveries: append([]delivery{}, j.Deliveries...),
		})
	}
	reply(w, http.StatusOK, map[string]any{"jobs": jobs})
}
