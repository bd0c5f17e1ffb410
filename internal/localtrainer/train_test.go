package localtrainer_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/localtrainer"
	"github.com/inflio/persona/internal/localtrainer/facemodel"
)

type trained struct {
	Lora   outFile `json:"diffusers_lora_file"`
	Config outFile `json:"config_file"`
}

type outFile struct {
	URL         string
	ContentType string `json:"content_type"`
	FileName    string `json:"file_name"`
	FileSize    int    `json:"file_size"`
}

type generated struct {
	Images []struct {
		URL         string
		Width       int
		Height      int
		ContentType string `json:"content_type"`
	}
	Seed   int64
	NSFW   []bool `json:"has_nsfw_concepts"`
	Prompt string
}

func (r *rig) train(input map[string]any, header ...string) (id string, out trained) {
	r.t.Helper()
	id = r.submit(training, input, header...)
	result := r.done(training, id)
	require.Equal(r.t, http.StatusOK, result.code, string(result.raw))
	require.NoError(r.t, json.Unmarshal(result.raw, &out))
	return id, out
}

func (r *rig) generate(input map[string]any, header ...string) generated {
	r.t.Helper()
	result := r.done(images, r.submit(images, input, header...))
	require.Equal(r.t, http.StatusOK, result.code, string(result.raw))
	var out generated
	require.NoError(r.t, json.Unmarshal(result.raw, &out))
	return out
}

func (r *rig) trigger(out trained) string {
	r.t.Helper()
	var config struct {
		Trigger string `json:"trigger_word"`
	}
	require.NoError(r.t, json.Unmarshal(r.do("GET", out.Config.URL, nil).raw, &config))
	return config.Trigger
}

// side is small, so that a training is quick, and large enough for a face to be found.
const side = 160

func TestTrainThenGenerate(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	zip := r.upload("set.zip", "application/zip", archive(t, 6, func(i int) string {
		return fmt.Sprintf("a photo of annaqwerty, picture %d", i)
	}))
	id, out := r.train(map[string]any{"images_data_url": zip, "trigger_word": "ignored", "steps": 40},
		"X-Fal-Object-Lifecycle-Preference", `{"expiration_duration_seconds":3600}`)

	weights := r.do("GET", out.Lora.URL, nil, "Authorization", "")
	require.Equal(t, http.StatusOK, weights.code)
	require.Len(t, weights.raw, out.Lora.FileSize)
	require.Equal(t, "pytorch_lora_weights.safetensors", out.Lora.FileName)
	require.Equal(t, "application/json", out.Config.ContentType)
	require.Equal(t, "annaqwerty", r.trigger(out), "captions take precedence over trigger_word")
	require.Equal(t, []string{"40/40"}, steps(r, id)[len(steps(r, id))-1:])

	ask := func(prompt string, scale float64, count int) generated {
		return r.generate(stranger("prompt", prompt, "num_images", count, "seed", 5,
			"image_size", map[string]int{"width": 96, "height": 64},
			"loras", []any{map[string]any{"path": out.Lora.URL, "scale": scale}}))
	}
	pixels := func(g generated, i int) string { return string(r.do("GET", g.Images[i].URL, nil).raw) }
	two := ask("annaqwerty at the sea", 1, 2)
	require.Len(t, two.Images, 2)
	require.Equal(t, []bool{false, false}, two.NSFW)
	require.EqualValues(t, 5, two.Seed)
	require.Equal(t, "annaqwerty at the sea", two.Prompt)
	require.NotEqual(t, pixels(two, 0), pixels(two, 1), "each picture has its own seed")
	require.Equal(t, pixels(two, 0), pixels(ask("annaqwerty at the sea", 1, 1), 0), "the same seed, the same picture")
	require.NotEqual(t, pixels(two, 0), pixels(ask("somebody at the sea", 1, 1), 0), "the trigger makes the difference")

	r.clock.advance(2 * time.Hour)
	require.Equal(t, http.StatusNotFound, r.do("GET", out.Lora.URL, nil).code, "the output expires as asked")
}

// steps returns the step counts in the log of a training.
func steps(r *rig, id string) []string {
	raw := r.do("GET", training+"/requests/"+id+"/status?logs=1", nil).raw
	var found []string
	for _, m := range regexp.MustCompile(`Training step (\d+/\d+)`).FindAllStringSubmatch(string(raw), -1) {
		found = append(found, m[1])
	}
	return found
}

func TestTheTriggerWord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		captions []string
		given    string
		want     string
		dropped  bool
	}{
		"no captions":           {[]string{"", ""}, "Given", "Given", false},
		"given is in a caption": {[]string{"Other, Given 1", "Other 2", ""}, "Given", "given", false},
		"another is in all":     {[]string{"a photo of anna-x at home", "anna-x, smiling"}, "given", "anna-x", false},
		"none given":            {[]string{"a man, ohwx", "ohwx man"}, "", "ohwx", false},
		"nothing in common":     {[]string{"a photo of one", "a photo of two"}, "given", "", true},
	} {
		pictures := make([]facemodel.Picture, len(c.captions))
		for i, caption := range c.captions {
			pictures[i].Caption = caption
		}
		require.Equal(t, c.want, localtrainer.Teach(pictures, c.given), name)
		require.Equal(t, c.dropped, pictures[0].Caption == "" && c.captions[0] != "", name)
	}
}

