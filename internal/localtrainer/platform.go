package localtrainer

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	pageSize = 50 // of the request list, unless the client says
	maxPage  = 100
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

// listParam reads a parameter that may be repeated or hold several values with commas between.
func listParam(r *http.Request, name string) []string {
	var values []string
	for _, v := range r.URL.Query()[name] {
		for part := range strings.SplitSeq(v, ",") {
			if part != "" {
				values = append(values, part)
			}
		}
	}
	return values
}

// requestItem is one line of the request list.
type requestItem struct {
	ID       string          `json:"request_id"`
	Endpoint string          `json:"endpoint_id"`
	SentAt   time.Time       `json:"sent_at"`
	Started  *time.Time      `json:"started_at,omitempty"`
	Ended    *time.Time      `json:"ended_at,omitempty"`
	Status   int             `json:"status_code,omitempty"`
	Duration float64         `json:"duration,omitempty"` // seconds
	Input    json.RawMessage `json:"json_input,omitempty"`
	Output   json.RawMessage `json:"json_output,omitempty"`
}

// listRequests is the platform API's request list: newest first, the waiting and the running ones included.
func (s *Server) listRequests(w http.ResponseWriter, r *http.Request) {
	wanted := listParam(r, "endpoint_id")
	from, to, ok := period(r)
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if r.URL.Query().Get("limit") == "" {
		limit, err = pageSize, nil
	}
	before, known := readCursor(r.URL.Query().Get("cursor"))
	if len(wanted) == 0 || !ok || err != nil || limit < 1 || !known {
		refusePlatform(w, http.StatusBadRequest, "validation_error",
			"endpoint_id is needed; start and end are RFC 3339 times; limit is 1 or more; cursor is one of ours.")
		return
	}
	limit = min(limit, maxPage)
	payloads := slices.Contains(listParam(r, "expand"), "payloads")

	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := s.sorted(func(j *job) bool {
		return slices.Contains(wanted, j.Endpoint) && !j.CreatedAt.Before(from) && !j.CreatedAt.After(to) &&
			(before == "" || place(j) < before)
	})
	slices.Reverse(jobs)
	more, cursor := len(jobs) > limit, any(nil)
	if more {
		jobs = jobs[:limit]
		cursor = base64.RawURLEncoding.EncodeToString([]byte(place(jobs[limit-1])))
	}
	items := make([]requestItem, len(jobs))
	for i, j := range jobs {
		items[i] = requestItem{
			ID: j.ID, Endpoint: j.Endpoint, SentAt: j.CreatedAt, Started: j.StartedAt, Ended: j.EndedAt, Status: j.Status,
		}
		if j.StartedAt != nil && j.EndedAt != nil {
			items[i].Duration = j.EndedAt.Sub(*j.StartedAt).Seconds()
		}
		if payloads && j.KeepIO {
			items[i].Output = withBase(j.Output, s.base(r))
			if !j.Withdrawn {
				items[i].Input = j.Input
			}
		}
	}
	reply(w, http.StatusOK, map[string]any{"items": items, "next_cursor": cursor, "has_more": more})
}

func period(r *http.Request) (from, to time.Time, ok bool) {
	to = time.Unix(1<<40, 0)
	for name, at := range map[string]*time.Time{"start": &from, "end": &to} {
		value := r.URL.Query().Get(name)
		if value == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339Nano, value)
		if err != nil {
			return from, to, false
		}
		*at = t
	}
	return from, to, true
}

// place orders jobs as strings, in the order in which sorted gives them.
func place(j *job) string {
	return j.CreatedAt.UTC().Format("2006-01-02T15:04:05.000000000") + " " + j.ID
}

func readCursor(c string) (string, bool) {
	at, err := base64.RawURLEncoding.DecodeString(c)
	return string(at), err == nil
}

// deletePayloads erases the input, the output and the output files that there are of a request. As at fal it does not
// stop one that has not ended, whose output is then there all the same. Deleting again finds nothing and succeeds.
func (s *Server) deletePayloads(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[r.PathValue("id")]
	if j == nil {
		refusePlatform(w, http.StatusNotFound, "not_found", "Request not found")
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

// localJob is a job as the control plane tells it.
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
	Settled    bool       `json:"webhook_settled"` // delivered, given up, or none was wanted
	Deliveries []delivery `json:"deliveries"`
}

// listJobs tells every job there ever was, oldest first: what was bought, and how often.
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
