package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/app"
	"github.com/inflio/persona/internal/persona"
)

// load reads a configuration from these variables and no others of ours. Its tests cannot be parallel: the environment
// is the whole process's.
func load(t *testing.T, environment map[string]string) (app.Config, error) {
	t.Helper()
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "PERSONA_") || strings.HasPrefix(name, "FAL_") || strings.HasPrefix(name, "TEMPORAL_") {
			t.Setenv(name, "") // so that it is there again afterwards
			require.NoError(t, os.Unsetenv(name))
		}
	}
	t.Setenv("TEMPORAL_CONFIG_FILE", os.DevNull) // nor the settings of whoever runs this
	for name, value := range environment {
		t.Setenv(name, value)
	}
	return app.LoadConfig()
}

// complete is an environment in which nothing is wrong, for any role.
func complete() map[string]string {
	return map[string]string{
		"PERSONA_DATABASE_URL": "postgres://persona_app:hush-database@localhost:5432/persona",
		"PERSONA_BLOB_URL":     "mem://",
		"PERSONA_KEY_URL":      "base64key://aHVzaC1rZXk=",
		"PERSONA_AUTH_SECRET":  "hush-tokens-of-at-least-32-bytes",
		"PERSONA_ID_KEY":       "aHVzaC1pZHMtb2YtYXQtbGVhc3QtMzItYnl0ZXMtaHVzaA==",
		"FAL_KEY":              "hush-provider",
	}
}

func TestProviderAccountIsPinned(t *testing.T) {
	for _, want := range []string{"", "user-1"} {
		env := complete()
		if want != "" {
			env["FAL_USER_ID"] = want
		}
		c, err := load(t, env)
		require.NoError(t, err)
		require.Equal(t, want, app.Webhooks(c).UserID)
	}
}

func TestConfigDefaults(t *testing.T) {
	c, err := load(t, complete())
	require.NoError(t, err)
	c.Roles = []app.Role{app.RoleAPI, app.RoleWorker}
	require.NoError(t, c.Check())
	require.Equal(t, "127.0.0.1:8080", c.HTTPAddr)
	require.Equal(t, "http://127.0.0.1:8080", c.PublicURL)
	require.Empty(t, c.MetricsAddr)
	require.Equal(t, "https://queue.fal.run", c.FalQueueURL)
	require.Equal(t, 15*time.Second, c.PollInterval)
	require.Equal(t, 45*time.Second, c.SubmitWait)
	require.Equal(t, 6*time.Hour, c.AbsenceProof)
	require.Equal(t, 24*time.Hour, c.DatasetLife)
	require.Equal(t, persona.DefaultPhotoPolicy(), c.Photos)
	require.Equal(t, 64, c.UserRequests)
	require.Equal(t, 10, c.UserTrainings)
	require.Empty(t, c.TrustedProxies)
	require.False(t, c.AllowShortSecret)
}

func TestConfigTrimsThePublicURL(t *testing.T) {
	c, err := load(t, map[string]string{"PERSONA_PUBLIC_URL": "https://persona.example.org/"})
	require.NoError(t, err)
	require.Equal(t, "https://persona.example.org", c.PublicURL)
}

