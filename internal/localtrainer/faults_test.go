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

// everyEffect and possible repeat the tables of the package, so that a change of either is noticed.
var (
	everyEffect = []string{
		"lost_reply", "reject_429", "error_500", "error_503", "not_found", "html_404", "denied", "slow", "stuck", "fail", "lost",
		"late", "duplicate", "forged", "stale", "ended_only",
	}
	onRequests = []string{
		"lost_reply", "reject_429", "error_500", "error_503", "not_found", "html_404", "denied", "slow", "stuck", "lost",
	}
	possible = map[string][]string{
		"upload":   onRequests,
		"submit":   slices.Concat(onRequests, []string{"fail", "late"}),
		"generate": slices.Concat(onRequests, []string{"fail", "late"}),
		"status":   slices.Concat(onRequests, []string{"stale"}),
		"result":   slices.Concat(onRequests, []string{"fail"}),
		"cancel":   slices.Concat(onRequests, []string{"late"}),
		"download": onRequests,
		"list":     slices.Concat(onRequests, []string{"ended_only"}),
		"billing":  onRequests,
		"erase":    onRequests,
		"hide":     onRequests,
		"webhook":  {"lost", "late", "duplicate", "forged", "stale"},
	}
)

func TestImpossibleFaultsAreRefusedWithASentence(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	bad := []any{
		"{", `{"on":"submit","effect":"fail","tims":1}`,
		map[string]any{"on": "moon", "effect": "fail"},
		map[string]any{"on": "submit"},
		map[string]any{"on": "submit", "effect": "fail", "times": 0},
		map[string]any{"on": "submit", "effect": "late", "delay_ms": -1},
		map[string]any{"on": "submit", "effect": "late", "error_type": "internal_error"},
		map[string]any{"on": "result", "effect": "fail", "error_type": "internal_error"},
	}
	for on, effects := range possible {
		for _, effect := range everyEffect {
			f := map[string]any{"on": on, "effect": effect}
			if slices.Contains(effects, effect) {
				require.Equal(t, http.StatusOK, r.do("POST", "/_local/faults", f).code, f)
			} else {
				bad = append(bad, f)
			}
		}
	}
	for _, f := range bad {
		a := r.do("POST", "/_local/faults", f)
		require.Equal(t, http.StatusBadRequest, a.code, f)
		require.Regexp(t, `^.{20,}\.$`, a.text("detail"))
	}
	armed := 0
	for _, effects := range possible {
		armed += len(effects)
	}
	require.Len(t, r.do("GET", "/_local/faults", nil).body["faults"], armed)
	r.clearFaults()
	require.Empty(t, r.do("GET", "/_local/faults", nil).body["faults"])
}

func TestFaultsAreUsedUp(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	r.fault("submit", "error_500")
	r.fault("generate", "error_503", "times", 2)
	r.fault("generate", "reject_429")
	var codes []int
	for range 4 {
		codes = append(codes, r.do("POST", images, stranger()).code)
	}
	require.Equal(t, []int{503, 503, 429, 200}, codes)
	require.Equal(t, 401, r.do("POST", training, "{}", "Authorization", "").code, "a request without a key uses up no fault")
	require.Equal(t, 500, r.do("POST", training, "{}").code)
	require.Len(t, r.jobs(), 1, "a refused submit buys nothing")
}

