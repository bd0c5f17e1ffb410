package localtrainer

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxIDs      = 50 // endpoint ids or request ids of one call
	defaultSpan = 24 * time.Hour
)

// requestItem is one request in the platform's lists.
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

// item returns a job as the lists show it. s.mu is held.
func (s *Server) item(j *job, base string, payloads bool) requestItem {
	item := requestItem{
		ID: j.ID, Endpoint: j.Endpoint, SentAt: j.CreatedAt, Started: j.StartedAt, Ended: j.EndedAt, Status: j.Status,
		Duration: j.duration().Seconds(),
	}
	if payloads && j.KeepIO {
		item.Output = withBase(j.Output, base)
		if !j.Withdrawn {
			item.Input = j.Input
		}
	}
	return item
}

// duration is how long a job ran, 0 when it did not run to an end.
func (j *job) duration() time.Duration {
	if j.StartedAt == nil || j.EndedAt == nil {
		return 0
	}
	return j.EndedAt.Sub(*j.StartedAt)
}

// sortKey is how a list is ordered, as a string: the greatest comes first.
type sortKey func(*job) string

// sortKeys are the orders of the list by endpoint. fal does not document where it lists requests that have not ended;
// here they come first.
var sortKeys = map[string]sortKey{
	"ended_at": func(j *job) string {
		if j.EndedAt == nil {
			return "running " + bySent(j)
		}
		return "ended " + stamp(*j.EndedAt) + " " + bySent(j)
	},
	"duration": func(j *job) string { return fmt.Sprintf("%020d %s", j.duration(), bySent(j)) },
}

func bySent(j *job) string { return stamp(j.CreatedAt) + " " + j.ID }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000") }

// statusOfJob is the filter's name for how a job ended, "" while it has not.
func statusOfJob(j *job) string {
	switch {
	case !j.ended():
		return ""
	case j.Status < http.StatusBadRequest:
		return "success"
	case j.Status < http.StatusInternalServerError:
		return "user_error"
	}
	return "error"
}

// listRequests is the platform API's list of the requests of given endpoints.
func (s *Server) listRequests(w http.ResponseWriter, r *http.Request) {
	endpointIDs, requestIDs, status := listParam(r, "endpoint_id"), listParam(r, "request_id"), r.URL.Query().Get("status")
	from, to, ok := s.period(r)
	order, known := sortKeys[cmp.Or(r.URL.Query().Get("sort_by"), "ended_at")]
	if len(endpointIDs) == 0 || len(endpointIDs) > maxIDs || !ok || !known ||
		!slices.Contains([]string{"", "success", "error", "user_error"}, status) {
		refusePlatform(w, http.StatusBadRequest, "validation_error", "1 to 50 values of endpoint_id are needed; "+
			"start and end are RFC 3339 times; status is success, error or user_error; sort_by is ended_at or duration.")
		return
	}
	s.servePage(w, r, "items", order, func(j *job) bool {
		return slices.Contains(endpointIDs, j.Endpoint) && (len(requestIDs) == 0 || slices.Contains(requestIDs, j.ID)) &&
			(status == "" || status == statusOfJob(j)) && !j.CreatedAt.Before(from) && j.CreatedAt.Before(to)
	})
}

// searchRequests is the platform API's list of all requests, newest first.
func (s *Server) searchRequests(w http.ResponseWriter, r *http.Request) {
	s.servePage(w, r, "results", bySent, func(*job) bool { return true })
}

// servePage answers one page of the jobs that keep accepts, under the given name.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request, name string, order sortKey, keep func(*job) bool) {
	f := faultOf(r.Context())
	payloads := slices.Contains(listParam(r, "expand"), "payloads")
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := s.sorted(func(j *job) bool {
		return keep(j) && f.Effect != lost && (f.Effect != endedOnly || j.ended())
	})
	servePage(w, r, name, page{limit: 50, most: 100}, jobs, order, func(j *job) any { return s.item(j, s.base(r), payloads) })
}

// page bounds the pages of a list.
type page struct {
	limit int // unless the client says
	most  int
}

// servePage answers the part of jobs that the parameters limit and cursor ask for.
func servePage(
	w http.ResponseWriter, r *http.Request, name string, p page, jobs []*job, order sortKey, show func(*job) any,
) {
	var err error
	if given := r.URL.Query().Get("limit"); given != "" {
		p.limit, err = strconv.Atoi(given)
	}
	after, broken := base64.RawURLEncoding.DecodeString(r.URL.Query().Get("cursor"))
	if err != nil || p.limit < 1 || p.limit > p.most || broken != nil {
		refusePlatform(w, http.StatusBadRequest, "validation_error",
			fmt.Sprintf("limit is 1 to %d; cursor is a next_cursor of this list.", p.most))
		return
	}
	jobs = slices.DeleteFunc(jobs, func(j *job) bool { return len(after) > 0 && order(j) >= string(after) })
	slices.SortFunc(jobs, func(a, b *job) int { return strings.Compare(order(b), order(a)) })
	more, cursor := len(jobs) > p.limit, any(nil)
	if more {
		jobs = jobs[:p.limit]
		cursor = base64.RawURLEncoding.EncodeToString([]byte(order(jobs[p.limit-1])))
	}
	items := make([]any, len(jobs))
	for i, j := range jobs {
		items[i] = show(j)
	}
	reply(w, http.StatusOK, map[string]any{name: items, "next_cursor": cursor, "has_more": more})
}

// listParam reads a parameter that may be repeated, or have several values separated by commas.
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

// period reads the parameters start (default 24 hours ago) and end, which is exclusive.
func (s *Server) period(r *http.Request) (from, to time.Time, ok bool) {
	from, to = s.now().Add(-defaultSpan), s.now().Add(time.Minute)
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
