package localtrainer_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer"
)

type listed struct {
	ID       string          `json:"request_id"`
	Endpoint string          `json:"endpoint_id"`
	SentAt   time.Time       `json:"sent_at"`
	Started  *time.Time      `json:"started_at"`
	Ended    *time.Time      `json:"ended_at"`
	Status   int             `json:"status_code"`
	Duration float64         `json:"duration"`
	Input    map[string]any  `json:"json_input"`
	Output   json.RawMessage `json:"json_output"`
}

type page struct {
	Items   []listed
	Results []listed
	Next    string `json:"next_cursor"`
	More    bool   `json:"has_more"`
}

func idsOf(items []listed) []string {
	var ids []string
	for _, item := range items {
		ids = append(ids, item.ID)
	}
	return ids
}

func (r *rig) list(query string) page {
	r.t.Helper()
	var p page
	r.platform("/v1/models/requests/by-endpoint?endpoint_id="+localtrainer.ImageEndpoint+query, &p)
	return p
}

// platform reads an answer of the platform API that must be a success.
func (r *rig) platform(path string, into any) {
	r.t.Helper()
	a := r.do("GET", path, nil)
	require.Equal(r.t, http.StatusOK, a.code, string(a.raw))
	require.NoError(r.t, json.Unmarshal(a.raw, into))
}

func TestRequestList(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	first := r.submit(images, stranger("prompt", "the first"))
	r.await(first, inState("COMPLETED"))
	private := r.submit(images, stranger(), "X-Fal-Store-IO", "0")
	r.await(private, inState("COMPLETED"))
	middle := time.Now()
	r.submit(training, map[string]any{})
	r.fault("generate", "stuck")
	running := r.submit(images, stranger("prompt", "still running"))
	r.await(running, inState("IN_PROGRESS"))
	r.fault("generate", "late", "delay_ms", 600_000)
	queued := r.submit(images, stranger("prompt", "still waiting", "loras", []any{map[string]any{"path": "https://files.example/w"}}))

	all := r.list("&expand=payloads")
	require.Len(t, all.Items, 4)
	require.False(t, all.More)
	waiting, newest, hidden, oldest := all.Items[0], all.Items[1], all.Items[2], all.Items[3]
	require.Equal(t, []string{queued, running, private, first}, []string{waiting.ID, newest.ID, hidden.ID, oldest.ID})
	require.Equal(t, []any{map[string]any{"path": "https://files.example/w"}}, waiting.Input["loras"])
	require.Nil(t, waiting.Started)
	require.Nil(t, waiting.Ended)
	require.Equal(t, "still running", newest.Input["prompt"])
	require.Nil(t, newest.Ended)
	require.NotNil(t, newest.Started)
	require.Equal(t, "the first", oldest.Input["prompt"])
	require.JSONEq(t, string(r.done(images, first).raw), string(oldest.Output))
	require.Equal(t, http.StatusOK, oldest.Status)
	require.Positive(t, oldest.Duration)
	require.Nil(t, hidden.Input, "nothing is kept with X-Fal-Store-IO: 0")

	require.Nil(t, r.list("").Items[0].Input, "payloads only when asked for")
	since := r.list("&start=" + url.QueryEscape(middle.Format(time.RFC3339Nano)))
	require.Len(t, since.Items, 2)
	require.Len(t, r.list("&end="+url.QueryEscape(middle.Format(time.RFC3339Nano))).Items, 2)

	var ids []string
	for cursor := ""; ; {
		p := r.list("&limit=1" + cursor)
		require.Len(t, p.Items, 1)
		ids = append(ids, p.Items[0].ID)
		if !p.More {
			require.Empty(t, p.Next)
			break
		}
		cursor = "&cursor=" + url.QueryEscape(p.Next)
	}
	require.Equal(t, []string{queued, running, private, first}, ids)

	for _, bad := range []string{
		"", "?endpoint_id=x&start=yesterday", "?endpoint_id=x&limit=0", "?endpoint_id=x&limit=a", "?endpoint_id=x&cursor=%25", "?endpoint_id=x&limit=101",
		"?endpoint_id=x&status=running", "?endpoint_id=x&sort_by=sent_at", "?endpoint_id=" + strings.Repeat("x,", 51),
	} {
		require.Equal(t, http.StatusBadRequest, r.do("GET", "/v1/models/requests/by-endpoint"+bad, nil).code, bad)
	}
}

func TestRequestListFilters(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	submit := func(fault string, more ...any) string {
		if fault != "" {
			r.fault("generate", fault, more...)
		}
		id := r.submit(images, stranger())
		r.await(id, inState("COMPLETED"))
		return id
	}
	good := submit("")
	wrong := submit("fail")
	broken := submit("fail", "error_type", "runner_disconnected")
	r.fault("generate", "stuck")
	running := r.submit(images, stranger())
	r.await(running, inState("IN_PROGRESS"))
	order := []string{running, broken, wrong, good}

	for query, want := range map[string][]string{
		"":                                  order,
		"&sort_by=ended_at":                 order,
		"&status=success":                   {good},
		"&status=user_error":                {wrong},
		"&status=error":                     {broken},
		"&request_id=" + wrong:              {wrong},
		"&request_id=" + good + "," + wrong: {wrong, good},
		"&request_id=" + good + "&request_id=" + running: {running, good},
		"&request_id=nothing":                            nil,
		"&status=error&request_id=" + good:               nil,
	} {
		require.Equal(t, want, idsOf(r.list(query).Items), query)
	}
	longest := r.list("&sort_by=duration").Items
	require.Len(t, longest, 4)
	require.True(t, slices.IsSortedFunc(longest, func(a, b listed) int {
		return int(b.Duration*1e9) - int(a.Duration*1e9)
	}))

	sent := url.QueryEscape(r.list("&request_id=" + wrong).Items[0].SentAt.Format(time.RFC3339Nano))
	require.Equal(t, []string{running, broken, wrong}, idsOf(r.list("&start="+sent).Items), "start is inclusive")
	require.Equal(t, []string{good}, idsOf(r.list("&end="+sent).Items), "end is exclusive")
	r.clock.advance(25 * time.Hour)
	require.Empty(t, r.list("").Items, "without start, the last 24 hours")
	require.Len(t, r.list("&start=2020-01-01T00:00:00Z").Items, 4)
}

// The search has all endpoints and no period.
func TestRequestSearch(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	first := r.submit(images, stranger("prompt", "the first"))
	r.await(first, inState("COMPLETED"))
	second := r.submit(training, map[string]any{})
	r.await(second, inState("COMPLETED"))
	r.fault("generate", "late", "delay_ms", 600_000)
	third := r.submit(images, stranger())
	r.clock.advance(48 * time.Hour)

	search := func(query string) (p page) {
		r.platform("/v1/models/requests/search"+query, &p)
		return p
	}
	all := search("?expand=payloads")
	require.Equal(t, []string{third, second, first}, idsOf(all.Results))
	require.False(t, all.More)
	require.Equal(t, localtrainer.TrainEndpoint, all.Results[1].Endpoint)
	require.Equal(t, "the first", all.Results[2].Input["prompt"])
	require.Nil(t, search("").Results[2].Input)
	page1 := search("?limit=2")
	require.True(t, page1.More)
	require.Equal(t, []string{third, second}, idsOf(page1.Results))
	require.Equal(t, []string{first}, idsOf(search("?limit=2&cursor="+url.QueryEscape(page1.Next)).Results))
	require.Equal(t, http.StatusBadRequest, r.do("GET", "/v1/models/requests/search?limit=0", nil).code)
}
