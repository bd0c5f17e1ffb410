package trainer_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
)

// generator answers submits with "new", then the statuses in turn, then the result.
func generator(t *testing.T, result string, statuses ...string) *service {
	t.Helper()
	asked := 0
	return serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		switch {
		case r.Method == http.MethodPost:
			reply(t, w, http.StatusOK, map[string]any{"request_id": "new", "status": "IN_QUEUE"})
		case strings.Contains(r.URL.Path, "forgotten"):
			reply(t, w, http.StatusNotFound, map[string]any{"status": "NOT_FOUND"})
		case strings.HasSuffix(r.URL.Path, "/status"):
			state := "COMPLETED"
			if asked < len(statuses) {
				state = statuses[asked]
			}
			asked++
			reply(t, w, http.StatusAccepted, map[string]any{"status": state})
		default:
			if strings.HasPrefix(result, "4") {
				w.WriteHeader(http.StatusUnprocessableEntity)
			}
			_, _ = io.WriteString(w, result[4:]) // an error means that the client has gone
		}
	})
}

func TestGenerateSendsExactlyThis(t *testing.T) {
	t.Parallel()
	s := generator(t, `200 {"images":[{"url":"http://f.example/1.jpg"},{"url":"http://f.example/2.jpg"}],"seed":7,
		"has_nsfw_concepts":[false,true],"prompt":"secret"}`, "IN_QUEUE", "IN_PROGRESS", "SOMETHING_NEW")
	var told []string

	got, err := s.client().Generate(t.Context(), trainer.GenerateRequest{
		Prompt: "annaqwerty at a desk", LoRAURL: "https://files.example/w.safetensors?sig=1", Scale: 0.6, Seed: 7, Images: 2, Width: 512, Height: 768,
	}, "", func(id string) { told = append(told, id) })

	require.NoError(t, err)
	require.Equal(t, trainer.GenerateResult{
		RequestID: "new", ImageURLs: []string{"http://f.example/1.jpg", "http://f.example/2.jpg"}, NSFW: []bool{false, true}, Seed: 7,
	}, got)
	require.Equal(t, []string{"new"}, told)
	first := s.requests()[0]
	require.Equal(t, "/fal-ai/flux-lora", first.Path)
	require.JSONEq(t, `{"prompt":"annaqwerty at a desk","loras":[{"path":"https://files.example/w.safetensors?sig=1","scale":0.6}],
		"image_size":{"width":512,"height":768},"num_inference_steps":28,"guidance_scale":3.5,"num_images":2,"seed":7,
		"enable_safety_checker":true,"output_format":"jpeg"}`, string(first.Body))
	require.JSONEq(t, `{"expiration_duration_seconds":86400}`, first.Header.Get("X-Fal-Object-Lifecycle-Preference"))
	require.Len(t, first.Header.Get("X-Fal-Runner-Hint"), 16)
	require.NotContains(t, first.Header, "X-Fal-Store-Io")
	require.Equal(t, "/fal-ai/flux-lora/requests/new", s.requests()[len(s.requests())-1].Path)
}

func TestGenerateWithoutLoRA(t *testing.T) {
	t.Parallel()
	s := generator(t, `200 {"images":[{"url":"http://f.example/1.jpg"}],"seed":0}`)
	got, err := s.client().Generate(t.Context(), trainer.GenerateRequest{Prompt: "p"}, "", nil)
	require.NoError(t, err)
	require.Equal(t, []bool{false}, got.NSFW, "without a value a picture counts as safe")
	require.JSONEq(t, `{"prompt":"p","image_size":{"width":1024,"height":1024},"num_inference_steps":28,"guidance_scale":3.5,
		"num_images":1,"seed":0,"enable_safety_checker":true,"output_format":"jpeg"}`, string(s.requests()[0].Body))
}

func TestGenerateResumes(t *testing.T) {
	t.Parallel()
	submits := func(s *service) int {
		n := 0
		for _, r := range s.requests() {
			if r.Method == http.MethodPost {
				n++
			}
		}
		return n
	}
	const made = `200 {"images":[{"url":"http://f.example/1.jpg"}]}`
	t.Run("a known request is not made again", func(t *testing.T) {
		t.Parallel()
		s := generator(t, made)
		got, err := s.client().Generate(t.Context(), trainer.GenerateRequest{Prompt: "p"}, "old", nil)
		require.NoError(t, err)
		require.Equal(t, "old", got.RequestID)
		require.Zero(t, submits(s))
	})
	t.Run("an unknown request is made again", func(t *testing.T) {
		t.Parallel()
		s := generator(t, made)
		got, err := s.client().Generate(t.Context(), trainer.GenerateRequest{Prompt: "p"}, "forgotten", nil)
		require.NoError(t, err)
		require.Equal(t, "new", got.RequestID)
		require.Equal(t, 1, submits(s))
	})
}

func TestGenerateFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, result, typ string }{
		{"content rules", `422 {"detail":[{"type":"content_policy_violation","input":"secret"}]}`, "content_policy_violation"},
		{"no picture", `200 {"images":[]}`, "no_media_generated"},
		{"no address", `200 {"images":[{"url":"data:image/jpeg;base64,secret"}]}`, "no_media_generated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := generator(t, c.result).client().Generate(t.Context(), trainer.GenerateRequest{Prompt: "secret"}, "", nil)
			var job *trainer.JobError
			require.ErrorAs(t, err, &job)
			require.Equal(t, c.typ, job.Type)
			requireNoSecrets(t, err)
		})
	}
}

func TestGenerateRepeatsOnlyWhatWasNotSent(t *testing.T) {
	t.Parallel()
	t.Run("429", func(t *testing.T) {
		t.Parallel()
		s := script(t, "429 {}", `200 {"request_id":"r1"}`, `200 {"status":"COMPLETED"}`, `200 {"images":[{"url":"http://f.example/1.jpg"}]}`)
		_, err := s.client().Generate(t.Context(), trainer.GenerateRequest{Prompt: "p"}, "", nil)
		require.NoError(t, err)
	})
	t.Run("500", func(t *testing.T) {
		t.Parallel()
		s := script(t, "500 {}")
		_, err := s.client().Generate(t.Context(), trainer.GenerateRequest{Prompt: "p"}, "", nil)
		require.Equal(t, persona.Unavailable, public(t, err).Kind)
		require.Len(t, s.requests(), 1)
	})
	t.Run("403", func(t *testing.T) {
		t.Parallel()
		s := script(t, "403 {}")
		_, err := s.client().Generate(t.Context(), trainer.GenerateRequest{Prompt: "p"}, "", nil)
		require.Equal(t, trainer.Denied, submitError(t, err).Outcome)
		require.Len(t, s.requests(), 1)
	})
}

func TestGenerateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := generator(t, `200 {}`, slices.Repeat([]string{"IN_PROGRESS"}, 1_000_000)...)
	_, err := s.client().Generate(ctx, trainer.GenerateRequest{Prompt: "p"}, "", func(string) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
}

func TestCancelGeneration(t *testing.T) {
	t.Parallel()
	s := script(t, "503 ", `202 {"status":"CANCELLATION_REQUESTED"}`)
	got, err := s.client().CancelGeneration(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, trainer.Requested, got)
	require.Equal(t, "/fal-ai/flux-lora/requests/r1/cancel", s.requests()[1].Path)
}

func TestSubmitGenerationIsOneAttempt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reply   string
		id      string
		outcome trainer.Outcome
	}{
		{`200 {"request_id":"r1"}`, "r1", ""},
		{"429 {}", "", trainer.NotSent},
		{"403 {}", "", trainer.Denied},
		{`422 {"detail":[{"type":"missing"}]}`, "", trainer.Refused},
		{"500 {}", "", trainer.Unknown},
	} {
		t.Run(c.reply, func(t *testing.T) {
			t.Parallel()
			s := script(t, c.reply)
			id, err := s.client().SubmitGeneration(t.Context(), trainer.GenerateRequest{Prompt: "secret"})
			require.Equal(t, c.id, id)
			require.Len(t, s.requests(), 1)
			if c.outcome == "" {
				require.NoError(t, err)
				return
			}
			require.Equal(t, c.outcome, submitError(t, err).Outcome)
			requireNoSecrets(t, err)
		})
	}
}

func TestGenerationInSteps(t *testing.T) {
	t.Parallel()
	s := generator(t, `200 {"images":[{"url":"http://f.example/1.jpg"}],"seed":7,"has_nsfw_concepts":[true]}`, "IN_PROGRESS")
	client := s.client()
	id, err := client.SubmitGeneration(t.Context(), trainer.GenerateRequest{Prompt: "p"})
	require.NoError(t, err)
	status, err := client.GenerationStatus(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, trainer.Running, status.State)
	status, err = client.GenerationStatus(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, trainer.Completed, status.State)
	got, err := client.GenerationResult(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, trainer.GenerateResult{RequestID: "new", ImageURLs: []string{"http://f.example/1.jpg"}, NSFW: []bool{true}, Seed: 7}, got)
	require.Len(t, s.requests(), 4, "one exchange each")

	_, err = client.GenerationStatus(t.Context(), "forgotten")
	require.ErrorIs(t, err, trainer.ErrUnknownRequest)
	_, err = client.GenerationResult(t.Context(), "forgotten")
	require.ErrorIs(t, err, trainer.ErrGone)
	_, err = script(t, `400 {"detail":"Request is still in progress"}`).client().GenerationResult(t.Context(), "r1")
	require.ErrorIs(t, err, trainer.ErrStillRunning)
}
