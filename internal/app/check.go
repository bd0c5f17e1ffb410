package app

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"github.com/inflio/persona/internal/embedding"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// parseEnvironment reads every variable that can be understood, and returns a sentence for each other one, which then
// keeps its default: what is wrong is not followed by what is only wrong because of it.
func parseEnvironment(environment map[string]string) (Config, []error) {
	parse := func() (Config, error) {
		c := Config{Photos: persona.DefaultPhotoPolicy()}
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
	return []error{errors.New("the environment cannot be read")} // without the reason, which may quote a secret
}

// variableOf finds the variable of a field of Config or of what is in it.
func variableOf(field string) string {
	for _, t := range []reflect.Type{reflect.TypeFor[Config](), reflect.TypeFor[persona.PhotoPolicy](), reflect.TypeFor[embedding.Settings]()} {
		if f, ok := t.FieldByName(field); ok {
			return f.Tag.Get("env")
		}
	}
	return ""
}

// wanted words what a variable must be.
func wanted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a time such as 15s"
	case t.Kind() == reflect.Float64:
		return "a number such as 0.36"
	}
	return "a whole number" // text cannot be wrong, and there is nothing else
}

// Check returns every problem of the configuration for its roles at once, or nil. It never quotes a value: any may hold
// a secret.
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
		problem(!known, "%s is not an address that can be used: it must begin with %s", name, begins(schemes))
		problem(known && err != nil, "%s is not a good address: special characters of a password in it must be written as %%40 and the like", name)
	}
	address(string(c.DatabaseURL), "PERSONA_DATABASE_URL", "the PostgreSQL database, as the role persona_app", "postgres", "postgresql")
	address(c.BlobURL, "PERSONA_BLOB_URL", "where encrypted photos and models are kept, e.g. s3://bucket or file:///var/lib/persona",
		"s3", "gs", "azblob", "file", "mem")
	address(string(c.KeyURL), "PERSONA_KEY_URL", "the key that wraps the data keys, e.g. awskms://… or base64key://…",
		"awskms", "gcpkms", "base64key")
	problem(slices.Contains(c.Roles, RoleAPI) && c.AuthSecret == "" && c.AuthJWKSURL == "",
		"PERSONA_AUTH_SECRET or PERSONA_AUTH_JWKS_URL must be set: how tokens are checked")
	problem(slices.Contains(c.Roles, RoleWorker) && c.FalKey == "", "FAL_KEY is not set: the provider's key")
	for name, value := range map[string]string{
		"PERSONA_PUBLIC_URL": c.PublicURL, "FAL_QUEUE_URL": c.FalQueueURL, "FAL_REST_URL": c.FalRESTURL, "FAL_API_URL": c.FalAPIURL,
	} {
		problem(!isHTTP(value), "%s is not an http or https address", name)
	}
	problem(c.AuthJWKSURL != "" && !isHTTP(c.AuthJWKSURL), "PERSONA_AUTH_JWKS_URL is not an http or https address")
	for name, value := range map[string]string{"PERSONA_HTTP_ADDR": c.HTTPAddr, "PERSONA_METRICS_ADDR": c.MetricsAddr} {
		_, _, err := net.SplitHostPort(value)
		problem(value != "" && err != nil, "%s is not a host and a port such as 127.0.0.1:8080", name)
	}
	problem(c.AbsenceProof <= c.SubmitWait,
		"PERSONA_ABSENCE_PROOF must be longer than PERSONA_SUBMIT_TIMEOUT: else a job still being sent could be bought twice")
	problem(c.DatasetLife <= c.AbsenceProof && c.DatasetLife > 0,
		"PERSONA_DATASET_LIFE must be longer than PERSONA_ABSENCE_PROOF: else the pictures are gone when a lost purchase is made anew")
	for name, d := range map[string]time.Duration{
		"PERSONA_POLL_INTERVAL": c.PollInterval, "PERSONA_SUBMIT_TIMEOUT": c.SubmitWait, "PERSONA_DATASET_LIFE": c.DatasetLife,
	} {
		problem(d <= 0, "%s must be longer than nothing", name)
	}
	p := c.Photos
	problem(p.MinPhotos < 1 || p.MaxPhotos < p.MinPhotos || p.MaxUsed < p.MinPhotos || p.MinBytes < 0 || p.MaxBytes <= p.MinBytes ||
		p.MinSide < 1 || p.MaxPixels < int64(p.MinSide)*int64(p.MinSide) || p.CropSide < 128 || p.Augment < 0,
		"the PERSONA_PHOTO limits contradict each other")
	problem(p.CropSide > photo.MaxPreparedSide, "PERSONA_PHOTO_CROP_SIDE must be at most %d", photo.MaxPreparedSide)
	problem(p.MaxMemory < leastPhotoMemory,
		"PERSONA_PHOTO_MEMORY is in bytes, and must be at least %d: a photo of 12 megapixels takes half of that", leastPhotoMemory)
	problems = append(problems, c.FaceModel.Check()...)
	return joined(problems)
}

// leastPhotoMemory is the smallest memory in which photos can be judged.
const leastPhotoMemory = 64 << 20

// joined puts problems in one order and makes one error of them, or nil.
func joined(problems []error) error {
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}

func isHTTP(value string) bool {
	u, err := url.Parse(value)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// begins lists schemes as people would.
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
