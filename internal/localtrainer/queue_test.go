package localtrainer_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer"
)

func TestSubmitAnswersWithAddressesThatWork(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	a := r.do("POST", images, stranger(), "X-Fal-Queue-Priority", "low", "X-Fal-Runner-Hint", "x", "X-Fal-No-Retry", "1",
		"X-App-Fal-Disable-Fallback", "1")
	require.Equal(t, http.StatusOK, a.code)
	id := a.text("request_id")
	require.Equal(t, id, a.header.Get("X-Fal-Request-Id"))
	require.NotEmpty(t, a.text("gateway_request_id"))
	require.NotEqual(t, id, a.text("gateway_request_id"), "so that a client that uses the wrong one fails")
	require.Equal(t, r.url+images+"/requests/"+id, a.text("response_url"))
	require.Equal(t, a.text("response_url")+"/status", a.text("status_url"))
	require.Equal(t, a.text("response_url")+"/cancel", a.text("cancel_url"))
	require.Contains(t, a.body, "queue_position")

	result := r.done(images, id)
	require.Equal(t, http.StatusOK, result.code)
	require.Equal(t, id, result.header.Get("X-Fal-Request-Id"))
	require.Equal(t, "0.004096", result.header.Get("X-Fal-Billable-Units"), "megapixels")
	require.NotContains(t, result.body, "status", "the result is the bare output")
	require.Equal(t, result.raw, r.do("GET", a.text("response_url")+"/response", nil).raw)
	require.Equal(t, result.raw, r.do("GET", a.text("response_url"), nil).raw)
}

func TestStatusOfEachState(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	r.fault("generate", "late", "delay_ms", 600_000, "times", 2)
	first, second := r.submit(images, stranger()), r.submit(images, stranger())
	r.fault("generate", "stuck")
	running := r.submit(images, stranger())
	r.await(running, inState("IN_PROGRESS"))

	for i, id := range []string{first, second} {
		a := r.status(id)
		require.Equal(t, http.StatusAccepted, a.code)
		require.Equal(t, "IN_QUEUE", a.text("status"))
		require.InDelta(t, i, a.body["queue_position"], 0)
		require.NotContains(t, a.body, "logs")
		require.NotEmpty(t, a.text("response_url"))
		early := r.do("GET", images+"/requests/"+id, nil)
		require.Equal(t, http.StatusBadRequest, early.code)
		require.Equal(t, "Request is still in progress", early.text("detail"))
	}
	for query, want := range map[string]bool{
		"?logs=1": true, "?logs=true": true, "?logs=0": false, "?logs=false": false, "": false, "?logs=x": false,
	} {
		a := r.do("GET", images+"/requests/"+running+"/status"+query, nil)
		require.Equal(t, http.StatusAccepted, a.code)
		require.Equal(t, "IN_PROGRESS", a.text("status"))
		require.NotContains(t, a.body, "queue_position")
		require.Contains(t, a.body, "logs")
		require.Equal(t, want, a.body["logs"] != nil, query)
	}

	r.clearFaults() // releases the stuck job, not the late ones
	r.await(running, inState("COMPLETED"))
	a := r.status(running)
	require.Equal(t, http.StatusOK, a.code)
	require.Equal(t, "COMPLETED", a.text("status"))
	require.Contains(t, a.body["metrics"], "inference_time")
	require.NotContains(t, a.body, "error")
	require.Equal(t, "IN_QUEUE", r.status(second).text("status"))
	r.clock.advance(time.Hour)
	require.Equal(t, http.StatusOK, r.do("PUT", images+"/requests/"+first+"/cancel", nil).code)
	r.submit(images, stranger()) // wakes the queue, which then reads the clock
	require.Equal(t, http.StatusOK, r.done(images, second).code)
}

func TestPathsOfARequest(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	id := r.submit(images, stranger())
	r.await(id, inState("COMPLETED"))
	for path, want := range map[string]int{
		images + "/requests/" + id + "/status":              http.StatusOK,
		images + "/requests/" + id + "/status/":             http.StatusOK,
		training + "/requests/" + id + "/status":            http.StatusNotFound,
		images + "/lora/requests/" + id + "/status":         http.StatusNotFound,
		"/fal-ai/requests/" + id + "/status":                http.StatusNotFound,
		images + "/requests/" + id + "x":                    http.StatusNotFound,
		images + "/requests/" + id + "/status/later":        http.StatusNotFound,
		images + "/requests/" + id + "x/status/stream":      http.StatusNotFound,
		images + "/requests/" + id + "/response":            http.StatusOK,
		images + "/requests/" + id + "/status?logs=1&foo=1": http.StatusOK,
	} {
		require.Equal(t, want, r.do("GET", path, nil).code, path)
	}
	require.Equal(t, "NOT_FOUND", r.do("GET", images+"/requests/x/status", nil).text("status"))
	require.Equal(t, "NOT_FOUND", r.do("PUT", images+"/requests/x/cancel", nil).text("status"))
}

