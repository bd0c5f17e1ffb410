package localtrainer

import (
	"math"
	"net/http"
	"slices"
	"time"
)

const maxBillingSpan = 90 * 24 * time.Hour

// billingEvent is one charge, in the form of fal's platform API.
type billingEvent struct {
	RequestID       string    `json:"request_id"`
	Endpoint        string    `json:"endpoint_id"`
	Timestamp       time.Time `json:"timestamp"`
	Units           float64   `json:"output_units"`
	UnitPrice       float64   `json:"unit_price"`
	PercentDiscount float64   `json:"percent_discount"`
	Subtotal        float64   `json:"cost_subtotal"`
	Discount        float64   `json:"cost_discount"`
	Total           float64   `json:"cost_total"`
	NanoUSD         int64     `json:"cost_estimate_nano_usd"`
}

// billed returns the charge for a job that succeeded. It is computed from the job's record, which outlives the job's
// payload and the process.
func billed(j *job) billingEvent {
	price := endpoints[j.Endpoint].price
	cost := j.Units * price
	return billingEvent{
		RequestID: j.ID, Endpoint: j.Endpoint, Timestamp: *j.EndedAt, Units: j.Units, UnitPrice: price,
		Subtotal: cost, Total: cost, NanoUSD: int64(math.Round(cost * 1e9)),
	}
}

// listBilling is the platform API's list of charges, newest first. Jobs that failed are not charged.
func (s *Server) listBilling(w http.ResponseWriter, r *http.Request) {
	requestIDs, endpointIDs := listParam(r, "request_id"), listParam(r, "endpoint_id")
	from, to, ok := s.period(r)
	if !ok || to.Sub(from) > maxBillingSpan+time.Minute || len(requestIDs) > maxIDs || len(endpointIDs) > maxIDs {
		refusePlatform(w, http.StatusBadRequest, "validation_error",
			"start and end are RFC 3339 times, at most 90 days apart; request_id and endpoint_id have at most 50 values.")
		return
	}
	f := faultOf(r.Context())
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := s.sorted(func(j *job) bool {
		return statusOfJob(j) == "success" && f.Effect != lost &&
			(len(requestIDs) == 0 || slices.Contains(requestIDs, j.ID)) &&
			(len(endpointIDs) == 0 || slices.Contains(endpointIDs, j.Endpoint)) &&
			!j.EndedAt.Before(from) && j.EndedAt.Before(to)
	})
	servePage(w, r, "billing_events", page{limit: 1000, most: 10_000}, jobs, sortKeys["ended_at"], func(j *job) any { return billed(j) })
}
