package trainer_test

import (
	"context"
	"io"
	"net/http"
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

// made submits a generation, asks for its status until it has ended, and fetches the result.
func made(t *testing.T, client *trainer.Client, request trainer.GenerateRequest) (trainer.GenerateResult, error) {
	t.Helper()
	id, err := client.SubmitGeneration(t.Context(), request)
	require.NoError(t, err)
	for state := trainer.Queued; state != trainer.Completed; {
		status, err := client.GenerationStatus(t.Context(), id)
		require.NoError(t, err)
		state = status.State
	}
	return client.GenerationResult(t.Context(), id)
}

func TestGenerationSendsExactlyThis(t *testing.T) {
	t.Parallel()
	s := generator(t, `200 {"images":[{"url":"http://f.example/1.jpg"},{"url":"http://f.example/2.jpg"}],"seed":7,
		"has_nsfw_concepts":[false,true],"prompt":"secret"}`, "IN_QUEUE", "IN_PROGRESS", "SOMETHING_NEW")

	got, err := made(t, s.client(), trainer.GenerateRequest{
		Prompt: "annaqwerty at a desk", LoRAURL: "https://files.example/w.safetensors?sig=1", Scale: 0.6, Seed: 7, Images: 2, Width: 512, Height: 768,
	})

	require.NoError(t, err)
	require.Equal(t, trainer.GenerateResult{
		RequestID: "new", ImageURLs: []string{"http://f.example/1.jpg", "http://f.example/2.jpg"}, NSFW: []bool{false, true}, Seed: 7,
	}, got)
	first := s.requests()[0]
	require.Equal(t, "/fal-ai/flux-lora", first.Path)
	require.JSONEq(t, `{"prompt":"annaqwerty at a desk","loras":[{"path":"https://files.example/w.safetensors?sig=1","scale":0.6}],
		"image_size":{"width":512,"height":768},"num_inference_steps":28,"guidance_scale":3.5,"num_images":2,"seed":7,
		"enable_safety_checker":true,"output_format":"jpeg"}`, string(first.Body))
	require.JSONEq(t, `{"expiration_duration_seconds":86400}`, first.Header.Get("X-Fal-Object-Lifecycle-Preference"))
	require.Len(t, first.Header.Get("X-Fal-Runner-Hint"), 16)
	require.NotContains(t, first.Header, "X-Fal-Store-Io")
	var paths []string
	for _, r := range s.requests()[1:] {
		require.Equal(t, http.MethodGet, r.Method)
		paths = append(paths, r.Path)
	}
	const job = "/fal-ai/flux-lora/requests/new"
	require.Equal(t, []string{job + "/status", job + "/status", job + "/status", job + "/status", job}, paths, "one exchange each")
}

func TestGenerationWithoutLoRA(t *testing.T) {
	t.Parallel()
	s := generator(t, `200 {"images":[{"url":"http://f.example/1.jpg"}],"seed":0}`)
	got, err := made(t, s.client(), trainer.GenerateRequest{Prompt: "p"})
	require.NoError(t, err)
	require.Equal(t, []bool{false}, got.NSFW, "without a value a picture counts as safe")
	require.JSONEq(t, `{"prompt":"p","image_size":{"width":1024,"height":1024},"num_inference_steps":28,"guidance_scale":3.5,
		"num_images":1,"seed":0,"enable_safety_checker":true,"output_format":"jpeg"}`, string(s.requests()[0].Body))
}

// A request id is enough to go on, for a worker that has not submitted the request itself.
func TestGenerationOfAnEarlierRequest(t *testing.T) {
	t.Parallel()
	client := generator(t, `200 {"images":[{"url":"http://f.example/1.jpg"}]}`).client()
	status, err := client.GenerationStatus(t.Context(), "old")
	require.NoError(t, err)
	require.Equal(t, trainer.Completed, status.State)
	got, err := client.GenerationResult(t.Context(), "old")
	require.NoError(t, err)
	require.Equal(t, "old", got.RequestID)

	_, err = client.GenerationStatus(t.Context(), "forgotten")
	require.ErrorIs(t, err, trainer.ErrUnknownRequest)
	_, err = client.GenerationResult(t.Context(), "forgotten")
	require.ErrorIs(t, err, trainer.ErrGone)
}

func TestGenerationResultFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, result, typ string }{
		{"content rules", `422 {"detail":[{"type":"content_policy_violation","input":"secret"}]}`, "content_policy_violation"},
		{"no picture", `200 {"images":[]}`, "no_media_generated"},
		{"no address", `200 {"images":[{"url":"data:image/jpeg;base64,secret"}]}`, "no_media_generated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := made(t, generator(t, c.result).client(), trainer.GenerateRequest{Prompt: "secret"})
			var job *trainer.JobError
			require.ErrorAs(t, err, &job)
			require.Equal(t, c.typ, job.Type)
			requireNoSecrets(t, err)
		})
	}
	_, err := script(t, `400 {"detail":"Request is still in progress"}`).client().GenerationResult(t.Context(), "r1")
	require.ErrorIs(t, err, trainer.ErrStillRunning)
}

func TestGenerationCallsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(*trainer.Client, context.Context) error{
		"submit": func(c *trainer.Client, ctx context.Context) error {
			_, err := c.SubmitGeneration(ctx, trainer.GenerateRequest{Prompt: "p"})
			return err
		},
		"status": func(c *trainer.Client, ctx context.Context) error {
			_, err := c.GenerationStatus(ctx, "r1")
			return err
		},
		"result": func(c *trainer.Client, ctx context.Context) error {
			_, err := c.GenerationResult(ctx, "r1")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			s := serve(t, func(_ http.ResponseWriter, r *http.Request, _ int) {
				cancel()
				<-r.Context().Done() // no answer, only a closed connection
			})
			require.ErrorIs(t, call(s.client(), ctx), context.Canceled)
			require.Len(t, s.requests(), 1, "nothing is repeated")
		})
	}
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
		kind    persona.Kind
	}{
		{`200 {"request_id":"r1"}`, "r1", "", persona.Internal},
		{"429 {}", "", trainer.NotSent, persona.Unavailable},
		{"403 {}", "", trainer.Denied, persona.Unavailable},
		{`422 {"detail":[{"type":"missing"}]}`, "", trainer.Refused, persona.Refused},
		{"500 {}", "", trainer.Unknown, persona.Unavailable},
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
			require.Equal(t, c.kind, public(t, err).Kind)
			requireNoSecrets(t, err)
		})
	}
}
