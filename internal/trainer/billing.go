package trainer

import (
	"context"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxBilledIDs is how many request ids one call for billing events takes.
const maxBilledIDs = 50

// BillingQuery selects billing events. Every field may be empty.
type BillingQuery struct {
	RequestIDs []string  // any number; they are asked for 50 at a time
	Endpoint   string    // for example TrainingEndpoint
	Start, End time.Time // of the events; End is exclusive. The service allows at most 90 days between them.
}

// BillingEvent is one charge. The service writes it some time after a request has ended, and none for a request that
// failed through its own fault.
type BillingEvent struct {
	RequestID       string
	Endpoint        string
	At              time.Time // zero when the service gave none
	Units           float64   // in the unit of the endpoint's price
	UnitPriceUSD    float64
	DiscountPercent float64
	SubtotalUSD     float64 // before the discount
	DiscountUSD     float64
	CostUSD         float64 // what is charged
	CostNanoUSD     int64   // the same in 1e-9 USD: the service's own figure, else CostUSD rounded
}

type billingEvent struct {
	RequestID       string   `json:"request_id"`
	Endpoint        string   `json:"endpoint_id"`
	At              string   `json:"timestamp"`
	Units           float64  `json:"output_units"`
	UnitPrice       float64  `json:"unit_price"`
	PercentDiscount float64  `json:"percent_discount"`
	Subtotal        float64  `json:"cost_subtotal"`
	Discount        float64  `json:"cost_discount"`
	Total           float64  `json:"cost_total"`
	NanoUSD         *float64 `json:"cost_estimate_nano_usd"`
}

func (e billingEvent) export() BillingEvent {
	at, _ := parseTime(e.At) // the zero time when the service gave none
	out := BillingEvent{
		RequestID: e.RequestID, Endpoint: e.Endpoint, At: at, Units: e.Units, UnitPriceUSD: e.UnitPrice,
		DiscountPercent: e.PercentDiscount, SubtotalUSD: e.Subtotal, DiscountUSD: e.Discount, CostUSD: e.Total,
		CostNanoUSD: int64(math.Round(e.Total * 1e9)),
	}
	if e.NanoUSD != nil {
		out.CostNanoUSD = int64(math.Round(*e.NanoUSD))
	}
	return out
}

// BillingEvents returns what the service has charged, in its order. Events without a request id are left out. It needs
// a key with the ADMIN scope; see ErrNotPermitted. Unless there is an error, all events of the query were read; every
// error is Unavailable. An event that is not there yet proves nothing: events come late.
func (c *Client) BillingEvents(ctx context.Context, q BillingQuery) ([]BillingEvent, error) {
	query := url.Values{"limit": {"1000"}}
	if q.Endpoint != "" {
		query.Set("endpoint_id", q.Endpoint)
	}
	for name, at := range map[string]time.Time{"start": q.Start, "end": q.End} {
		if !at.IsZero() {
			query.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if len(q.RequestIDs) == 0 {
		return c.billed(ctx, query, q)
	}
	var events []BillingEvent
	for ids := range slices.Chunk(q.RequestIDs, maxBilledIDs) {
		query.Del("cursor")
		query.Set("request_id", strings.Join(ids, ","))
		some, err := c.billed(ctx, query, q)
		if err != nil {
			return nil, err
		}
		events = append(events, some...)
	}
	return events, nil
}

func (c *Client) billed(ctx context.Context, query url.Values, q BillingQuery) ([]BillingEvent, error) {
	var events []BillingEvent
	type eventPage struct {
		Events []billingEvent `json:"billing_events"`
	}
	err := eachPage(ctx, c, opBilling, "/models/billing-events", query, func(page eventPage) (more, ok bool) {
		for _, e := range page.Events {
			// The service ignores parameters that it does not know, so the filters are applied here too.
			asked := len(q.RequestIDs) == 0 || slices.Contains(q.RequestIDs, e.RequestID)
			if asked && IsRequestID(e.RequestID) && (q.Endpoint == "" || e.Endpoint == q.Endpoint) {
				events = append(events, e.export())
			}
		}
		return true, page.Events != nil
	})
	if err != nil {
		return nil, err
	}
	return events, nil
}
