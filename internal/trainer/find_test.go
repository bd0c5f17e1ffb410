package trainer_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/trainer"
)

func TestFindTraining(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	const set = "https://files.example/set.zip?sig=1"
	item := func(id, input, ended string) string {
		return fmt.Sprintf(`{"request_id":%q,"json_input":%s,"ended_at":%s}`, id, input, ended)
	}
	mine := item("mine", `{"images_data_url":"`+set+`","steps":10}`, "null")
	mineInAString := item("mine", `"{\"images_data_url\":\"`+set+`\"}"`, "null")
	other := item("other", `{"images_data_url":"https://files.example/other.zip"}`, `null`)
	erased := item("erased", "null", `"2026-05-04T12:01:00Z"`)
	unreadable := item("new", "null", "null")
	page := func(items, cursor string, more bool) string {
		return fmt.Sprintf(`200 {"items":[%s],"next_cursor":%s,"has_more":%t}`, items, cursor, more)
	}
	for _, c := range []struct {
		name    string
		pages   []string
		found   bool
		failure string
	}{
		{"on the first page", []string{page(other+","+mine, "null", false)}, true, ""},
		{"on the second page", []string{page(other, `"c1"`, true), page(mine, "null", false)}, true, ""},
		{"input in a string", []string{page(mineInAString, "null", false)}, true, ""},
		{"not there", []string{page(other, `"c1"`, true), page("", "null", false)}, false, ""},
		{"erased jobs are known ones", []string{page(erased, "null", false)}, false, ""},
		{"a job that hides its input", []string{page(other+","+unreadable, "null", false)}, false, "inputs_missing"},
		{"a list that goes in circles", []string{page(other, `"c1"`, true), page(other, `"c1"`, true)}, false, "unreadable_answer"},
		{"more, but no cursor", []string{page(other, `null`, true)}, false, "unreadable_answer"},
		{"not a list", []string{`200 {"error":null}`}, false, "unreadable_answer"},
		{"no permission", []string{`403 {"error":{"type":"authorization_error","message":"secret"}}`}, false, "authorization_error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := script(t, c.pages...)
			id, found, err := s.client().FindTraining(t.Context(), set, since)
			require.Equal(t, c.found, found)
			if c.failure != "" {
				var e *trainer.CallError
				require.ErrorAs(t, err, &e)
				require.Equal(t, c.failure, e.Type)
				requireNoSecrets(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.found, id == "mine")
			require.Equal(t, "/v1/models/requests/by-endpoint", s.requests()[0].Path)
			require.Equal(t, "endpoint_id=fal-ai%2Fflux-lora-fast-training&expand=payloads&limit=100&start=2026-05-04T11%3A55%3A00Z",
				s.requests()[0].Query)
		})
	}
}

func TestFindGenerations(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	const weights = "https://files.example/w.safetensors?sig=1"
	const with = `{"prompt":"secret","image_size":"square","loras":[{"path":"https://files.example/style"},{"path":"` + weights + `","scale":1}]}`
	item := func(id, input, ended string) string {
		return fmt.Sprintf(`{"request_id":%q,"json_input":%s,"ended_at":%s}`, id, input, ended)
	}
	one := item("one", with, "null")
	two := item("two", strconv.Quote(with), `"2026-05-04T12:01:00Z"`)
	others := item("other", `{"loras":[{"path":"https://files.example/w"}]}`, "null") + "," + item("base", `{"prompt":"secret"}`, "null") +
		"," + item("erased", "null", `"2026-05-04T12:01:00Z"`) + "," + item("hidden", "null", "null") + "," + item("odd", `{"loras":7}`, "null") +
		"," + item("bad/id", with, "null")
	page := func(items, cursor string, more bool) string {
		return fmt.Sprintf(`200 {"items":[%s],"next_cursor":%s,"has_more":%t}`, items, cursor, more)
	}
	for _, c := range []struct {
		name    string
		pages   []string
		found   []string
		failure string
	}{
		{"on every page", []string{page(others+","+one, `"c1"`, true), page(two, "null", false)}, []string{"one", "two"}, ""},
		{"none", []string{page(others, "null", false)}, nil, ""},
		{"no requests", []string{page("", "null", false)}, nil, ""},
		{"an end before the end", []string{page(one, `"c1"`, true), `403 {"error":{"type":"authorization_error"}}`}, nil, "authorization_error"},
		{"a list that goes in circles", []string{page(one, `"c1"`, true)}, nil, "unreadable_answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := script(t, c.pages...)
			got, err := s.client().FindGenerations(t.Context(), weights, since)
			require.Equal(t, c.found, got)
			require.Equal(t, "endpoint_id=fal-ai%2Fflux-lora&expand=payloads&limit=100&start=2026-05-04T11%3A55%3A00Z", s.requests()[0].Query)
			if c.failure == "" {
				require.NoError(t, err)
				return
			}
			var e *trainer.CallError
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.failure, e.Type)
			requireNoSecrets(t, err)
		})
	}
}
