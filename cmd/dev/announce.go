package main

import (
	"strings"
	"text/template"
	"time"

	"github.com/inflio/persona/internal/app"
)

// tokenLife is how long the printed token is valid.
const tokenLife = 30 * 24 * time.Hour

var welcome = template.Must(template.New("welcome").Parse(`
Persona is ready after {{.Took}}. Ctrl-C stops it; the next start continues with the data in
{{.Dir}}.

  API           {{.API}}  (its documentation: {{.API}}/docs)
  Temporal UI   http://{{.UI}}
  Temporal      {{.Temporal}}
  Metrics       {{.Metrics}}
  Local trainer http://{{.Trainer}}  (replaces fal.ai for development; its pictures are not made by FLUX)
{{if .Token}}
A token for the user dev, valid for 30 days:

  export PERSONA_URL={{.API}} PERSONA_TOKEN={{.Token}}

Train from a folder of 5 to 40 photos of one person who agreed to it:

  (cd PHOTOS && set -- && for photo in *.[jJpP]*; do set -- "$@" -F "photos=@$photo"; done &&
   curl -sS {{.API}}/api/personas/train -H "Authorization: Bearer $PERSONA_TOKEN" -F name=Anna "$@" -F 'consent={{.Consent}}')

Follow its status, with the id from the answer:

  curl -sS {{.API}}/api/personas/ID/status -H "Authorization: Bearer $PERSONA_TOKEN"

The same at a terminal; the first line draws photos of a person who does not exist:

  go run ./cmd/persona sitter -out photos
  go run ./cmd/persona train photos -name Anna -i-consent -wait
{{else}}
Tokens come from your OIDC issuer (PERSONA_AUTH_JWKS_URL).
{{end}}`))

const exampleConsent = `{"agreed_to_terms":true,"consent_items":{"facial_recognition":true,"ai_training":true,"likeness_usage":true,"data_retention":true}}`

// announce prints the addresses, a token and the first commands.
func (p *parts) announce(took time.Duration) {
	token := ""
	if p.config.AuthJWKSURL == "" {
		var err error
		if token, err = app.NewToken(p.config, "dev", tokenLife); err != nil {
			p.log.Warn("no token for the user dev", "error", err)
		}
	}
	metrics := p.flags.Metrics
	if metrics != metricsOff {
		metrics = "http://" + reachable(metrics) + "/metrics"
	}
	var text strings.Builder
	err := welcome.Execute(&text, map[string]any{
		"Took": took.Round(10 * time.Millisecond), "Dir": p.dir, "API": "http://" + reachable(p.flags.HTTP), "UI": p.flags.UI,
		"Temporal": p.flags.Temporal, "Trainer": p.flags.Trainer, "Token": token, "Consent": exampleConsent, "Metrics": metrics,
	})
	if err != nil {
		panic(err) // a mistake in the template above; every test finds it
	}
	p.say("%s", text.String())
}
