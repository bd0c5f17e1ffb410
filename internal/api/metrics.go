package api

import (
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what operators see of the HTTP interface. Labels are routes, never addresses.
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
			Name: "persona_uploaded_photos_total", Help: "Photos that came in uploads, by what their file alone told.",
		}, []string{"verdict"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "persona_uploaded_bytes_total", Help: "Bytes of photos that came in uploads.",
		}),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "persona_webhooks_total", Help: "Webhooks of the provider, by what became of them.",
		}, []string{"outcome"}),
	}
	r.MustRegister(m.requests, m.seconds, m.inFlight, m.photos, m.bytes, m.webhooks)
	return m
}

func (m *metrics) seen(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(knownMethod(method), route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(knownMethod(method), route).Observe(took.Seconds())
}

// knownMethod keeps invented methods from making new time series.
func knownMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return method
	}
	return "other"
}

func (s *server) metricsRoute(e *echo.Echo) {
	e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{})))
}