// TestFaultsOfRequests tries the faults of requests on every kind of request.
func TestFaultsOfRequests(t *testing.T) {
	t.Parallel()
	type target struct {
		on, method string
		path       func(r *rig, id string) string
		happened   func(r *rig, id string, jobs int) bool // the work was done all the same
	}
	initiate := func(*rig, string) string { return "/storage/upload/initiate" }
	at := func(end string) func(*rig, string) string {
		return func(_ *rig, id string) string { return images + "/requests/" + id + end }
	}
	platform := func(path string) func(*rig, string) string { return func(*rig, string) string { return path } }
	bought := func(r *rig, _ string, jobs int) bool { return len(r.jobs()) > jobs }
	none := func(*rig, string, int) bool { return true }
	targets := []target{
		{"upload", "POST", initiate, func(r *rig, _ string, _ int) bool { return len(foldersOf(t, r.dir)) > 0 }},
		{"submit", "POST", func(*rig, string) string { return training }, bought},
		{"generate", "POST", func(*rig, string) string { return images }, bought},
		{"status", "GET", at("/status"), none},
		{"result", "GET", at(""), none},
		{"cancel", "PUT", at("/cancel"), func(r *rig, id string, _ int) bool {
			return r.status(id).text("status") == "COMPLETED"
		}},
		{"list", "GET", platform("/v1/models/requests/by-endpoint?endpoint_id=x"), none},
		{"list", "GET", platform("/v1/models/requests/search"), none},
		{"billing", "GET", platform("/v1/models/billing-events"), none},
		{"erase", "DELETE", func(_ *rig, id string) string { return "/v1/models/requests/" + id + "/payloads" }, func(r *rig, id string, _ int) bool {
			return r.list("&expand=payloads").Items[0].Input == nil
		}},
	}
	for _, c := range targets {
		t.Run(c.on+" "+c.path(&rig{}, "id"), func(t *testing.T) {
			t.Parallel()
			fresh := func(t *testing.T) (*rig, string, int) {
				t.Helper()
				r := start(t, localtrainer.Options{})
				if c.on == "upload" {
					return r, "", 0
				}
				r.fault("generate", "late", "delay_ms", 600_000)
				return r, r.submit(images, stranger()), 1
			}
			for effect, code := range map[string]int{
				"reject_429": 429, "error_500": 500, "error_503": 503, "not_found": 404, "html_404": 404, "denied": 403,
			} {
				r, id, jobs := fresh(t)
				r.fault(c.on, effect)
				a := r.do(c.method, c.path(r, id), "{}")
				require.Equal(t, code, a.code)
				switch {
				case effect == "html_404":
					require.Nil(t, a.body)
					require.Equal(t, "text/html", a.header.Get("Content-Type"))
				case strings.HasPrefix(c.path(r, id), "/v1/"):
					require.NotEmpty(t, a.body["error"].(map[string]any)["type"])
				default:
					require.NotEmpty(t, a.text("detail")+a.text("status"))
				}
				if c.on == "cancel" || c.on == "upload" || c.on == "erase" || jobs == 0 {
					require.False(t, c.happened(r, id, jobs), effect)
				}
				require.Len(t, r.jobs(), jobs)
			}
			r, id, jobs := fresh(t)
			r.fault(c.on, "lost_reply")
			_, err := r.try(c.method, c.path(r, id), []byte("{}"))
			if c.method == "POST" {
				require.Error(t, err, "the connection is cut")
			}
			require.True(t, c.happened(r, id, jobs))

			r, id, jobs = fresh(t)
			r.fault(c.on, "slow", "delay_ms", 60)
			begun := time.Now()
			require.Less(t, r.do(c.method, c.path(r, id), "{}").code, 429)
			require.GreaterOrEqual(t, time.Since(begun), 60*time.Millisecond)
			require.True(t, c.happened(r, id, jobs))

			if c.on == "submit" || c.on == "generate" {
				return // there the job gets stuck
			}
			r, id, _ = fresh(t)
			r.fault(c.on, "stuck")
			hung := make(chan error, 1)
			go func() {
				_, err := r.try(c.method, c.path(r, id), []byte("{}"))
				hung <- err
			}()
			require.Eventually(t, func() bool { // until it has reached the server
				return len(r.do("GET", "/_local/faults", nil).body["faults"].([]any)) == 0
			}, waitLimit, time.Millisecond)
			require.Empty(t, hung)
			r.clearFaults()
			if err := <-hung; c.method == "POST" {
				require.Error(t, err)
			}
		})
	}
}

func TestFaultsOfJobs(t *testing.T) {
	t.Parallel()
	for _, on := range []string{"submit", "generate"} {
		endpoint := map[string]string{"submit": training, "generate": images}[on]
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			r := start(t, localtrainer.Options{})
			r.fault(on, "fail")
			id := r.submit(endpoint, stranger())
			result := r.done(endpoint, id)
			require.Equal(t, http.StatusUnprocessableEntity, result.code)
			status := r.do("GET", endpoint+"/requests/"+id+"/status", nil)
			require.Equal(t, "Invalid status code: 422", status.text("error"))
			require.NotEmpty(t, status.text("error_type"))

			r.fault(on, "fail", "error_type", "runner_disconnected")
			id = r.submit(endpoint, stranger())
			result = r.done(endpoint, id)
			require.Equal(t, http.StatusServiceUnavailable, result.code)
			require.Equal(t, "runner_disconnected", result.text("error_type"))
			require.Equal(t, "true", result.header.Get("X-Fal-Retryable"))

			r.fault(on, "lost")
			id = r.submit(endpoint, stranger())
			require.Equal(t, http.StatusNotFound, r.do("GET", endpoint+"/requests/"+id+"/status", nil).code)
			require.Len(t, r.jobs(), 2)

			r.fault(on, "late", "delay_ms", 600_000)
			id = r.submit(endpoint, stranger())
			r.done(endpoint, r.submit(endpoint, stranger())) // runs before it
			require.Equal(t, "IN_QUEUE", r.do("GET", endpoint+"/requests/"+id+"/status", nil).text("status"))
			r.clock.advance(time.Hour)
			r.submit(endpoint, stranger()) // wakes the queue, which then reads the clock
			r.done(endpoint, id)

			r.fault(on, "stuck")
			id = r.submit(endpoint, stranger())
			r.await(id, inState("IN_PROGRESS"))
			other := r.submit(endpoint, stranger())
			r.done(endpoint, other) // a stuck job takes no slot
			require.Equal(t, "IN_PROGRESS", r.do("GET", endpoint+"/requests/"+id+"/status", nil).text("status"))
			r.clearFaults()
			r.done(endpoint, id)

			r.fault(on, "stuck")
			id = r.submit(endpoint, stranger())
			r.await(id, inState("IN_PROGRESS"))
			require.Equal(t, http.StatusAccepted, r.do("PUT", endpoint+"/requests/"+id+"/cancel", nil).code)
			require.Equal(t, 499, r.done(endpoint, id).code)
		})
	}
}

