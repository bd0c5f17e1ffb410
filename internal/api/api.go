package api

import (
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

// WebhookVerifier checks that a webhook was signed by the provider and tells which request it is about. An
// *persona.Error of kind Unavailable means that it could not be checked now; any other error means that it is forged.
type WebhookVerifier interface {
	Verify(ctx context.Context, header http.Header, body []byte, now time.Time) (requestID string, err error)
}

// Options are everything the API needs. Store, Auth and Judge are required; without Temporal nothing can be
// cancelled, without Webhooks every webhook is refused.
type Options struct {
	Store    *storage.Store
	Temporal client.Client
	Judge    *photo.Judge
	Auth     Authenticator
	Webhooks WebhookVerifier

	// Nudge tells the outbox relay that there is something to deliver; it must not block. May be nil.
	Nudge func()
	// Ready holds further dependencies by the name /readyz shows; storage (records and blobs) and Temporal are always asked.
	Ready map[string]func(context.Context) error
	// PublicURL is put in front of the addresses in answers; empty gives addresses relative to the server.
	PublicURL string
	// TrustedProxies are the networks whose X-Forwarded-For is believed for the address in a consent.
	TrustedProxies []*net.IPNet
	// CancelWait bounds how long a request waits for a training to be settled; 0 means 60 seconds.
	CancelWait time.Duration

	Log      *slog.Logger
	Registry *prometheus.Registry
}

// server is what the handlers share.
type server struct {
	Options
	metrics *metrics
	slots   *semaphore.Weighted // one for each core: judging a photo takes one
	turns   *turns              // requests to judge photos
}

// New returns the whole HTTP interface. It fails when a required option is missing.
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
	if o.CancelWait == 0 {
		o.CancelWait = time.Minute
	}
	o.PublicURL = strings.TrimSuffix(o.PublicURL, "/")
	s := &server{Options: o, metrics: newMetrics(o.Registry), slots: newSlots(), turns: newTurns()}

	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.echoError
	e.IPExtractor = ipExtractor(o.TrustedProxies)
	e.Use(s.begin, s.observe, s.recoverPanic, s.secure, s.limitBody)

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
	s.metricsRoute(e)
	if err := s.docsRoutes(e, operations.OpenAPI()); err != nil {
		return nil, err
	}
	return e, nil
}

// Timeouts of NewServer. There is none for a whole request, because an honest upload over a slow line takes as long as
// it takes; what is bounded is every single wait for more of it (see limitBody).
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// NewServer wraps handler in a server with timeouts that suit slow uploads. Errors of connections go to log.
func NewServer(addr string, handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// url makes the address of a path as answers show it.
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

// add registers one operation whose errors become problems, and documents the answers that it names and no others.
func add[I, O any](s *server, api huma.API, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
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
		delete(op.Responses, strconv.Itoa(http.StatusUnprocessableEntity)) // huma thinks that any parameter may be
	}
}
