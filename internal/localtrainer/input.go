package localtrainer

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// fields reads a model's input. As in fal's models, null is the same as a missing field, and all mistakes are reported
// together, one entry for each field. Unlike there, a field that nothing has asked for is a mistake.
type fields struct {
	raw      map[string]json.RawMessage
	at       []any // the path of raw in the input
	asked    map[string]bool
	problems []problem
}

func newFields(raw map[string]json.RawMessage, at ...any) *fields {
	return &fields{raw: raw, at: at, asked: map[string]bool{}}
}

func readFields(input json.RawMessage) *fields {
	var raw map[string]json.RawMessage
	_ = json.Unmarshal(input, &raw) // the submit has checked that it is an object
	return newFields(raw)
}

// refuseUnknown reports the fields that nothing has asked for.
func (f *fields) refuseUnknown() {
	for _, name := range slices.Sorted(maps.Keys(f.raw)) {
		if !f.asked[name] {
			f.wrong(name, "extra_forbidden", "Extra inputs are not permitted", nil)
		}
	}
}

// err returns everything that was wrong, or nil. It is called when all fields have been read.
func (f *fields) err() error {
	f.refuseUnknown()
	if len(f.problems) == 0 {
		return nil
	}
	return &modelError{Status: http.StatusUnprocessableEntity, Problems: f.problems}
}

func (f *fields) wrong(name, kind, msg string, ctx map[string]any) {
	p := invalidField(kind, msg, ctx, append(slices.Clone(f.at), name)...)
	if raw, ok := f.raw[name]; ok {
		p.Input = raw
	}
	f.problems = append(f.problems, p)
}

func (f *fields) has(name string) bool {
	f.asked[name] = true
	raw, ok := f.raw[name]
	return ok && string(raw) != "null"
}

// required reports a missing field.
func (f *fields) required(name string) {
	if !f.has(name) {
		f.wrong(name, "missing", "Field required", nil)
	}
}

func (f *fields) text(name, otherwise string) string {
	if !f.has(name) {
		return otherwise
	}
	var v string
	if json.Unmarshal(f.raw[name], &v) != nil {
		f.wrong(name, "string_type", "Input should be a valid string", nil)
	}
	return v
}

func (f *fields) flag(name string, otherwise bool) bool {
	if !f.has(name) {
		return otherwise
	}
	var v bool
	if json.Unmarshal(f.raw[name], &v) != nil {
		f.wrong(name, "bool_type", "Input should be a valid boolean", nil)
	}
	return v
}

// number reads a JSON number, or one in quotes, between low and high.
func (f *fields) number(name string, otherwise, low, high float64) float64 {
	if !f.has(name) {
		return otherwise
	}
	v, err := strconv.ParseFloat(strings.Trim(string(f.raw[name]), `"`), 64)
	switch {
	case err != nil || math.IsNaN(v):
		f.wrong(name, "float_parsing", "Input should be a valid number", nil)
		return otherwise
	case v < low:
		f.wrong(name, "greater_than_equal", fmt.Sprintf("Input should be greater than or equal to %v", low),
			map[string]any{"ge": low})
	case v > high:
		f.wrong(name, "less_than_equal", fmt.Sprintf("Input should be less than or equal to %v", high),
			map[string]any{"le": high})
	}
	return v
}

// integer reads a number without a fraction. The bounds must be exact as float64.
func (f *fields) integer(name string, otherwise, low, high int64) int64 {
	before := len(f.problems)
	v := f.number(name, float64(otherwise), float64(low), float64(high))
	if len(f.problems) > before {
		return otherwise
	}
	if v != math.Trunc(v) {
		f.wrong(name, "int_from_float", "Input should be a valid integer", nil)
		return otherwise
	}
	if n, err := strconv.ParseInt(strings.Trim(string(f.raw[name]), `"`), 10, 64); err == nil {
		return n // exact where a float64 is not
	}
	return int64(v)
}

func (f *fields) oneOf(name, otherwise string, values ...string) string {
	v := f.text(name, otherwise)
	if f.has(name) && !slices.Contains(values, v) {
		f.wrong(name, "literal_error", "Input should be one of "+strings.Join(values, ", "),
			map[string]any{"expected": values})
		return otherwise
	}
	return v
}

// list calls read for every object in a list.
func (f *fields) list(name string, read func(*fields)) {
	if !f.has(name) {
		return
	}
	var raw []map[string]json.RawMessage
	if json.Unmarshal(f.raw[name], &raw) != nil {
		f.wrong(name, "list_type", "Input should be a valid list", nil)
		return
	}
	for i := range raw {
		inner := newFields(raw[i], append(slices.Clone(f.at), name, i)...)
		read(inner)
		inner.refuseUnknown()
		f.problems = append(f.problems, inner.problems...)
	}
}