func TestCancel(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	cancel := func(id string) answer { return r.do("PUT", images+"/requests/"+id+"/cancel", nil) }

	r.fault("generate", "late", "delay_ms", 600_000)
	waiting := r.submit(images, stranger())
	a := cancel(waiting)
	require.Equal(t, http.StatusOK, a.code)
	require.Equal(t, "OK", a.text("status"))

	r.fault("generate", "stuck")
	running := r.submit(images, stranger())
	r.await(running, inState("IN_PROGRESS"))
	a = cancel(running)
	require.Equal(t, http.StatusAccepted, a.code)
	require.Equal(t, "CANCELLATION_REQUESTED", a.text("status"))

	for _, id := range []string{waiting, running} {
		result := r.done(images, id)
		require.Equal(t, 499, result.code)
		require.Equal(t, "client_cancelled", result.text("error_type"))
		require.Equal(t, "client_cancelled", result.header.Get("X-Fal-Error-Type"))
		require.Equal(t, "client_cancelled", r.status(id).text("error_type"))
		again := cancel(id)
		require.Equal(t, http.StatusBadRequest, again.code)
		require.Equal(t, "ALREADY_COMPLETED", again.text("status"))
	}
	require.Equal(t, http.StatusNotFound, cancel("x").code)
}

func TestStartTimeoutAndQueueLength(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	for _, name := range []string{"X-Fal-Request-Start-Timeout", "X-Fal-Request-Timeout"} {
		r.fault("generate", "late", "delay_ms", 600_000)
		id := r.submit(images, stranger(), name, "0.11")
		result := r.done(images, id)
		require.Equal(t, http.StatusGatewayTimeout, result.code)
		require.Equal(t, "user", result.header.Get("X-Fal-Request-Timeout-Type"))
		require.Equal(t, "request_timeout", result.text("error_type"))
		for _, bad := range []string{"0.1", "-1", "soon", "NaN"} {
			require.Equal(t, http.StatusBadRequest, r.do("POST", images, stranger(), name, bad).code, bad)
		}
	}
	served := r.submit(images, stranger(), "X-Fal-Request-Timeout", "600")
	require.Equal(t, http.StatusOK, r.done(images, served).code)

	r.fault("generate", "late", "delay_ms", 600_000)
	r.submit(images, stranger())
	full := r.do("POST", images+"?fal_max_queue_length=1", stranger())
	require.Equal(t, http.StatusTooManyRequests, full.code)
	require.Equal(t, http.StatusOK, r.do("POST", images+"?fal_max_queue_length=2", stranger()).code)
	require.Equal(t, http.StatusBadRequest, r.do("POST", images+"?fal_webhook=somewhere", stranger()).code)
}

func TestStatusStream(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	r.fault("generate", "stuck")
	id := r.submit(images, stranger())
	r.await(id, inState("IN_PROGRESS"))

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+images+"/requests/"+id+"/status/stream?logs=1", http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Key "+key)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	var states []string
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var event struct{ Status string }
		require.NoError(t, json.Unmarshal([]byte(data), &event))
		if states = append(states, event.Status); len(states) == 1 {
			r.clearFaults()
		}
	}
	require.NoError(t, lines.Err(), "the stream ends by itself")
	require.Equal(t, "IN_PROGRESS", states[0])
	require.Equal(t, "COMPLETED", states[len(states)-1])
}

func TestResultsExpire(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	large := stranger("sync_mode", true, "output_format", "png",
		"image_size", map[string]int{"width": 128, "height": 128})
	small := r.submit(images, stranger(), "X-Fal-Store-IO", "0")
	big := r.submit(images, large, "X-Fal-Store-IO", "0")
	kept := r.submit(images, stranger())
	for _, id := range []string{small, big, kept} {
		require.Equal(t, http.StatusOK, r.done(images, id).code)
	}
	code := func(id string) int { return r.do("GET", images+"/requests/"+id, nil).code }
	r.clock.advance(7 * time.Minute)
	require.Equal(t, []int{200, 404, 200}, []int{code(small), code(big), code(kept)})
	r.clock.advance(time.Hour)
	require.Equal(t, []int{404, 404, 200}, []int{code(small), code(big), code(kept)})
	r.clock.advance(31 * 24 * time.Hour)
	require.Equal(t, 404, code(kept))
}
