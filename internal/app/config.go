package app

import (
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/inflio/persona/internal/embedding"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/purchase"
)

// Role is a task of a process.
type Role string

// The roles. A process may have several; cmd/dev has both.
const (
	RoleAPI    Role = "api"
	RoleWorker Role = "worker"
)

// Secret is a setting that is never printed or logged.
type Secret string

// String hides the secret from fmt.
func (Secret) String() string { return "(secret)" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return "(secret)" }

// LogValue hides the secret from slog.
func (Secret) LogValue() slog.Value { return slog.StringValue("(secret)") }

// MarshalText hides the secret from JSON, in which slog writes whatever holds it.
func (Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// Config is the configuration of a process.
type Config struct {
	Roles []Role

	HTTPAddr    string `env:"PERSONA_HTTP_ADDR"  envDefault:"127.0.0.1:8080"`
	PublicURL   string `env:"PERSONA_PUBLIC_URL"`   // where clients and the provider reach the API; default http://HTTPAddr
	MetricsAddr string `env:"PERSONA_METRICS_ADDR"` // where metrics are served; see DefaultAPIMetrics; "off" serves none

	TrustedProxies string `env:"PERSONA_TRUSTED_PROXIES"` // comma-separated addresses and networks; empty trusts none
	UserRequests   int    `env:"PERSONA_USER_REQUESTS"`   // requests of one user served at one time by this process
	UserTrainings  int    `env:"PERSONA_USER_TRAININGS"`  // trainings of one user that may run at one time

	DatabaseURL Secret `env:"PERSONA_DATABASE_URL"` // as the role persona_app
	MigrateURL  Secret `env:"PERSONA_MIGRATE_URL"`  // as the owner of the tables; for migrate only
	AppPassword Secret `env:"PERSONA_APP_PASSWORD"` // given to persona_app by migrate
	BlobURL     string `env:"PERSONA_BLOB_URL"`     // file:///…, s3://…, gs://…, azblob://…
	KeyURL      Secret `env:"PERSONA_KEY_URL"`      // base64key://…, awskms://…, gcpkms://…: wraps the data keys

	AuthSecret   Secret `env:"PERSONA_AUTH_SECRET"`   // of HS256 tokens, at least 32 bytes
	AuthJWKSURL  string `env:"PERSONA_AUTH_JWKS_URL"` // or the keys of an OIDC issuer
	AuthIssuer   string `env:"PERSONA_AUTH_ISSUER"`   // required "iss"; empty accepts any
	AuthAudience string `env:"PERSONA_AUTH_AUDIENCE"` // required "aud"; empty accepts any
	IDKey        Secret `env:"PERSONA_ID_KEY"`        // makes user ids; see persona.IDKey

	// AllowShortSecret accepts an AuthSecret of less than 32 bytes. It is for development: no variable sets it.
	AllowShortSecret bool

	FalKey      Secret `env:"FAL_KEY"`
	FalQueueURL string `env:"FAL_QUEUE_URL" envDefault:"https://queue.fal.run"`
	FalRESTURL  string `env:"FAL_REST_URL"  envDefault:"https://rest.fal.ai"`
	FalAPIURL   string `env:"FAL_API_URL"   envDefault:"https://api.fal.ai/v1"`
	FalUserID   string `env:"FAL_USER_ID"` // the account's user id at the provider; webhooks for other accounts are refused

	PollInterval time.Duration `env:"PERSONA_POLL_INTERVAL"  envDefault:"15s"`
	SubmitWait   time.Duration `env:"PERSONA_SUBMIT_TIMEOUT" envDefault:"45s"`
	AbsenceProof time.Duration `env:"PERSONA_ABSENCE_PROOF"  envDefault:"6h"`
	DatasetLife  time.Duration `env:"PERSONA_DATASET_LIFE"   envDefault:"24h"`

	Photos    persona.PhotoPolicy
	FaceModel embedding.Settings

	Temporal client.Options // from TEMPORAL_* by the SDK's own rules

	unread []error // one for each variable that cannot be parsed
}

// Where metrics are served unless PERSONA_METRICS_ADDR says otherwise: the port of OpenTelemetry's Prometheus exporter for
// a process with the API, and the next one for a worker, so that both can run on one host.
const (
	DefaultAPIMetrics    = "127.0.0.1:9464"
	DefaultWorkerMetrics = "127.0.0.1:9465"

	metricsOff = "off"
)

// metricsAddr returns the address for metrics, "" for none.
func (c Config) metricsAddr() string {
	switch {
	case c.MetricsAddr == metricsOff:
		return ""
	case c.MetricsAddr != "":
		return c.MetricsAddr
	case slices.Contains(c.Roles, RoleAPI):
		return DefaultAPIMetrics
	default:
		return DefaultWorkerMetrics
	}
}

// LoadConfig reads the environment. It does not check what is missing, which depends on the roles (see Check). Its error
// names every variable that cannot be parsed. Check of the returned Config reports these too.
func LoadConfig() (Config, error) {
	c, problems := parseEnvironment(env.ToMap(os.Environ()))
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		problems = append(problems, fmt.Errorf("the TEMPORAL_ settings cannot be read: %w", err))
	}
	c.Temporal = options
	if c.PublicURL == "" {
		c.PublicURL = "http://" + c.HTTPAddr
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	c.unread = problems
	return c, joined(problems)
}

func (c Config) timing() purchase.Timing {
	return purchase.Timing{
		Poll: c.PollInterval, Submit: c.SubmitWait, AbsenceProof: c.AbsenceProof,
		Cancel: max(c.SubmitWait+purchase.RecordWithin, purchase.DefaultTiming().Cancel), DatasetLife: c.DatasetLife,
	}
}

// webhookURL is the address that the provider is told, without a token; "" when the provider cannot reach it. A provider
// on the internet calls neither plain http nor an address of this machine or network.
func (c Config) webhookURL() string {
	address := c.PublicURL + "/webhooks/fal"
	if strings.HasPrefix(c.FalQueueURL, "https://") && !isPublic(c.PublicURL) {
		return ""
	}
	return address
}

// isPublic reports whether an address may be reached from the internet.
func isPublic(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" {
		return false
	}
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsGlobalUnicast() && !ip.IsPrivate()
	}
	return strings.Contains(host, ".") && !strings.HasSuffix(host, ".local") && !strings.HasSuffix(host, ".internal")
}
