package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/inflio/persona/internal/api/docs"
	"github.com/inflio/persona/internal/persona"
)

const trainPath = "/api/personas/train"

// Groups of operations on the documentation page.
const (
	tagTraining  = "Training"
	tagPersonas  = "Personas"
	tagPictures  = "Pictures"
	tagErasure   = "Erasure"
	tagOperation = "Operation"
)

// version is the version of the interface, not of the program. It changes when clients must change.
const version = "1.0.0"

func humaConfig(publicURL string) huma.Config {
	config := huma.DefaultConfig("Persona", version)
	// Our own routes serve the description. huma builds it at the first request without a lock, and its documentation
	// page loads scripts from another host. Its hooks add a $schema to every answer.
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.Info.Description = "Private, versioned likeness models of consenting people, made from photos, tested, and erased completely on request. " +
		"Errors are RFC 9457 problems with a stable code. A request sees only the data of the user of its token: a persona of " +
		"another user is answered like one that does not exist."
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		bearerScheme: {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "iss and sub name the user; exp is required."},
	}
	config.Tags = []*huma.Tag{
		{Name: tagTraining, Description: "Make a persona from photos and a consent."},
		{Name: tagPersonas, Description: "Personas, the progress of their trainings, and their quality."},
		{Name: tagPictures, Description: "Photos and samples, decrypted for their owner."},
		{Name: tagErasure, Description: "Remove everything, with a certificate."},
		{Name: tagOperation, Description: "For the provider, for supervisors and for load balancers."},
	}
	if publicURL != "" {
		config.Servers = []*huma.Server{{URL: publicURL}}
	}
	return config
}

func (s *server) trainOperation(api huma.API) {
	add(s, api, huma.Operation{
		OperationID: "train-persona", Method: http.MethodPost, Path: trainPath, Tags: []string{tagTraining},
		Security: needsToken, DefaultStatus: http.StatusAccepted, Summary: "Make a persona from photos",
		Description: "Send multipart/form-data with the photos, its parts in any order, or application/json with their addresses. Files " +
			"of the wrong kind, size or dimensions, and damaged ones, are refused at once, with all problems of all photos in one " +
			"answer. What has to be judged in the picture is in the status later. Nothing of a refused request is kept.",
		Errors: []int{400, 401, 408, 409, 413, 415, 422, 503},
	}, s.train)
	// huma describes the body but does not read it: it would hold the whole upload in memory.
	api.OpenAPI().Paths[trainPath].Post.RequestBody = s.trainBody(api.OpenAPI().Components.Schemas)
}

// partialConfig describes a training configuration whose members are all optional, with their defaults.
func partialConfig(r huma.Registry) *huma.Schema {
	whole := r.SchemaFromRef(r.Schema(reflect.TypeFor[persona.TrainingConfig](), true, "TrainingConfig").Ref)
	defaults := reflect.ValueOf(persona.DefaultTrainingConfig())
	partial := &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: false, Properties: make(map[string]*huma.Schema, len(whole.Properties)),
		Description: "Members that differ from the defaults.",
	}
	for field, value := range defaults.Fields() {
		name := field.Tag.Get("json")
		partial.Properties[name] = &huma.Schema{Type: whole.Properties[name].Type, Default: value.Interface()}
	}
	for _, l := range persona.ConfigLimits() {
		describeLimit(partial.Properties[l.Field], l)
	}
	return partial
}

// describeLimit writes the limits of a field into its description.
func describeLimit(s *huma.Schema, l persona.ConfigLimit) {
	for _, choice := range l.Choices {
		s.Enum = append(s.Enum, choice)
	}
	if len(l.Choices) > 0 {
		return
	}
	s.Minimum, s.Maximum = &l.Min, &l.Max
	if l.Exclusive {
		s.Maximum, s.ExclusiveMaximum = nil, &l.Max
	}
}

func (s *server) trainBody(r huma.Registry) *huma.RequestBody {
	minimum, last := 0.0, float64(s.Judge.Policy.MaxPhotos-1)
	least, most := s.Judge.Policy.MinPhotos, s.Judge.Policy.MaxPhotos
	nameLength, one := persona.MaxNameLetters, 1
	common := func() map[string]*huma.Schema {
		return map[string]*huma.Schema{
			"name": {
				Type: "string", MinLength: &one, MaxLength: &nameLength,
				Description: "Display name, in any script. The trigger word is made from it.",
			},
			"consent": r.Schema(reflect.TypeFor[persona.Consent](), true, "Consent"),
			"tier": {
				Type: "string", Enum: []any{persona.TierBasic, persona.TierStandard, persona.TierPremium},
				Description: "The default is the highest that the number of photos reaches.",
			},
			"primary": {
				Type: "integer", Minimum: &minimum, Maximum: &last,
				Description: "Position of the photo that shows the person best, counted from 0.",
			},
			"config": partialConfig(r),
		}
	}
	files, addresses := common(), common()
	files["photos"] = &huma.Schema{
		Type: "array", MinItems: &least, MaxItems: &most, Items: &huma.Schema{Type: "string", Format: "binary"},
		Description: "JPEG or PNG files, one part each, all named photos.",
	}
	addresses["photo_urls"] = &huma.Schema{
		Type: "array", MinItems: &least, MaxItems: &most, Items: &huma.Schema{Type: "string", Format: "uri"},
		Description: "https addresses of the pictures themselves. They are fetched at the beginning of the training.",
	}
	return &huma.RequestBody{
		Required: true,
		Content: map[string]*huma.MediaType{
			"multipart/form-data": {
				Schema: &huma.Schema{Type: "object", Properties: files, Required: []string{"name", "photos", "consent"}},
				Encoding: map[string]*huma.Encoding{
					"photos": {ContentType: "image/jpeg, image/png"}, "consent": {ContentType: "application/json"},
					"config": {ContentType: "application/json"},
				},
			},
			"application/json": {
				Schema: &huma.Schema{Type: "object", Properties: addresses, Required: []string{"name", "photo_urls", "consent"}},
			},
		},
	}
}

// descriptionRoutes serves the OpenAPI description and the page that shows it. Both are made at the start, so that the
// start fails if they cannot be made.
func (s *server) descriptionRoutes(e *echo.Echo, api *huma.OpenAPI) error {
	spec, err := json.Marshal(api)
	if err != nil {
		return fmt.Errorf("describing the API: %w", err)
	}
	problems := make([]docs.Problem, 0, len(descriptions))
	for _, d := range descriptions {
		problems = append(problems, docs.Problem{Code: d.code, Status: d.status, Title: d.title, Advice: d.advice})
	}
	page, err := docs.Render(api, problems)
	if err != nil {
		return fmt.Errorf("rendering the documentation: %w", err)
	}
	e.GET("/openapi.json", func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "no-cache")
		return c.Blob(http.StatusOK, "application/vnd.oai.openapi+json", spec)
	})
	e.GET("/docs", func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "no-cache")
		c.Response().Header().Set("Content-Security-Policy", docs.Policy)
		return c.HTMLBlob(http.StatusOK, page)
	})
	return nil
}
