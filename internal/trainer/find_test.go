package trainer_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
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
		{"an erased job is another one", []string{page(erased, "null", false)}, false, ""},
		{"a job that hides its input", []string{page(other+","+unreadable, "null", false)}, false, "inputs_missing"},
		{"the same cursor again", []string{page(other, `"c1"`, true), page(other, `"c1"`, true)}, false, "unreadable_answer"},
		{"more, but no cursor", []string{page(other, `null`, true)}, false, "unreadable_answer"},
		{"not a list", []string{`200 {"error":null}`}, false, "unreadable_answer"},
		{"a second page that is no list", []string{page(other, `"c1"`, true), `200 {"has_more":false}`}, false, "unreadable_answer"},
		{"another success", []string{`206 {"items":[],"has_more":false}`}, false, ""},
		{"a page of a gateway", []string{`200 <html>`}, false, "unreadable_answer"},
		{"no permission", []string{`403 {"error":{"type":"authorization_error","message":"secret"}}`}, false, "authorization_error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := script(t, c.pages...)
			id, found, err := s.client().FindTraining(t.Context(), set, since)
			require.Equal(t, c.found, found)
			if c.failure != "" || strings.HasPrefix(c.pages[0], "206") {
				var e *trainer.CallError
				require.ErrorAs(t, err, &e)
				require.Equal(t, c.failure, e.Type)
				require.Equal(t, persona.Unavailable, public(t, err).Kind)
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
		{"a refused page", []string{page(one, `"c1"`, true), `403 {"error":{"type":"authorization_error"}}`}, nil, "authorization_error"},
		{"the same cursor again", []string{page(one, `"c1"`, true)}, nil, "unreadable_answer"},
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

func TestFindGeneration(t *testing.T) {
	t.Parallel()
	request := trainer.GenerateRequest{Prompt: "annaqwerty <at> the sea", LoRAURL: "https://files.example/w?sig=1", Scale: 0.55, Seed: 1 << 52, Images: 2, Width: 512, Height: 768}
	change := func(f func(*trainer.GenerateRequest)) trainer.GenerateRequest {
		other := request
		f(&other)
		return other
	}
	stored := func(t *testing.T, r trainer.GenerateRequest) string {
		t.Helper()
		s := script(t, `200 {"request_id":"r1"}`)
		_, err := s.client().SubmitGeneration(t.Context(), r)
		require.NoError(t, err)
		return string(s.requests()[0].Body)
	}
	for name, c := range map[string]struct {
		stored func(t *testing.T) string // the first listed input
		ended  bool
		want   trainer.GenerateRequest
		found  bool
		hidden bool
	}{
		"equal":           {stored: func(t *testing.T) string { return stored(t, request) }, want: request, found: true},
		"in a string":     {stored: func(t *testing.T) string { return strconv.Quote(stored(t, request)) }, want: request, found: true},
		"another prompt":  {want: change(func(r *trainer.GenerateRequest) { r.Prompt += "." })},
		"other weights":   {want: change(func(r *trainer.GenerateRequest) { r.LoRAURL += "x" })},
		"no weights":      {want: change(func(r *trainer.GenerateRequest) { r.LoRAURL = "" })},
		"another scale":   {want: change(func(r *trainer.GenerateRequest) { r.Scale = 0.6 })},
		"another seed":    {want: change(func(r *trainer.GenerateRequest) { r.Seed++ })},
		"more pictures":   {want: change(func(r *trainer.GenerateRequest) { r.Images = 3 })},
		"another size":    {want: change(func(r *trainer.GenerateRequest) { r.Height = 512 })},
		"a size by name":  {stored: func(*testing.T) string { return `{"prompt":"x","image_size":"square"}` }, want: request},
		"an erased one":   {stored: func(*testing.T) string { return `null` }, ended: true, want: request},
		"hides its input": {stored: func(*testing.T) string { return `null` }, want: request, hidden: true},
		"of another kind": {stored: func(*testing.T) string { return `{"image_url":"https://files.example/x"}` }, ended: true, want: request},
		"defaults":        {stored: func(t *testing.T) string { return stored(t, trainer.GenerateRequest{Prompt: "p"}) }, want: trainer.GenerateRequest{Prompt: "p", Images: 1, Width: 1024, Height: 1024}, found: true},
		"weights too many": {stored: func(*testing.T) string {
			return `{"prompt":"p","loras":[{"path":"a"}],"num_images":1,"image_size":{"width":1024,"height":1024}}`
		}, want: trainer.GenerateRequest{Prompt: "p"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input, ended := stored(t, request), "null"
			if c.stored != nil {
				input = c.stored(t)
			}
			if c.ended {
				ended = `"2026-05-04T12:01:00Z"`
			}
			s := script(t, fmt.Sprintf(`200 {"items":[{"request_id":"r1","json_input":%s,"ended_at":%s}],"has_more":false}`, input, ended))
			id, found, err := s.client().FindGeneration(t.Context(), c.want, time.Unix(0, 0))
			require.Equal(t, c.hidden, err != nil, "%v", err)
			require.Equal(t, c.found, found)
			require.Equal(t, c.found, id == "r1")
		})
	}
}

func TestTrainingDataset(t *testing.T) {
	t.Parallel()
	item := func(id, input string) string { return fmt.Sprintf(`{"request_id":%q,"json_input":%s}`, id, input) }
	mine := item("mine", `{"images_data_url":"https://files.example/set.zip"}`)
	other := item("other", `{"images_data_url":"https://files.example/other.zip"}`)
	for name, c := range map[string]struct {
		items   string
		address string
		known   bool
	}{
		"known":                  {mine, "https://files.example/set.zip", true},
		"the filter is ignored":  {other + "," + mine, "https://files.example/set.zip", true},
		"unknown":                {"", "", false},
		"only others":            {other, "", false},
		"known without an input": {item("mine", "null"), "", true},
		"input in a string":      {item("mine", strconv.Quote(`{"images_data_url":"https://files.example/s"}`)), "https://files.example/s", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := script(t, fmt.Sprintf(`200 {"items":[%s],"has_more":false}`, c.items))
			address, known, err := s.client().TrainingDataset(t.Context(), "mine", time.Unix(0, 0))
			require.NoError(t, err)
			require.Equal(t, c.known, known)
			require.Equal(t, c.address, address)
			require.Contains(t, s.requests()[0].Query, "&request_id=mine&")
		})
	}
}

// The list by endpoint can be refused to a key, or be missing at an address, while the search of all endpoints works.
func TestSearchReplacesAListThatIsRefused(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	const set = "https://files.example/set.zip"
	item := func(id, endpoint, sent, ended string) string {
		return fmt.Sprintf(`{"request_id":%q,"endpoint_id":%q,"sent_at":%q,"ended_at":%q,"json_input":{"images_data_url":%q}}`, id, endpoint, sent, ended, set)
	}
	mine := item("mine", trainer.TrainingEndpoint, "2026-05-04T12:00:00Z", "")
	other := item("other", trainer.GenerationEndpoint, "2026-05-04T12:10:00Z", "")
	older := item("older", trainer.TrainingEndpoint, "2026-05-04T11:00:00Z", "2026-05-04T11:20:00Z")
	hidden := fmt.Sprintf(`{"request_id":"hidden","endpoint_id":%q,"sent_at":"2026-05-04T12:10:00Z","ended_at":"2026-05-04T12:20:00Z"}`, trainer.TrainingEndpoint)
	ended := item("ended", trainer.GenerationEndpoint, "2026-05-04T11:00:00Z", "2026-05-04T12:20:00Z")
	page := func(items, cursor string, more bool) string {
		return fmt.Sprintf(`200 {"results":[%s],"next_cursor":%s,"has_more":%t}`, items, cursor, more)
	}
	for _, c := range []struct {
		name   string
		list   string
		search []string
		found  bool
		failed bool
		asked  int // for the search
	}{
		{"found", "403 {}", []string{page(other+","+mine, "null", false)}, true, false, 1},
		{"found on the second page", "404 <html>", []string{page(other, `"c1"`, true), page(mine, "null", false)}, true, false, 2},
		{"not there", "400 {}", []string{page(other, "null", false)}, false, false, 1},
		{"ends at an older request", "403 {}", []string{page(other+","+older+","+mine, `"c1"`, true)}, false, false, 1},
		{"goes on after one that ended later", "403 {}", []string{page(ended+","+mine, "null", false)}, true, false, 1},
		{"inputs are not included", "403 {}", []string{page(hidden, "null", false)}, false, true, 1},
		{"refused too", "403 {}", []string{"403 {}"}, false, true, 1},
		{"not a list", "403 {}", []string{`200 {"items":[]}`}, false, true, 1},
		{"not asked while the list is down", "503 ", []string{page(mine, "null", false)}, false, true, 0},
		{"not asked after a page that is no list", "200 <html>", []string{page(mine, "null", false)}, false, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			s := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				answer := c.list
				if strings.HasSuffix(r.URL.Path, "/search") {
					answer = c.search[min(asked, len(c.search)-1)]
					asked++
				}
				status, err := strconv.Atoi(answer[:3])
				require.NoError(t, err)
				w.WriteHeader(status)
				_, _ = w.Write([]byte(answer[4:])) // an error means that the client has gone
			})
			id, found, err := s.client().FindTraining(t.Context(), set, since)
			require.Equal(t, c.found, found)
			require.Equal(t, c.found, id == "mine")
			require.Equal(t, c.asked, asked)
			require.Equal(t, c.failed, err != nil, "%v", err)
			if err != nil {
				require.Equal(t, persona.Unavailable, public(t, err).Kind)
				require.ErrorContains(t, err, "list the requests of an endpoint", "the first refusal is reported")
			}
		})
	}
}

// A search without inputs shows no weights, which does not mean that there are no pictures.
func TestFindGenerationsBySearch(t *testing.T) {
	t.Parallel()
	const weights = "https://files.example/w"
	for name, c := range map[string]struct {
		input  string
		ids    []string
		failed bool
	}{
		"found":   {`{"prompt":"p","loras":[{"path":"https://files.example/w","scale":1}]}`, []string{"r1"}, false},
		"others":  {`{"prompt":"p"}`, nil, false},
		"missing": {`null`, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := script(t, "403 {}", fmt.Sprintf(`200 {"results":[{"request_id":"r1","endpoint_id":"fal-ai/flux-lora",
				"ended_at":"2026-05-04T12:20:00Z","json_input":%s}],"has_more":false}`, c.input))
			ids, err := s.client().FindGenerations(t.Context(), weights, time.Unix(0, 0))
			require.Equal(t, c.ids, ids)
			require.Equal(t, c.failed, err != nil, "%v", err)
		})
	}
}
