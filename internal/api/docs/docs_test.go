package docs_test

import (
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/api/docs"
	"github.com/inflio/persona/internal/persona"
)

// Whatever a description holds is text on the page, and the page loads nothing.
func TestRender(t *testing.T) {
	t.Parallel()
	low, high, least, most := 0.0, 1.5, 5, 40
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	api := &huma.OpenAPI{
		Info:       &huma.Info{Title: "<script>x</script>", Version: "1.0.0", Description: "A <b>thing</b>."},
		Tags:       []*huma.Tag{{Name: "Things", Description: "What there is."}, {Name: "Empty"}},
		Components: &huma.Components{Schemas: registry},
		Paths: map[string]*huma.PathItem{"/things/{id}": {
			Get: &huma.Operation{
				OperationID: "get-thing", Method: "GET", Path: "/things/{id}", Tags: []string{"Things"}, Summary: "One thing",
				Security:   []map[string][]string{{"bearer": {}}},
				Parameters: []*huma.Param{{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: "string"}}},
				Responses: map[string]*huma.Response{
					"200": {Description: "The thing", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
						Type: "object", Required: []string{"share"}, Properties: map[string]*huma.Schema{
							"share": {Type: "number", Minimum: &low, Maximum: &high, Default: 0.5},
							"parts": {Type: "array", MinItems: &least, MaxItems: &most, Items: &huma.Schema{Type: "string", Format: "binary"}},
							"kind":  {Type: "string", Enum: []any{"small", "large"}},
						},
					}}}},
					"404": {Description: "Not Found", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{
						Type: "object", Properties: map[string]*huma.Schema{"hidden_detail": {Type: "string"}},
					}}}},
				},
			},
			Patch: &huma.Operation{OperationID: "patch-thing", Method: "PATCH", Path: "/things/{id}", Summary: "Not shown: nothing uses it"},
		}},
	}
	page, err := docs.Render(api, []docs.Problem{{Code: persona.CodeNotFound, Status: 404, Title: "Not found", Advice: "Check the id."}})
	require.NoError(t, err)
	for _, want := range []string{
		"&lt;script&gt;x", "A &lt;b&gt;thing", `<article id="get-thing">`, "needs a token", "0 to 1.5, default 0.5", "5 to 40 items",
		"list of file", "small | large", `<tr id="not_found">`, "Check the id.", `id="failure-cancelled"`, `id="finding-blurred"`,
	} {
		require.Contains(t, string(page), want)
	}
	for _, not := range []string{"<script", "src=", "@import", "url(", "hidden_detail", "patch-thing", "ZgotmplZ"} {
		require.NotContains(t, string(page), not)
	}
}
