package localtrainer_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer"
)

type bill struct {
	ID       string    `json:"request_id"`
	Endpoint string    `json:"endpoint_id"`
	At       time.Time `json:"timestamp"`
	Units    float64   `json:"output_units"`
	Price    float64   `json:"unit_price"`
	Subtotal float64   `json:"cost_subtotal"`
	Total    float64   `json:"cost_total"`
	Nano     int64     `json:"cost_estimate_nano_usd"`
}

type bills struct {
	Events []bill `json:"billing_events"`
	Next   string `json:"next_cursor"`
	More   bool   `json:"has_more"`
}

func (r *rig) bills(query string) bills {
	r.t.Helper()
	var b bills
	r.platform("/v1/models/billing-events"+query, &b)
	return b
}

func billedIDs(b bills) []string {
	var ids []string
	for _, e := range b.Events {
		ids = append(ids, e.ID)
	}
	return ids
}

func TestBillingEvents(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	set := r.upload("set.zip", "application/zip", archive(t, 5, noCaptions))
	trained, _ := r.train(map[string]any{"images_data_url": set, "trigger_word": "annaqwerty", "steps": 500})
	drawn := r.submit(images, stranger("num_images", 2))
	r.await(drawn, inState("COMPLETED"))
	for _, errorType := range []string{"", "runner_disconnected"} {
		r.fault("generate", "fail", "error_type", errorType)
		r.await(r.submit(images, stranger()), inState("COMPLETED"))
	}
	r.fault("generate", "stuck")
	r.submit(images, stranger())

	all := r.bills("")
	require.Equal(t, []string{drawn, trained}, billedIDs(all), "newest first, and only what succeeded")
	pictures, training := all.Events[0], all.Events[1]
	require.InDelta(t, 1.0, training.Total, 1e-9, "500 of 1000 steps at 2 USD")
	require.Equal(t, int64(1e9), training.Nano)
	require.InDelta(t, 0.5, training.Units, 0)
	require.InDelta(t, 2.0, training.Price, 0)
	require.InDelta(t, training.Subtotal, training.Total, 0)
	require.InDelta(t, 2*64*64/1e6*0.035, pictures.Total, 1e-12)
	require.Equal(t, localtrainer.ImageEndpoint, pictures.Endpoint)
	ended := r.list("&request_id=" + drawn).Items[0].Ended
	require.True(t, pictures.At.Equal(*ended))

	at := url.QueryEscape(pictures.At.Format(time.RFC3339Nano))
	for query, want := range map[string][]string{
		"?request_id=" + trained:                     {trained},
		"?request_id=" + trained + "," + drawn:       {drawn, trained},
		"?request_id=nothing":                        nil,
		"?endpoint_id=" + localtrainer.TrainEndpoint: {trained},
		"?start=" + at:                               {drawn},
		"?end=" + at:                                 {trained},
		"?limit=1":                                   {drawn},
		"?limit=1&cursor=" + url.QueryEscape(r.bills("?limit=1").Next): {trained},
	} {
		require.Equal(t, want, billedIDs(r.bills(query)), query)
	}
	for _, bad := range []string{
		"?start=yesterday", "?limit=0", "?limit=10001", "?cursor=%25", "?start=2020-01-01T00:00:00Z", "?request_id=" + strings.Repeat("x,", 51),
	} {
		require.Equal(t, http.StatusBadRequest, r.do("GET", "/v1/models/billing-events"+bad, nil).code, bad)
	}

	// An erased payload and another process change nothing.
	for _, id := range []string{trained, drawn} {
		require.Equal(t, http.StatusOK, r.do("DELETE", "/v1/models/requests/"+id+"/payloads", nil).code)
	}
	dir := killed(t, r)
	r.stop()
	after := start(t, localtrainer.Options{Dir: dir})
	require.Equal(t, all, after.bills("?request_id="+trained+","+drawn))
}
