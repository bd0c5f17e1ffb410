package app

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/inflio/persona/internal/api"
	"github.com/inflio/persona/internal/embedding"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/internal/purchase"
)

// parseEnvironment parses the variables. A variable that cannot be parsed gives an error and keeps its default, so that it
// causes no further errors.
func parseEnvironment(environment map[string]string) (Config, []error) {
	parse := func() (Config, error) {
		c := Config{
			Photos: persona.DefaultPhotoPolicy(), UserRequests: api.DefaultUserRequests, UserTrainings: api.DefaultUserTrainings,
		}
		err := env.ParseWithOptions(&c, env.Options{Environment: environment})
		return c, err
	}
	c, err := parse()
	var all env.AggregateError
	if err == nil || !errors.As(err, &all) {
		return c, withoutNil(err)
	}
	environment = maps.Clone(environment)
	var problems []error
	for _, one := range all.Errors {
		var wrong env.ParseError
		name := ""
		if errors.As(one, &wrong) {
			name = variableOf(wrong.Name)
		}
		if name == "" {
			problems = append(problems, errors.New("the environment cannot be read"))
			continue
		}
		problems = append(problems, fmt.Errorf("%s is not %s", name, wanted(wrong.Type)))
		delete(environment, name)
	}
	c, err = parse()
	return c, append(problems, withoutNil(err)...)
}

func withoutNil(err error) []error {
	if err == nil {
		return nil
	}
	return []error{errors.New("the environment cannot be read")} // the reason may quote a secret
}

// variableOf returns the variable of a field of Config or of a struct in it, "" if there is none.
func variableOf(field string) string {
	for _, t := range []reflect.Type{reflect.TypeFor[Config](), reflect.TypeFor[persona.PhotoPolicy](), reflect.TypeFor[embedding.Settings]()} {
		if f, ok := t.FieldByName(field); ok {
			return f.Tag.Get("env")
		}
	}
	return ""
}

// wanted describes the values of a type.
func wanted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a time such as 15s"
	case t.Kind() == reflect.Float64:
		return "a number such as 0.36"
	}
	return "a whole number" // any text can be parsed as a string, and there are no other types
}

