package api

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/semaphore"

	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/storage"
)

// WebhookVerifier checks that a webhook was signed by the provider and returns the id of the request that it is about. An
// *persona.Error of kind Unavailable means that it could not be checked now, any other error that it is forged.
type WebhookVerifier interface {
	Verify(ctx context.Context, header http.Header, body []byte, now time.Time) (requestID string, err error)
}

// Options are everything that the API needs. Store, Auth and Judge are required. Without Temporal nothing can be
// cancelled, without Webhooks every webhook is refused.
type Options struct {
	Store    *storage.Store
	Temporal client.Client
	Judge    *photo.Judge
	Auth     Authenticator
	Webhooks WebhookVerifier

	// Nudge tells the outbox relay that there is something to deliver. It must not block. It may be nil.
	Nudge func()
	// Ready has further dependencies by the name that /readyz shows. Storage and Temporal are always asked.
	Ready map[string]func(context.Context) error
	// PublicURL is put before the paths in answers. If it is empty, these are relative to the server.
	PublicURL string
	// TrustedProxies are the networks of proxies whose X-Forwarded-For is believed. The address in a consent is the last
	// one in it that is not of a trusted proxy. Without trusted proxies it is the address of the connection.
	TrustedProxies []*net.IPNet
	// CancelWait bounds how long a request waits until a training is settled; 0 means 60 seconds.
	CancelWait time.Duration
	// UserRequests and UserTrainings are the most requests of one user that are served, and the most trainings that run,
	// at one time; 0 means DefaultUserRequests and DefaultUserTrainings.
	UserRequests, UserTrainings int
	// Pace is how fast uploads must arrive; the zero value means DefaultPace.
	Pace Pace

	Log *slog.Logger
	// Registry gets the metrics of the API. The API does not serve it.
	Registry *prometheus.Registry
}

// server is what the handlers share.
type server struct {
	Options
	metrics  *metrics
	turns    *semaphore.Weighted // one for each processor: judging a photo takes one
	requests *perUser
	scorings *perUser
}

// New returns the whole HTTP interface. It fails if a required option is missing.
func New(o Options) (http.Handler, error) {
	if o.Store == nil || o.Auth == nil || o.Judge == nil {
		return nil, errors.New("the API needs a store, an authenticator and a judge of photos")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	if o.Nudge == nil {
		o.Nudge = func() {}
	}
	o.CancelWait = cmp.Or(o.CancelWait, time.Minute)
	o.UserRequests = cmp.Or(o.UserRequests, DefaultUserRequests)
	o.UserTrainings = cmp.Or(o.UserTrainings, DefaultUserTrainings)
	o.Pace = cmp.Or(o.Pace, DefaultPace())
	o.PublicURL = strings.TrimSuffix(o.PublicURL, "/")
	s := &server{
		Options: o, metrics: newMetrics(o.Registry), turns: newTurns(),
		requests: newPerUser(o.UserRequests), scorings: newPerUser(userScorings),
	}

	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.echoError
	e.IPExtractor = ipExtractor(o.TrustedProxies)
	e.Use(s.begin, s.observe, s.recoverPanic, s.secure, s.limitRequest)

	operations := humaecho.New(e, humaConfig(o.PublicURL))
	operations.UseMiddleware(s.authenticate)
	s.trainOperation(operations)
	s.personaOperations(operations)
	s.pictureOperations(operations)
	s.scoreOperation(operations)
	s.cancelOperation(operations)
	s.erasureOperations(operations)
	s.webhookOperation(operations)
	s.healthOperations(operations)
	if err := s.descriptionRoutes(e, operations.OpenAPI()); err != nil {
		return nil, err
	}
	return e, nil
}

// NewServer returns a server for handler. It has no timeout for a whole request, because an upload takes as long as its
// pace allows; the handler of New bounds each request. Serve it on a listener of Listen. Errors of connections are logged
// at the level debug.
func NewServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       withConn,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// url returns the address of a path as answers show it.
func (s *server) url(path string) string { return s.PublicURL + path }

func ipExtractor(trusted []*net.IPNet) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, network := range trusted {
		options = append(options, echo.TrustIPRange(network))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}

// add registers one operation. Its errors become problems, and only the answers that it names are documented. Every
// operation of a user may be refused because the user has too many requests.
func add[I, O any](s *server, api huma.API, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	if len(op.Security) > 0 {
		op.Errors = append(slices.Clone(op.Errors), http.StatusTooManyRequests)
	}
	refuses := slices.Contains(op.Errors, http.StatusUnprocessableEntity)
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	})
	if !refuses {
		delete(op.Responses, strconv.Itoa(http.StatusUnprocessableEntity)) // huma adds it to each operation with parameters
	}
}
