package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"

	"github.com/inflio/persona/activities"
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

// Config is everything a process can be told from outside.
type Config struct {
	Roles []Role

	HTTPAddr  string `env:"PERSONA_HTTP_ADDR"  envDefault:"127.0.0.1:8080"`
	PublicURL string `env:"PERSONA_PUBLIC_URL"` // where clients and the provider reach the API; default http://HTTPAddr

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

	PollInterval time.Duration `env:"PERSONA_POLL_INTERVAL"  envDefault:"15s"`
	SubmitWait   time.Duration `env:"PERSONA_SUBMIT_TIMEOUT" envDefault:"45s"`
	AbsenceProof time.Duration `env:"PERSONA_ABSENCE_PROOF"  envDefault:"6h"`
	DatasetLife  time.Duration `env:"PERSONA_DATASET_LIFE"   envDefault:"24h"`

	Photos persona.PhotoPolicy

	Temporal client.Options // from TEMPORAL_* by the SDK's own rules
}

// LoadConfig reads the environment. It does not check it: what is needed depends on the roles (see Check).
func LoadConfig() (Config, error) {
	c := Config{Photos: persona.DefaultPhotoPolicy()}
	if err := env.Parse(&c); err != nil {
		return c, fmt.Errorf("the environment cannot be read: %w", err)
	}
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return c, fmt.Errorf("the TEMPORAL_ settings cannot be read: %w", err)
	}
	c.Temporal = options
	if c.PublicURL == "" {
		c.PublicURL = "http://" + c.HTTPAddr
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	return c, nil
}

// Check returns every problem of the configuration for its roles at once, or nil. It never quotes a secret.
func (c Config) Check() error {
	var problems []error
	need := func(value, name, why string) {
		if value == "" {
			problems = append(problems, fmt.Errorf("%s is not set: %s", name, why))
		}
	}
	need(string(c.DatabaseURL), "PERSONA_DATABASE_URL", "the PostgreSQL database, as the role persona_app")
	need(c.BlobURL, "PERSONA_BLOB_URL", "where encrypted photos and models are kept, e.g. s3://bucket or file:///var/lib/persona")
	need(string(c.KeyURL), "PERSONA_KEY_URL", "the key that wraps the data keys, e.g. awskms://… or base64key://…")
	if slices.Contains(c.Roles, RoleAPI) && c.AuthSecret == "" && c.AuthJWKSURL == "" {
		problems = append(problems, errors.New("PERSONA_AUTH_SECRET or PERSONA_AUTH_JWKS_URL must be set: how tokens are checked"))
	}
	if slices.Contains(c.Roles, RoleWorker) {
		need(string(c.FalKey), "FAL_KEY", "the provider's key")
	}
	for name, value := range map[string]string{
		"PERSONA_PUBLIC_URL": c.PublicURL, "FAL_QUEUE_URL": c.FalQueueURL, "FAL_REST_URL": c.FalRESTURL, "FAL_API_URL": c.FalAPIURL,
	} {
		if u, err := url.Parse(value); err != nil || !strings.HasPrefix(u.Scheme, "http") || u.Host == "" {
			problems = append(problems, fmt.Errorf("%s is not an http or https address", name))
		}
	}
	if c.AbsenceProof <= c.SubmitWait {
		problems = append(problems, errors.New("PERSONA_ABSENCE_PROOF must be longer than PERSONA_SUBMIT_TIMEOUT: else a job still being sent could be bought twice"))
	}
	for name, d := range map[string]time.Duration{
		"PERSONA_POLL_INTERVAL": c.PollInterval, "PERSONA_SUBMIT_TIMEOUT": c.SubmitWait, "PERSONA_DATASET_LIFE": c.DatasetLife,
	} {
		if d <= 0 {
			problems = append(problems, fmt.Errorf("%s must be longer than nothing", name))
		}
	}
	p := c.Photos
	if p.MinPhotos < 1 || p.MaxPhotos < p.MinPhotos || p.MaxUsed < p.MinPhotos || p.MinBytes < 0 || p.MaxBytes <= p.MinBytes ||
		p.MinSide < 1 || p.MaxPixels < int64(p.MinSide)*int64(p.MinSide) || p.CropSide < 128 || p.Augment < 0 {
		problems = append(problems, errors.New("the PERSONA_PHOTO limits contradict each other"))
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

func (c Config) timing() activities.Timing {
	return activities.Timing{
		Poll: c.PollInterval, Submit: c.SubmitWait, AbsenceProof: c.AbsenceProof,
		Cancel: max(2*c.SubmitWait, activities.DefaultTiming().Cancel), DatasetLife: c.DatasetLife,
	}
}
