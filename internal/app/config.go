package app

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/embedding"
	"github.com/inflio/persona/internal/persona"
)

// Role is a part that a process plays.
type Role string

// The roles. A process may play several; cmd/dev plays both.
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

// Config is everything a process can be told from outside.
type Config struct {
	Roles []Role

	HTTPAddr    string `env:"PERSONA_HTTP_ADDR"  envDefault:"127.0.0.1:8080"`
	PublicURL   string `env:"PERSONA_PUBLIC_URL"`   // where clients and the provider reach the API; default http://HTTPAddr
	MetricsAddr string `env:"PERSONA_METRICS_ADDR"` // where a worker without the API serves its metrics; empty is nowhere

	DatabaseURL Secret `env:"PERSONA_DATABASE_URL"` // as the role persona_app
	MigrateURL  Secret `env:"PERSONA_MIGRATE_URL"`  // as the owner of the tables; for migrate only
	AppPassword Secret `env:"PERSONA_APP_PASSWORD"` // given to persona_app by migrate
	BlobURL     string `env:"PERSONA_BLOB_URL"`     // file:///…, s3://…, gs://…, azblob://…
	KeyURL      Secret `env:"PERSONA_KEY_URL"`      // base64key://…, awskms://…, gcpkms://…: wraps the data keys

	AuthSecret   Secret `env:"PERSONA_AUTH_SECRET"`   // HS256
	AuthJWKSURL  string `env:"PERSONA_AUTH_JWKS_URL"` // or an OIDC issuer's keys
	AuthIssuer   string `env:"PERSONA_AUTH_ISSUER"`   // required "iss", where given
	AuthAudience string `env:"PERSONA_AUTH_AUDIENCE"` // required "aud", where given

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

	unread []error // a sentence for each variable that cannot be understood
}

// LoadConfig reads the environment. It does not check it: what is needed depends on the roles (see Check). Its error
// names every variable that cannot be understood; Check of the Config that comes with it says the same, with the rest.
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

func (c Config) timing() activities.Timing {
	return activities.Timing{
		Poll: c.PollInterval, Submit: c.SubmitWait, AbsenceProof: c.AbsenceProof,
		Cancel: max(2*c.SubmitWait, activities.DefaultTiming().Cancel), DatasetLife: c.DatasetLife,
	}
}
