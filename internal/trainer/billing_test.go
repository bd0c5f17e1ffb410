package trainer_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
)

func TestBillingEvents(t *testing.T) {
	t.Parallel()
	s := script(t,
		`200 {"billing_events":[{"request_id":"r1","endpoint_id":"fal-ai/flux-lora-fast-training","timestamp":"2026-05-04T12:01:00Z",
			"output_units":1.5,"unit_price":2,"percent_discount":10,"cost_subtotal":3,"cost_discount":0.3,"cost_total":2.7,
			"cost_estimate_nano_usd":2700000001}],"next_cursor":"c1","has_more":true}`,
		`200 {"billing_events":[{"request_id":"r2","endpoint_id":"fal-ai/flux-lora-fast-training","timestamp":"2026-05-04T12:02:00",
			"output_units":1,"unit_price":2,"cost_subtotal":2,"cost_total":2,"cost_estimate_nano_usd":null},
			{"request_id":null,"endpoint_id":"fal-ai/flux-lora-fast-training","cost_total":9},
			{"request_id":"r3","endpoint_id":"fal-ai/flux-lora","cost_total":9}],"next_cursor":null,"has_more":false}`)
	start := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

	got, err := s.client().BillingEvents(t.Context(), trainer.BillingQuery{
		Endpoint: trainer.TrainingEndpoint, Start: start, End: start.Add(time.Hour),
	})

	require.NoError(t, err)
	require.Equal(t, []trainer.BillingEvent{
		{
			RequestID: "r1", Endpoint: trainer.TrainingEndpoint, At: start.Add(time.Minute), Units: 1.5, UnitPriceUSD: 2,
			DiscountPercent: 10, SubtotalUSD: 3, DiscountUSD: 0.3, CostUSD: 2.7, CostNanoUSD: 2_700_000_001,
		},
		{
			RequestID: "r2", Endpoint: trainer.TrainingEndpoint, At: start.Add(2 * time.Minute), Units: 1, UnitPriceUSD: 2,
			SubtotalUSD: 2, CostUSD: 2, CostNanoUSD: 2_000_000_000,
		},
	}, got, "filters that the service ignores are applied here")
	require.Equal(t, "/v1/models/billing-events", s.requests()[0].Path)
	query, err := url.ParseQuery(s.requests()[1].Query)
	require.NoError(t, err)
	require.Equal(t, url.Values{
		"endpoint_id": {trainer.TrainingEndpoint}, "start": {"2026-05-04T12:00:00Z"}, "end": {"2026-05-04T13:00:00Z"},
		"limit": {"1000"}, "cursor": {"c1"},
	}, query)
}

func TestBillingEventsOfManyRequests(t *testing.T) {
	t.Parallel()
	var ids []string
	for i := range 120 {
		ids = append(ids, fmt.Sprintf("r%d", i))
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		asked := strings.Split(r.URL.Query().Get("request_id"), ",")
		cursor := r.URL.Query().Get("cursor")
		if len(asked) > 50 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		of, next := asked[:len(asked)/2], any("second half")
		if cursor != "" {
			of, next = asked[len(asked)/2:], nil
		}
		events := []any{map[string]any{"request_id": "somebody else's", "cost_total": 1}}
		for _, id := range of {
			events = append(events, map[string]any{"request_id": id, "cost_total": 0.5})
		}
		reply(t, w, http.StatusOK, map[string]any{"billing_events": events, "next_cursor": next, "has_more": next != nil})
	})
	got, err := s.client().BillingEvents(t.Context(), trainer.BillingQuery{RequestIDs: ids})
	require.NoError(t, err)
	var billed []string
	for _, e := range got {
		billed = append(billed, e.RequestID)
	}
	require.Equal(t, ids, billed)
	require.Len(t, s.requests(), 6)
}

func TestBillingEventsThatAreNotAvailable(t *testing.T) {
	t.Parallel()
	const first = `200 {"billing_events":[{"request_id":"r1"}],"next_cursor":"c1","has_more":true}`
	for _, pages := range [][]string{
		{"404 <html>"},
		{"200 <html>"},
		{`200 {}`},
		{`200 {"billing_events":null}`},
		{`200 {"items":[]}`},
		{first, "503 "},
		{first, `200 {"next_cursor":null,"has_more":false}`},
		{first},
		{`200 {"billing_events":[],"has_more":true}`},
	} {
		t.Run(strings.Join(pages, " then "), func(t *testing.T) {
			t.Parallel()
			got, err := script(t, pages...).client().BillingEvents(t.Context(), trainer.BillingQuery{})
			require.Empty(t, got)
			require.Equal(t, persona.Unavailable, public(t, err).Kind)
			requireNoSecrets(t, err)
		})
	}
}