func TestPicturesAndSizes(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	for _, c := range []struct {
		format string
		size   any
		want   image.Point
	}{
		{"png", "square", image.Pt(512, 512)},
		{"jpeg", map[string]int{"width": 80, "height": 64}, image.Pt(80, 64)},
	} {
		g := r.generate(stranger("output_format", c.format, "image_size", c.size))
		got := r.do("GET", g.Images[0].URL, nil)
		require.Equal(t, "image/"+c.format, got.header.Get("Content-Type"))
		config, format, err := image.DecodeConfig(bytes.NewReader(got.raw))
		require.NoError(t, err)
		require.Equal(t, c.format, format)
		require.Equal(t, c.want, image.Pt(config.Width, config.Height))
		require.Equal(t, c.want, image.Pt(g.Images[0].Width, g.Images[0].Height))
	}
	inline := r.generate(stranger("sync_mode", true))
	require.True(t, strings.HasPrefix(inline.Images[0].URL, "data:image/jpeg;base64,"))
	unseeded := stranger("seed", nil)
	first, second := r.generate(unseeded), r.generate(unseeded)
	require.NotEqual(t, first.Seed, second.Seed, "without a seed each picture is different")
}

func TestAPacedTrainingCanBeWatchedAndCancelled(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{Pace: time.Hour})
	zip := r.upload("set.zip", "application/zip", archive(t, 4, noCaptions))
	submit := func() string {
		return r.submit(training, map[string]any{"images_data_url": zip, "trigger_word": "x", "steps": 10_000})
	}
	first, second := submit(), submit()
	r.await(first, inState("IN_PROGRESS"))
	require.Eventually(t, func() bool {
		return strings.Contains(string(r.do("GET", training+"/requests/"+first+"/status?logs=true", nil).raw), "Training on 4 images")
	}, waitLimit, 5*time.Millisecond)
	waiting := r.do("GET", training+"/requests/"+second+"/status", nil)
	require.Equal(t, "IN_QUEUE", waiting.text("status"), "one training at a time")
	require.Equal(t, http.StatusAccepted, r.do("PUT", training+"/requests/"+first+"/cancel", nil).code)
	require.Equal(t, 499, r.done(training, first).code)
	r.await(second, inState("IN_PROGRESS"))
	r.stop()
	require.Len(t, foldersOf(t, r.dir), 1, "the archive only")
}

func TestPaceIsEven(t *testing.T) {
	t.Parallel()
	const pace = 400 * time.Millisecond
	r := start(t, localtrainer.Options{Pace: pace})
	zip := r.upload("set.zip", "application/zip", archive(t, 4, noCaptions))
	id, _ := r.train(map[string]any{"images_data_url": zip, "trigger_word": "x", "steps": 100})
	var status struct {
		Logs []struct {
			Message   string
			Level     string
			Source    string
			Timestamp time.Time
		}
		Metrics struct {
			Time float64 `json:"inference_time"`
		}
	}
	require.NoError(t, json.Unmarshal(r.do("GET", training+"/requests/"+id+"/status?logs=1", nil).raw, &status))
	require.GreaterOrEqual(t, status.Metrics.Time, pace.Seconds())
	last, lines := 0, 0
	var began time.Time
	for _, l := range status.Logs {
		require.Equal(t, "INFO USER", l.Level+" "+l.Source)
		m := regexp.MustCompile(`^Training step (\d+)/100$`).FindStringSubmatch(l.Message)
		if m == nil {
			began = l.Timestamp
			continue
		}
		step, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		require.Greater(t, step, last, "progress only grows")
		last, lines = step, lines+1
		earliest := began.Add(pace * time.Duration(step) / 100)
		require.False(t, l.Timestamp.Add(10*time.Millisecond).Before(earliest), "step %d came too early", step)
	}
	require.Equal(t, 100, last)
	require.Equal(t, 50, lines)
}

func TestPicturesWithoutFacesFailTheTraining(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	zip := r.upload("set.zip", "application/zip", scenery(t))
	id := r.submit(training, map[string]any{"images_data_url": zip, "trigger_word": "x", "steps": 10})
	result := r.done(training, id)
	require.Equal(t, http.StatusUnprocessableEntity, result.code)
	require.Contains(t, string(result.raw), "face_detection_error")
}

func TestDamagedArchives(t *testing.T) {
	t.Parallel()
	r := start(t, localtrainer.Options{})
	for kind, data := range map[string][]byte{
		"image_load_error":                   zipOf(t, "a.jpg", "b.jpg", "c.jpg", "d.jpg"),
		"archive_file_count_below_minimum":   zipOf(t, "a.jpg", "b.jpg", "c.jpg", "c_mask.jpg", ".d.jpg", "__MACOSX/e.jpg", "f.gif", "g.txt", "h/"),
		"archive_file_count_exceeds_maximum": zipOf(t, many(1001)...),
	} {
		file := r.upload("x.zip", "application/zip", data)
		result := r.done(training, r.submit(training, map[string]any{"images_data_url": file}))
		require.Equal(t, http.StatusUnprocessableEntity, result.code)
		require.Contains(t, string(result.raw), `"type":"`+kind+`"`)
	}
}