func TestConfigProblems(t *testing.T) {
	for _, c := range []struct {
		name   string
		roles  []app.Role
		change map[string]string // "" means that it is not set
		want   []string
	}{
		{
			name: "the API without anything", roles: []app.Role{app.RoleAPI},
			change: map[string]string{
				"PERSONA_DATABASE_URL": "", "PERSONA_BLOB_URL": "", "PERSONA_KEY_URL": "", "PERSONA_AUTH_SECRET": "", "PERSONA_ID_KEY": "",
				"FAL_KEY": "",
			},
			want: []string{
				"PERSONA_AUTH_SECRET or PERSONA_AUTH_JWKS_URL must be set: they verify tokens",
				"PERSONA_BLOB_URL is not set: the bucket of encrypted photos and models, e.g. s3://bucket or file:///var/lib/persona",
				"PERSONA_DATABASE_URL is not set: the PostgreSQL database, as the role persona_app",
				"PERSONA_ID_KEY is not set: the key of user ids, base64 of at least 32 random bytes, e.g. from openssl rand -base64 32",
				"PERSONA_KEY_URL is not set: the key that wraps the data keys, e.g. awskms://… or base64key://…",
			},
		},
		{
			name: "a worker without a provider", roles: []app.Role{app.RoleWorker},
			change: map[string]string{"PERSONA_AUTH_SECRET": "", "PERSONA_ID_KEY": "", "FAL_KEY": ""},
			want:   []string{"FAL_KEY is not set: the provider's key"},
		},
		{
			name: "what cannot be read comes with what is missing, and nothing follows from it", roles: []app.Role{app.RoleWorker},
			change: map[string]string{
				"FAL_KEY": "", "PERSONA_POLL_INTERVAL": "hush", "PERSONA_ABSENCE_PROOF": "6 hush", "PERSONA_PHOTOS_MIN": "hush",
				"PERSONA_PHOTO_MAX_BYTES": "10MB", "PERSONA_FACE_MODEL_SAME": "hush",
			},
			want: []string{
				"FAL_KEY is not set: the provider's key",
				"PERSONA_ABSENCE_PROOF is not a time such as 15s",
				"PERSONA_FACE_MODEL_SAME is not a number such as 0.36",
				"PERSONA_PHOTOS_MIN is not a whole number",
				"PERSONA_PHOTO_MAX_BYTES is not a whole number",
				"PERSONA_POLL_INTERVAL is not a time such as 15s",
			},
		},
		{
			name: "secrets that are too short, and limits that serve nobody", roles: []app.Role{app.RoleAPI},
			change: map[string]string{
				"PERSONA_AUTH_SECRET": "hush-tokens-of-only-31-bytes-hu", "PERSONA_ID_KEY": "aHVzaC1ub3QtMzItYnl0ZXM=",
				"PERSONA_USER_REQUESTS": "0", "PERSONA_USER_TRAININGS": "-1", "PERSONA_TRUSTED_PROXIES": "10.0.0.0/8, hush",
			},
			want: []string{
				"PERSONA_AUTH_SECRET is too short: it must have at least 32 bytes, e.g. from openssl rand -base64 32",
				"PERSONA_ID_KEY is not base64 of at least 32 bytes; make one, e.g. from openssl rand -base64 32",
				"PERSONA_TRUSTED_PROXIES is not a comma-separated list of addresses and networks, e.g. 10.0.0.7,192.168.0.0/16",
				"PERSONA_USER_REQUESTS must be at least 1",
				"PERSONA_USER_TRAININGS must be at least 1",
			},
		},
		{
			name: "every client a trusted proxy", roles: []app.Role{app.RoleAPI}, change: map[string]string{"PERSONA_TRUSTED_PROXIES": "0.0.0.0/0"},
			want: []string{"PERSONA_TRUSTED_PROXIES is not a comma-separated list of addresses and networks, e.g. 10.0.0.7,192.168.0.0/16"},
		},
		{
			name: "addresses of another kind", roles: []app.Role{app.RoleAPI},
			change: map[string]string{
				"PERSONA_DATABASE_URL": "mysql://hush@localhost/persona", "PERSONA_BLOB_URL": "/var/hush", "PERSONA_KEY_URL": "hush",
				"PERSONA_PUBLIC_URL": "ftp://hush", "PERSONA_AUTH_JWKS_URL": "hush", "FAL_QUEUE_URL": "httpx://hush",
				"PERSONA_HTTP_ADDR": "hush", "PERSONA_METRICS_ADDR": "9090",
			},
			want: []string{
				"FAL_QUEUE_URL is not an http or https address",
				"PERSONA_AUTH_JWKS_URL is not an http or https address",
				"PERSONA_BLOB_URL is not a usable address: it must begin with s3://, gs://, azblob://, file:// or mem://",
				"PERSONA_DATABASE_URL is not a usable address: it must begin with postgres:// or postgresql://",
				"PERSONA_HTTP_ADDR is not a host and a port such as 127.0.0.1:8080",
				"PERSONA_KEY_URL is not a usable address: it must begin with awskms://, gcpkms:// or base64key://",
				"PERSONA_METRICS_ADDR is not a host and a port such as 127.0.0.1:8080",
				"PERSONA_PUBLIC_URL is not an http or https address",
			},
		},
		{
			name: "a password that breaks the address", roles: []app.Role{app.RoleAPI},
			change: map[string]string{"PERSONA_DATABASE_URL": "postgres://persona_app:hush%zz@localhost/persona"},
			want:   []string{"PERSONA_DATABASE_URL is not a valid address: special characters in its password must be percent-encoded, such as %40"},
		},
		{
			name: "a face model that cannot be used so", roles: []app.Role{app.RoleWorker},
			change: map[string]string{"PERSONA_FACE_MODEL_PIXELS": "hush", "PERSONA_FACE_MODEL_SAME": "36"},
			want: []string{
				"PERSONA_FACE_MODEL is not set, but what belongs to it is: the path of an ONNX file",
				"PERSONA_FACE_MODEL_PIXELS must be rgb or bgr and one of 0..255, 0..1 and -1..1, e.g. \"bgr 0..255\"",
				"PERSONA_FACE_MODEL_SAME is not a similarity: it must lie between 0 and 1, e.g. 0.363",
			},
		},
		{
			name: "photos that could not be judged or prepared", roles: []app.Role{app.RoleWorker},
			change: map[string]string{"PERSONA_PHOTO_MEMORY": "512", "PERSONA_PHOTO_CROP_SIDE": "9000"},
			want: []string{
				"PERSONA_PHOTO_CROP_SIDE must be at most 4096",
				"PERSONA_PHOTO_MEMORY must be at least 67108864 bytes: a photo of 12 megapixels takes half of that",
			},
		},
		{
			name: "times and limits that contradict each other", roles: []app.Role{app.RoleWorker},
			change: map[string]string{
				"PERSONA_SUBMIT_TIMEOUT": "2h", "PERSONA_ABSENCE_PROOF": "1h", "PERSONA_DATASET_LIFE": "0s", "PERSONA_PHOTOS_MAX": "3",
			},
			want: []string{
				"PERSONA_ABSENCE_PROOF must be longer than PERSONA_SUBMIT_TIMEOUT: otherwise a job that is still being sent could be bought twice",
				"PERSONA_DATASET_LIFE must be positive",
				"PERSONA_SUBMIT_TIMEOUT must be at most 1m0s: the activity that buys a training gets no more time",
				"the PERSONA_PHOTO limits contradict each other",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			environment := complete()
			for name, value := range c.change {
				environment[name] = value
				if value == "" {
					delete(environment, name)
				}
			}
			config, err := load(t, environment)
			config.Roles = c.roles
			problem := config.Check()
			require.Error(t, problem)
			require.Equal(t, strings.Join(c.want, "\n"), problem.Error())
			require.NotContains(t, problem.Error(), "hush")
			if err != nil {
				require.NotContains(t, err.Error(), "hush")
			}
		})
	}
}

