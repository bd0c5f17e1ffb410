package api

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

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

// version is that of the interface, not of the program: it changes when clients have to.
const version = "1.0.0"

func humaConfig(publicURL string) huma.Config {
	config := huma.DefaultConfig("Persona", version)
	// Our own routes serve the description: huma builds it at the first request, unguarded, and its documentation page
	// loads scripts from elsewhere. Its hooks would add a $schema to every answer.
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.Info.Description = "Private, versioned likeness models of consenting people: photos in, a proven model out, and nothing left after erasure. " +
		"Errors are RFC 9457 problems with a stable code. Everything belongs to the user of the token; what belongs to " +
		"somebody else does not exist."
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		bearerScheme: {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "sub is the user; exp is needed."},
	}
	config.Tags = []*huma.Tag{
		{Name: tagTraining, Description: "Photos and consent in, a persona out."},
		{Name: tagPersonas, Description: "What there is, how far it is, and how good it became."},
		{Name: tagPictures, Description: "Photos and samples, decrypted for their owner."},
		{Name: tagErasure, Description: "Removing everything, with a certificate."},
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
		Description: "As multipart/form-data with the photos themselves, its parts in any order, or as application/json with their " +
			"addresses. What the files alone tell (kind, size, dimensions, damage) is refused here, all problems of all " +
			"photos in one answer; what has to be judged by looking is in the status later. Nothing is kept of a refused request.",
		Errors: []int{400, 401, 408, 409, 413, 415, 422, 503},
	}, s.train)
	// Only described, never read by huma: it would hold the whole upload in memory.
	api.OpenAPI().Paths[trainPath].Post.RequestBody = s.trainBody(api.OpenAPI().Components.Schemas)
}

// partialConfig describes a training configuration of which everything may be left out, with what is taken then.
func partialConfig(r huma.Registry) *huma.Schema {
	whole := r.SchemaFromRef(r.Schema(reflect.TypeFor[persona.TrainingConfig](), true, "TrainingConfig").Ref)
	defaults := reflect.ValueOf(persona.DefaultTrainingConfig())
	partial := &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: false, Properties: make(map[string]*huma.Schema, len(whole.Properties)),
		Description: "Only what should differ from the defaults.",
	}
	for field, value := range defaults.Fields() {
		name := field.Tag.Get("json")
		partial.Properties[name] = &huma.Schema{Type: whole.Properties[name].Type, Default: value.Interface()}
	}
	for _, l := range persona.ConfigLimits() {
		limit(partial.Properties[l.Field], l)
	}
	return partial
}

// limit writes into a description what a field may be.
func limit(s *huma.Schema, l persona.ConfigLimit) {
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
				Description: "Left out, it is the highest that the number of photos reaches.",
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
		Description: "https addresses of the pictures themselves; they are fetched while training begins.",
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
