package localtrainer_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer"
)

func TestWrongInputIsA422OfTheResult(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	notZip := r.upload("x.zip", "application/zip", []byte("not a zip"))
	three := r.upload("x.zip", "application/zip", archive(t, 3, noCaptions))
	type in = map[string]any
	type loc = []any
	for name, c := range map[string]struct {
		endpoint string
		input    in
		kind     string
		loc      loc
	}{
		"no archive":            {training, in{"trigger_word": "x"}, "missing", loc{"body", "images_data_url"}},
		"archive under another": {training, in{"image_data_url": notZip}, "missing", loc{"body", "images_data_url"}},
		"mistyped name":         {training, in{"images_data_url": notZip, "trigger_phrase": "x"}, "extra_forbidden", loc{"body", "trigger_phrase"}},
		"a field of others":     {images, in{"prompt": "x", "negative_prompt": "y"}, "extra_forbidden", loc{"body", "negative_prompt"}},
		"a field of a lora":     {images, in{"prompt": "x", "loras": []in{{"path": notZip, "weight": 1}}}, "extra_forbidden", loc{"body", "loras", 0.0, "weight"}},
		"a field of a size":     {images, in{"prompt": "x", "image_size": in{"width": 64, "heigth": 64}}, "extra_forbidden", loc{"body", "image_size", "heigth"}},
		"null archive":          {training, in{"images_data_url": nil}, "missing", loc{"body", "images_data_url"}},
		"archive is a number":   {training, in{"images_data_url": 1}, "string_type", loc{"body", "images_data_url"}},
		"no such archive":       {training, in{"images_data_url": r.url + "/nothing.zip"}, "file_download_error", loc{"body", "images_data_url"}},
		"archive on disk":       {training, in{"images_data_url": "file:///etc/passwd"}, "file_download_error", loc{"body", "images_data_url"}},
		"not an archive":        {training, in{"images_data_url": notZip}, "invalid_archive", loc{"body", "images_data_url"}},
		"too few images":        {training, in{"images_data_url": three}, "archive_file_count_below_minimum", loc{"body", "images_data_url"}},
		"too few steps":         {training, in{"images_data_url": notZip, "steps": 0}, "greater_than_equal", loc{"body", "steps"}},
		"too many steps":        {training, in{"images_data_url": notZip, "steps": 10001}, "less_than_equal", loc{"body", "steps"}},
		"steps in words":        {training, in{"images_data_url": notZip, "steps": "many"}, "float_parsing", loc{"body", "steps"}},
		"half a step":           {training, in{"images_data_url": notZip, "steps": 1.5}, "int_from_float", loc{"body", "steps"}},
		"style is a word":       {training, in{"images_data_url": notZip, "is_style": "no"}, "bool_type", loc{"body", "is_style"}},
		"no prompt":             {images, in{}, "missing", loc{"body", "prompt"}},
		"five images":           {images, in{"prompt": "x", "num_images": 5}, "less_than_equal", loc{"body", "num_images"}},
		"unknown size":          {images, in{"prompt": "x", "image_size": "huge"}, "literal_error", loc{"body", "image_size"}},
		"too wide":              {images, in{"prompt": "x", "image_size": in{"width": 4096}}, "less_than_equal", loc{"body", "image_size", "width"}},
		"unknown format":        {images, in{"prompt": "x", "output_format": "gif"}, "literal_error", loc{"body", "output_format"}},
		"loras is no list":      {images, in{"prompt": "x", "loras": "x"}, "list_type", loc{"body", "loras"}},
		"lora without a path":   {images, in{"prompt": "x", "loras": []in{{"scale": 1}}}, "missing", loc{"body", "loras", 0.0, "path"}},
		"scale too high":        {images, in{"prompt": "x", "loras": []in{{"path": notZip, "scale": 5}}}, "less_than_equal", loc{"body", "loras", 0.0, "scale"}},
		"two loras":             {images, in{"prompt": "x", "loras": []in{{"path": notZip}, {"path": notZip}}}, "feature_not_supported", loc{"body", "loras"}},
		"lora out of reach":     {images, in{"prompt": "x", "loras": []in{{"path": r.url + "/x"}}}, "file_download_error", loc{"body", "loras", 0.0, "path"}},
		"lora of another kind":  {images, in{"prompt": "x", "loras": []in{{"path": notZip}}}, "value_error", loc{"body", "loras", 0.0, "path"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &rig{t: t, url: r.url}
			id := r.submit(c.endpoint, c.input)
			result := r.done(c.endpoint, id)
			require.Equal(t, http.StatusUnprocessableEntity, result.code)
			require.Equal(t, "false", result.header.Get("X-Fal-Retryable"))
			detail := result.body["detail"].([]any)[0].(map[string]any)
			require.Equal(t, c.kind, detail["type"])
			require.Equal(t, c.loc, detail["loc"])
			require.NotEmpty(t, detail["msg"])
			status := r.do("GET", c.endpoint+"/requests/"+id+"/status", nil)
			require.Equal(t, http.StatusOK, status.code)
			require.NotContains(t, status.body, "error", "only the result has the error")
		})
	}
}

func TestSeveralMistakesAreReportedTogether(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	result := r.done(images, r.submit(images, map[string]any{"num_images": 0, "seed": "x"}))
	require.Len(t, result.body["detail"], 3)
}

func TestABodyThatIsNoObjectIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	for _, body := range []string{"", "[]", "null", "{", `"x"`} {
		require.Equal(t, http.StatusUnprocessableEntity, r.do("POST", images, body).code, body)
	}
	require.Empty(t, r.jobs())
}

// Every field of fal's two endpoints is accepted.
func TestKnownFields(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	set := r.upload("x.zip", "application/zip", archive(t, 5, noCaptions))
	_, out := r.train(map[string]any{
		"images_data_url": set, "trigger_word": "x", "steps": 10, "is_style": false, "create_masks": true,
		"is_input_format_already_preprocessed": false, "data_archive_format": "zip",
	})
	r.generate(stranger("loras", []any{map[string]any{"path": out.Lora.URL, "scale": 1, "force": false}}, "num_inference_steps", 28,
		"guidance_scale", 3.5, "num_images", 1, "enable_safety_checker", true, "output_format", "jpeg", "acceleration", "none",
		"sync_mode", false))
}
