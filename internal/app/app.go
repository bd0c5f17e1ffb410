package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.temporal.io/sdk/client"
	"gocloud.dev/blob"
	"gocloud.dev/secrets"
	"golang.org/x/sync/errgroup"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/api"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// App is one process with its open dependencies.
type App struct {
	config   Config
	log      *slog.Logger
	bucket   *blob.Bucket
	keeper   *secrets.Keeper
	store    *storage.Store
	temporal client.Client
	provider *trainer.Client
	judge    *photo.Judge
	registry *prometheus.Registry
	relay    *relay
	slots    slots
	fetch    *http.Client
	closers  []func()
	sockets  map[string]net.Listener // see UseListeners
}

// New opens everything that the configuration names. Its error has every problem of the configuration, or else names the
// first dependency that cannot be used. Close the App after Run.
func New(ctx context.Context, c Config, log *slog.Logger) (*App, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	a := &App{config: c, log: log, registry: prometheus.NewRegistry(), slots: defaultSlots()}
	if err := a.open(ctx); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func (a *App) open(ctx context.Context) error {
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	describer, err := a.config.FaceModel.Describer()
	if err != nil {
		return err
	}
	a.judge = photo.NewJudge(a.config.Photos, describer)
	a.fetch = activities.NewFetcher(fetchTimeout)
	limitMemory(a.config.Photos, os.Getenv)
	if err := a.openStore(ctx); err != nil {
		return err
	}
	temporal, stopMetrics, err := dialTemporal(ctx, a.config, a.registry, a.log)
	if err != nil {
		return err
	}
	a.closers = append(a.closers, temporal.Close, stopMetrics)
	a.temporal = temporal
	a.provider = trainer.New(trainer.Config{
		Key: string(a.config.FalKey), QueueURL: a.config.FalQueueURL, RESTURL: a.config.FalRESTURL, APIURL: a.config.FalAPIURL,
	})
	a.relay = newRelay(a.store, a.temporal, a.log)
	return nil
}

func (a *App) openStore(ctx context.Context) error {
	var err error
	if a.bucket, err = blob.OpenBucket(ctx, a.config.BlobURL); err != nil {
		return errors.New("PERSONA_BLOB_URL cannot be opened: is the scheme one of file, s3, gs, azblob or mem, and does the folder or bucket exist?")
	}
	a.closers = append(a.closers, func() { _ = a.bucket.Close() })
	if a.keeper, err = secrets.OpenKeeper(ctx, string(a.config.KeyURL)); err != nil {
		return errors.New("PERSONA_KEY_URL cannot be opened: base64key://, awskms:// or gcpkms:// is expected")
	}
	a.closers = append(a.closers, func() { _ = a.keeper.Close() })
	if a.store, err = storage.Open(ctx, string(a.config.DatabaseURL), a.bucket, a.keeper); err != nil {
		return fmt.Errorf("PERSONA_DATABASE_URL: %w", err)
	}
	a.closers = append(a.closers, a.store.Close)
	return nil
}

// Close closes the dependencies, the last opened first. Call it after Run has returned.
func (a *App) Close() {
	for _, c := range slices.Backward(a.closers) {
		c()
	}
	a.closers = nil
}

// Run runs the configured roles until ctx ends, or one of them fails, and then stops them in order. The HTTP server takes
// no new requests and finishes the open ones; then the relay starts what they have asked for. At the same time the worker
// takes no new tasks and finishes what it has sent to the provider, for at most Config.StopTimeout. It returns nil after
// an ordinary end.
func (a *App) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	requests, serving := errgroup.WithContext(ctx)
	if slices.Contains(a.config.Roles, RoleAPI) {
		if err := a.serve(serving, requests); err != nil { // before anything else runs: most often the port is in use
			return err
		}
	}
	if err := a.serveMetrics(ctx, group); err != nil {
		return err
	}
	relaying, stopRelay := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error {
		defer stopRelay()
		<-serving.Done()
		return requests.Wait()
	})
	group.Go(func() error { return a.relay.run(relaying) })
	if slices.Contains(a.config.Roles, RoleWorker) {
		group.Go(func() error { return a.work(ctx) })
	}
	return group.Wait()
}

// requestsTimeout is how long open requests may go on after the process was told to stop.
const requestsTimeout = 5 * time.Second

func (a *App) serve(ctx context.Context, group *errgroup.Group) error {
	auth, err := a.authenticator(ctx)
	if err != nil {
		return err
	}
	proxies, err := parseProxies(a.config.TrustedProxies)
	if err != nil {
		return err
	}
	handler, err := api.New(api.Options{
		Store: a.store, Temporal: a.temporal, Judge: a.judge, Auth: auth,
		Webhooks:  webhooks(a.config),
		Nudge:     a.relay.nudge,
		PublicURL: a.config.PublicURL, TrustedProxies: proxies,
		UserRequests: a.config.UserRequests, UserTrainings: a.config.UserTrainings,
		Log: a.log, Registry: a.registry,
	})
	if err != nil {
		return err
	}
	return a.listen(ctx, group, a.config.HTTPAddr, "PERSONA_HTTP_ADDR or -http", handler)
}

func webhooks(c Config) *trainer.WebhookVerifier {
	v := trainer.NewWebhookVerifier(c.FalRESTURL+"/.well-known/jwks.json", nil)
	v.UserID = c.FalUserID
	return v
}

func (a *App) authenticator(ctx context.Context) (api.Authenticator, error) {
	key, err := persona.ParseIDKey(string(a.config.IDKey))
	if err != nil {
		return nil, err
	}
	options := api.AuthOptions{
		IDKey: key, Issuer: a.config.AuthIssuer, Audience: a.config.AuthAudience, AllowShortSecret: a.config.AllowShortSecret,
	}
	if a.config.AuthJWKSURL != "" {
		return api.NewJWKSAuth(ctx, a.config.AuthJWKSURL, http.DefaultClient, a.log, options)
	}
	return api.NewSecretAuth(string(a.config.AuthSecret), options)
}

// identity names this process to Temporal.
func identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("persona@%s#%d", host, os.Getpid())
}
