// Package docs renders the page that shows the API to people, from its OpenAPI description and the tables of codes. The
// page has no script and loads nothing, so it works without a network.
package docs

import (
	"bytes"
	_ "embed" // the template of the page
	"html/template"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/inflio/persona/internal/persona"
)

//go:embed docs.gohtml
var source string

// Policy is the Content-Security-Policy of the page: it may use its own style and nothing else.
const Policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// Problem is one row of the table of error codes.
type Problem struct {
	Code   persona.Code
	Status int // of HTTP
	Title  string
	Advice string
}

type page struct {
	Title, Version, Description string
	Groups                      []group
	Problems                    []Problem
	Failures                    []persona.FailureAdvice
	Photos                      []persona.PhotoAdvice
}

type group struct {
	Name, Description string
	Operations        []operation
}

type operation struct {
	ID, Method, Path, Summary, Description string
	Secured                                bool
	Parameters                             []field
	Bodies                                 []body
	Answers                                []answer
}

type body struct {
	Media  string
	Fields []field
}

type answer struct {
	Status, Description, Class string
	Headers                    []string
	Body                       *body
}

type field struct {
	Name, Type, Where, Description, Limits string
	Required                               bool
	Fields                                 []field
}

// Render returns the page of an API. Its operations are grouped by their tags, in the order of the tags of the API.
func Render(api *huma.OpenAPI, problems []Problem) ([]byte, error) {
	p := page{
		Title: api.Info.Title, Version: api.Info.Version, Description: api.Info.Description, Problems: problems,
		Failures: persona.FailureCodes(), Photos: persona.PhotoCodes(),
	}
	for _, tag := range api.Tags {
		p.Groups = append(p.Groups, group{Name: tag.Name, Description: tag.Description, Operations: operationsOf(api, tag.Name)})
	}
	t, err := template.New("docs").Funcs(template.FuncMap{"lower": strings.ToLower}).Parse(source)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, p)
	return out.Bytes(), err
}

func operationsOf(api *huma.OpenAPI, tag string) []operation {
	var found []operation
	for _, path := range sortedKeys(api.Paths) {
		item := api.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if op != nil && slices.Contains(op.Tags, tag) {
				found = append(found, describeOperation(api, op))
			}
		}
	}
	return found
}

func describeOperation(api *huma.OpenAPI, op *huma.Operation) operation {
	d := operation{
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
			d.Bodies = append(d.Bodies, body{Media: media, Fields: describeFields(api, op.RequestBody.Content[media].Schema, 0)})
		}
		slices.Reverse(d.Bodies) // multipart, the usual form, comes first
	}
	for _, status := range sortedKeys(op.Responses) {
		d.Answers = append(d.Answers, describeAnswer(api, status, op.Responses[status]))
	}
	return d
}

// problemType is the media type of all errors.
const problemType = "application/problem+json"

func describeAnswer(api *huma.OpenAPI, status string, r *huma.Response) answer {
	a := answer{Status: status, Description: r.Description, Class: status[:1], Headers: sortedKeys(r.Headers)}
	for _, media := range sortedKeys(r.Content) {
		if a.Body == nil {
			a.Body = &body{Media: media}
			if media != problemType { // the page explains it once
				a.Body.Fields = describeFields(api, r.Content[media].Schema, 0)
			}
			continue
		}
		a.Body.Media += " or " + media
	}
	return a
}
