package api

import (
	"cmp"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/inflio/persona/internal/persona"
)

// metrics are the measures of the HTTP interface. Labels hold routes, never addresses.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	photos   *prometheus.CounterVec
	bytes    prometheus.Counter
	webhooks *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "persona_http_requests_total", Help: "Requests answered, by method, route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "persona_http_request_seconds", Help: "Time from the header of a request to the end of its answer.",
			// Uploads over slow lines take minutes.
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1200},
		}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "persona_http_requests_in_flight", Help: "Requests being served.",
		}),
		photos: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "persona_uploaded_photos_total", Help: "Photos in uploads, by the code that refused the file, or usable.",
		}, []string{"verdict"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "persona_uploaded_bytes_total", Help: "Bytes of photos in uploads.",
		}),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "persona_webhooks_total", Help: "Webhooks of the provider, by outcome.",
		}, []string{"outcome"}),
	}
	r.MustRegister(m.requests, m.seconds, m.inFlight, m.photos, m.bytes, m.webhooks)
	return m
}

func (m *metrics) request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(knownMethod(method), route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(knownMethod(method), route).Observe(took.Seconds())
}

// knownMethod maps invented methods to one label value, so that clients cannot create time series.
func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return method
	}
	return "other"
}

// photo counts a photo of an upload; see upload.Options.Seen.
func (m *metrics) photo(bytes int64, refused persona.PhotoCode) {
	m.bytes.Add(float64(bytes))
	m.photos.WithLabelValues(string(cmp.Or(refused, "usable"))).Inc()
}