// A short secret passes where the code allows it, for development; with the keys of an issuer it is not used.
func TestConfigOfShortSecrets(t *testing.T) {
	environment := complete()
	environment["PERSONA_AUTH_SECRET"] = "dev-secret"
	c, err := load(t, environment)
	require.NoError(t, err)
	c.Roles = []app.Role{app.RoleAPI}
	require.ErrorContains(t, c.Check(), "PERSONA_AUTH_SECRET is too short")
	_, err = app.NewToken(c, "anna", time.Hour)
	require.NoError(t, err, "a token for a server that allows it")
	c.AllowShortSecret = true
	require.NoError(t, c.Check())
	c.AllowShortSecret, c.AuthJWKSURL = false, "https://issuer.example.org/keys"
	require.NoError(t, c.Check())
}

func TestConfigHidesItsSecrets(t *testing.T) {
	environment := complete()
	environment["PERSONA_MIGRATE_URL"], environment["PERSONA_APP_PASSWORD"] = "postgres://hush", "hush"
	environment["PERSONA_KEY_URL"] = "base64key://hush"
	c, err := load(t, environment)
	require.NoError(t, err)
	var said bytes.Buffer
	for _, log := range []*slog.Logger{slog.New(slog.NewTextHandler(&said, nil)), slog.New(slog.NewJSONHandler(&said, nil))} {
		log.Info("starting", "config", c, "key", c.FalKey, "in", []app.Secret{c.AuthSecret, c.IDKey}, "of", map[string]any{"url": c.DatabaseURL})
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		_, _ = fmt.Fprintf(&said, verb+verb, c, c.FalKey)
	}
	raw, err := json.Marshal(struct{ Key, Database app.Secret }{c.FalKey, c.DatabaseURL})
	require.NoError(t, err)
	said.Write(raw)
	require.NotContains(t, said.String(), "hush")
	require.Contains(t, said.String(), "(secret)")
}
