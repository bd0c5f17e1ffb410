package api

import (
	"bytes"
	_ "embed" // the page is part of the program
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/inflio/persona/internal/persona"
)

//go:embed docs.gohtml
var docsTemplate string

// docsPolicy lets the page use its own style and nothing else: it has no script and loads nothing.
const docsPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// docsRoutes serves the description and a page that shows it. Both are made once, at the start, so that what cannot be
// shown is found then; the page works without a network.
func (s *server) docsRoutes(e *echo.Echo, api *huma.OpenAPI) error {
	spec, err := json.Marshal(api)
	if err != nil {
		return fmt.Errorf("describing the API: %w", err)
	}
	page, err := renderDocs(api)
	if err != nil {
		return fmt.Errorf("rendering the documentation: %w", err)
	}
	e.GET("/openapi.json", func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "no-cache")
		return c.Blob(http.StatusOK, "application/vnd.oai.openapi+json", spec)
	})
	e.GET("/docs", func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "no-cache")
		c.Response().Header().Set("Content-Security-Policy", docsPolicy)
		return c.HTMLBlob(http.StatusOK, page)
	})
	return nil
}

type docsPage struct {
	Title, Version, Description string
	Groups                      []docsGroup
	Problems                    []docsProblem
	Failures                    []persona.FailureAdvice
	Photos                      []persona.PhotoAdvice
}

type docsGroup struct {
	Name, Description string
	Operations        []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Description string
	Secured                                bool
	Parameters                             []docsField
	Bodies                                 []docsBody
	Answers                                []docsAnswer
}

type docsBody struct {
	Media  string
	Fields []docsField
}

type docsAnswer struct {
	Status, Description, Class string
	Headers                    []string
	Body                       *docsBody
}

type docsField struct {
	Name, Type, Where, Description, Limits string
	Required                               bool
	Fields                                 []docsField
}

type docsProblem struct {
	Code, Title, Advice string
	Status              int
}

func renderDocs(api *huma.OpenAPI) ([]byte, error) {
	page := docsPage{
		Title: api.Info.Title, Version: api.Info.Version, Description: api.Info.Description,
		Failures: persona.FailureCodes(), Photos: persona.PhotoCodes(),
	}
	for _, tag := range api.Tags {
		page.Groups = append(page.Groups, docsGroup{
			Name: tag.Name, Description: tag.Description, Operations: operationsOf(api, tag.Name),
		})
	}
	for _, d := range descriptions {
		page.Problems = append(page.Problems, docsProblem{Code: string(d.code), Status: d.status, Title: d.title, Advice: d.advice})
	}
	t, err := template.New("docs").Funcs(template.FuncMap{"lower": strings.ToLower}).Parse(docsTemplate)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, page)
	return out.Bytes(), err
}

func operationsOf(api *huma.OpenAPI, tag string) []docsOperation {
	paths := make([]string, 0, len(api.Paths))
	for path := range api.Paths {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	var found []docsOperation
	for _, path := range paths {
		item := api.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if op != nil && slices.Contains(op.Tags, tag) {
				found = append(found, describeOperation(api, op))
			}
		}
	}
	return found
}

func describeOperation(api *huma.OpenAPI, op *huma.Operation) docsOperation {
	d := docsOperation{
		ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description,
		Secured: len(op.Security) > 0,
	}
	for _, p := range op.Parameters {
		f := describeField(api, p.Name, p.Schema, p.Required, 0)
		f.Where = p.In
		if p.Description != "" {
			f.Description = p.Description
		}
		d.Parameters = append(d.Parameters, f)
	}
	if op.RequestBody != nil {
		for _, media := range sortedKeys(op.RequestBody.Content) {
			d.Bodies = append(d.Bodies, docsBody{Media: media, Fields: describeFields(api, op.RequestBody.Content[media].Schema, 0)})
		}
		slices.Reverse(d.Bodies) // multipart is the usual way
	}
	for _, status := range sortedKeys(op.Responses) {
		d.Answers = append(d.Answers, describeAnswer(api, status, op.Responses[status]))
	}
	return d
}

func describeAnswer(api *huma.OpenAPI, status string, r *huma.Response) docsAnswer {
	a := docsAnswer{Status: status, Description: r.Description, Class: status[:1], Headers: sortedKeys(r.Headers)}
	for _, media := range sortedKeys(r.Content) {
		if a.Body == nil {
			a.Body = &docsBody{Media: media}
			if media != problemType { // explained once, for all
				a.Body.Fields = describeFields(api, r.Content[media].Schema, 0)
			}
			continue
		}
		a.Body.Media += " or " + media
	}
	return a
}

// deepest bounds how far nested objects are shown; nothing of ours nests deeper.
const deepest = 5

func describeFields(api *huma.OpenAPI, schema *huma.Schema, depth int) []docsField {
	schema = resolve(api, schema)
	if schema == nil || depth > deepest {
		return nil
	}
	if schema.Type == huma.TypeArray {
		return describeFields(api, schema.Items, depth)
	}
	fields := make([]docsField, 0, len(schema.Properties))
	for _, name := range sortedKeys(schema.Properties) {
		fields = append(fields, describeField(api, name, schema.Properties[name], slices.Contains(schema.Required, name), depth+1))
	}
	sort.SliceStable(fields, func(i, j int) bool { return fields[i].Required && !fields[j].Required })
	return fields
}

func describeField(api *huma.OpenAPI, name string, schema *huma.Schema, required bool, depth int) docsField {
	f := docsField{Name: name, Required: required}
	if schema == nil {
		return f
	}
	f.Description = schema.Description
	target := resolve(api, schema)
	f.Type, f.Limits = typeName(api, target), limits(target)
	if f.Description == "" {
		f.Description = target.Description
	}
	f.Fields = describeFields(api, target, depth)
	return f
}

func resolve(api *huma.OpenAPI, schema *huma.Schema) *huma.Schema {
	if schema != nil && schema.Ref != "" {
		return api.Components.Schemas.SchemaFromRef(schema.Ref)
	}
	return schema
}

func typeName(api *huma.OpenAPI, s *huma.Schema) string {
	switch {
	case s.Type == huma.TypeArray && s.Items != nil:
		return "list of " + typeName(api, resolve(api, s.Items))
	case s.Format == "binary":
		return "file"
	case s.Format == "date-time" || s.Format == "uri":
		return s.Format
	case s.Type == "":
		return "any"
	}
	return s.Type
}

func limits(s *huma.Schema) string {
	var parts []string
	if len(s.Enum) > 0 {
		values := make([]string, 0, len(s.Enum))
		for _, v := range s.Enum {
			values = append(values, fmt.Sprint(v))
		}
		parts = append(parts, strings.Join(values, " | "))
	}
	between := func(low, high any, unit string) {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%v to %v %s", low, high, unit)))
	}
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		between(number(*s.Minimum), number(*s.Maximum), "")
	case s.Minimum != nil && s.ExclusiveMaximum != nil:
		between(number(*s.Minimum), "below "+number(*s.ExclusiveMaximum), "")
	}
	if s.MinLength != nil && s.MaxLength != nil {
		between(*s.MinLength, *s.MaxLength, "characters")
	}
	if s.MinItems != nil && s.MaxItems != nil {
		between(*s.MinItems, *s.MaxItems, "items")
	}
	if s.Default != nil {
		parts = append(parts, fmt.Sprintf("default %v", s.Default))
	}
	return strings.Join(parts, ", ")
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
