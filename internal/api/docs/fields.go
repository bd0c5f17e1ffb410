package docs

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// deepest bounds how deep nested objects are shown. None of ours are deeper.
const deepest = 5

func describeFields(api *huma.OpenAPI, schema *huma.Schema, depth int) []field {
	schema = resolve(api, schema)
	if schema == nil || depth > deepest {
		return nil
	}
	if schema.Type == huma.TypeArray {
		return describeFields(api, schema.Items, depth)
	}
	fields := make([]field, 0, len(schema.Properties))
	for _, name := range sortedKeys(schema.Properties) {
		fields = append(fields, describeField(api, name, schema.Properties[name], slices.Contains(schema.Required, name), depth+1))
	}
	sort.SliceStable(fields, func(i, j int) bool { return fields[i].Required && !fields[j].Required })
	return fields
}

func describeField(api *huma.OpenAPI, name string, schema *huma.Schema, required bool, depth int) field {
	f := field{Name: name, Required: required}
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
	return slices.Sorted(maps.Keys(m))
}