func TestFaultsOfAnswers(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	id := r.submit(images, stranger())
	r.await(id, inState("COMPLETED"))
	r.fault("status", "stale")
	behind := r.status(id)
	require.Equal(t, http.StatusAccepted, behind.code)
	require.Equal(t, "IN_PROGRESS", behind.text("status"))
	require.Equal(t, "COMPLETED", r.status(id).text("status"))
	r.fault("status", "lost")
	require.Equal(t, http.StatusNotFound, r.status(id).code)
	r.fault("result", "lost")
	require.Equal(t, http.StatusNotFound, r.done(images, id).code)
	r.fault("result", "fail")
	require.Equal(t, http.StatusUnprocessableEntity, r.done(images, id).code)
	require.Equal(t, http.StatusOK, r.done(images, id).code)

	r.fault("generate", "stuck")
	id = r.submit(images, stranger())
	r.await(id, inState("IN_PROGRESS"))
	r.fault("status", "stale")
	require.Equal(t, "IN_QUEUE", r.status(id).text("status"))
	cancel := func(effect string) {
		r.fault("cancel", effect, "delay_ms", 100)
		require.Equal(t, "CANCELLATION_REQUESTED", r.do("PUT", images+"/requests/"+id+"/cancel", nil).text("status"))
	}
	cancel("lost")
	require.Equal(t, "IN_PROGRESS", r.status(id).text("status"))
	begun := time.Now()
	cancel("late")
	r.await(id, inState("COMPLETED"))
	require.GreaterOrEqual(t, time.Since(begun), 100*time.Millisecond)
	require.Equal(t, 499, r.done(images, id).code)
}

func TestLostUploads(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	r.fault("upload", "lost")
	file := r.upload("x", "", []byte("bytes")) // the initiation does not use up the fault
	require.Equal(t, http.StatusNotFound, r.do("GET", file, nil).code)
	file = r.upload("x", "", []byte("bytes"))
	require.Equal(t, http.StatusOK, r.do("GET", file, nil).code)
	var body struct{ Faults []any }
	require.NoError(t, json.Unmarshal(r.do("GET", "/_local/faults", nil).raw, &body))
	require.Empty(t, body.Faults)
}

// A lost request is answered as if it had been carried out.
func TestLostRequests(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	id := r.submit(images, stranger())
	var out struct{ Images []struct{ URL string } }
	require.NoError(t, json.Unmarshal(r.done(images, id).raw, &out))
	picture := out.Images[0].URL

	r.fault("list", "lost")
	require.Empty(t, r.list("").Items)
	require.Len(t, r.list("").Items, 1)
	r.fault("billing", "lost")
	require.Empty(t, r.bills("").Events)
	require.Len(t, r.bills("").Events, 1)
	r.fault("download", "lost")
	require.Empty(t, r.do("GET", picture, nil).raw)
	r.fault("hide", "lost")
	hide := "/v1/storage/files/acl?url=" + url.QueryEscape(picture)
	require.Equal(t, http.StatusOK, r.do("PUT", hide, `{"default":"hide"}`).code)
	require.Equal(t, http.StatusOK, r.do("GET", picture, nil).code)
	r.fault("erase", "lost")
	require.Equal(t, http.StatusOK, r.do("DELETE", "/v1/models/requests/"+id+"/payloads", nil).code)
	require.Equal(t, http.StatusOK, r.do("GET", picture, nil).code)
	require.NotNil(t, r.list("&expand=payloads").Items[0].Input)
}

func TestListOfEndedRequestsOnly(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	ended := r.submit(images, stranger())
	r.await(ended, inState("COMPLETED"))
	r.fault("generate", "stuck")
	running := r.submit(images, stranger())
	r.await(running, inState("IN_PROGRESS"))
	r.fault("list", "ended_only")
	require.Equal(t, []string{ended}, idsOf(r.list("").Items))
	require.Equal(t, []string{running, ended}, idsOf(r.list("").Items))
}