// Check returns one error with every problem of the configuration for its roles, or nil. It quotes no values: any may be a
// secret.
func (c Config) Check() error {
	problems := slices.Clone(c.unread)
	problem := func(bad bool, format string, args ...any) {
		if bad {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	address := func(value, name, why string, schemes ...string) {
		if value == "" {
			problem(true, "%s is not set: %s", name, why)
			return
		}
		scheme, _, _ := strings.Cut(value, "://")
		_, err := url.Parse(value)
		known := slices.Contains(schemes, scheme)
		problem(!known, "%s is not a usable address: it must begin with %s", name, begins(schemes))
		problem(known && err != nil, "%s is not a valid address: special characters in its password must be percent-encoded, such as %%40", name)
	}
	address(string(c.DatabaseURL), "PERSONA_DATABASE_URL", "the PostgreSQL database, as the role persona_app", "postgres", "postgresql")
	address(c.BlobURL, "PERSONA_BLOB_URL", "the bucket of encrypted photos and models, e.g. s3://bucket or file:///var/lib/persona",
		"s3", "gs", "azblob", "file", "mem")
	address(string(c.KeyURL), "PERSONA_KEY_URL", "the key that wraps the data keys, e.g. awskms://… or base64key://…",
		"awskms", "gcpkms", "base64key")
	if slices.Contains(c.Roles, RoleAPI) {
		problems = append(problems, c.checkAPI()...)
	}
	problem(slices.Contains(c.Roles, RoleWorker) && c.FalKey == "", "FAL_KEY is not set: the provider's key")
	for name, value := range map[string]string{
		"PERSONA_PUBLIC_URL": c.PublicURL, "FAL_QUEUE_URL": c.FalQueueURL, "FAL_REST_URL": c.FalRESTURL, "FAL_API_URL": c.FalAPIURL,
	} {
		problem(!isHTTP(value), "%s is not an http or https address", name)
	}
	problem(c.AuthJWKSURL != "" && !isHTTP(c.AuthJWKSURL), "PERSONA_AUTH_JWKS_URL is not an http or https address")
	for name, value := range map[string]string{"PERSONA_HTTP_ADDR": c.HTTPAddr, "PERSONA_METRICS_ADDR": c.MetricsAddr} {
		_, _, err := net.SplitHostPort(value)
		problem(value != "" && value != metricsOff && err != nil, "%s is not a host and a port such as 127.0.0.1:8080", name)
	}
	problem(c.SubmitWait > purchase.MaxSubmit,
		"PERSONA_SUBMIT_TIMEOUT must be at most %s: the activity that buys a training gets no more time", purchase.MaxSubmit)
	problem(c.AbsenceProof <= c.SubmitWait,
		"PERSONA_ABSENCE_PROOF must be longer than PERSONA_SUBMIT_TIMEOUT: otherwise a job that is still being sent could be bought twice")
	problem(c.DatasetLife <= c.AbsenceProof && c.DatasetLife > 0,
		"PERSONA_DATASET_LIFE must be longer than PERSONA_ABSENCE_PROOF: otherwise the dataset has expired when a lost purchase is repeated")
	for name, d := range map[string]time.Duration{
		"PERSONA_POLL_INTERVAL": c.PollInterval, "PERSONA_SUBMIT_TIMEOUT": c.SubmitWait, "PERSONA_DATASET_LIFE": c.DatasetLife,
	} {
		problem(d <= 0, "%s must be positive", name)
	}
	p := c.Photos
	problem(p.MinPhotos < 1 || p.MaxPhotos < p.MinPhotos || p.MaxUsed < p.MinPhotos || p.MinBytes < 0 || p.MaxBytes <= p.MinBytes ||
		p.MinSide < 1 || p.MaxPixels < int64(p.MinSide)*int64(p.MinSide) || p.CropSide < 128 || p.Augment < 0,
		"the PERSONA_PHOTO limits contradict each other")
	problem(p.CropSide > photo.MaxPreparedSide, "PERSONA_PHOTO_CROP_SIDE must be at most %d", photo.MaxPreparedSide)
	problem(p.MaxMemory < minPhotoMemory,
		"PERSONA_PHOTO_MEMORY must be at least %d bytes: a photo of 12 megapixels takes half of that", minPhotoMemory)
	problems = append(problems, c.FaceModel.Check()...)
	return joined(problems)
}

// checkAPI returns the problems of the settings that only the API has.
func (c Config) checkAPI() []error {
	var problems []error
	problem := func(bad bool, text string) {
		if bad {
			problems = append(problems, errors.New(text))
		}
	}
	_, keyErr := persona.ParseIDKey(string(c.IDKey))
	_, proxyErr := parseProxies(c.TrustedProxies)
	const example = "e.g. from openssl rand -base64 32"
	problem(c.AuthSecret == "" && c.AuthJWKSURL == "",
		"PERSONA_AUTH_SECRET or PERSONA_AUTH_JWKS_URL must be set: they verify tokens")
	problem(c.AuthSecret != "" && c.AuthJWKSURL == "" && len(c.AuthSecret) < api.MinSecretBytes && !c.AllowShortSecret,
		"PERSONA_AUTH_SECRET is too short: it must have at least 32 bytes, "+example)
	problem(c.IDKey == "", "PERSONA_ID_KEY is not set: the key of user ids, base64 of at least 32 random bytes, "+example)
	problem(c.IDKey != "" && keyErr != nil, "PERSONA_ID_KEY is not base64 of at least 32 bytes; make one, "+example)
	problem(proxyErr != nil, "PERSONA_TRUSTED_PROXIES is not a comma-separated list of addresses and networks, e.g. 10.0.0.7,192.168.0.0/16")
	problem(c.UserRequests < 1, "PERSONA_USER_REQUESTS must be at least 1")
	problem(c.UserTrainings < 1, "PERSONA_USER_TRAININGS must be at least 1")
	return problems
}

// parseProxies parses a comma-separated list of addresses and networks. It refuses networks of all addresses, with which
// every client could choose the address that it seems to have.
func parseProxies(list string) ([]*net.IPNet, error) {
	var networks []*net.IPNet
	for entry := range strings.SplitSeq(list, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(entry)
		if addr, addrErr := netip.ParseAddr(entry); addrErr == nil {
			addr = addr.Unmap()
			prefix, err = addr.Prefix(addr.BitLen())
		}
		if err != nil || prefix.Bits() == 0 {
			return nil, errors.New("not an address or a network")
		}
		networks = append(networks, &net.IPNet{
			IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen()),
		})
	}
	return networks, nil
}

// minPhotoMemory is the smallest memory in which photos can be judged, in bytes.
const minPhotoMemory = 64 << 20

// joined returns the problems as one error, sorted by their text, or nil.
func joined(problems []error) error {
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

func isHTTP(value string) bool {
	u, err := url.Parse(value)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// begins returns a list such as s3://, gs:// or file://.
func begins(schemes []string) string {
	var b strings.Builder
	for i, scheme := range schemes {
		switch {
		case i > 0 && i == len(schemes)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(scheme + "://")
	}
	return b.String()
}
