package trainer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
)

func TestTrainingStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, reply string
		want        trainer.Status
	}{
		{"queued", `202 {"status":"IN_QUEUE","queue_position":3}`, trainer.Status{State: trainer.Queued, QueuePosition: 3}},
		{"queued, code 200", `200 {"status":"IN_QUEUE","queue_position":0}`, trainer.Status{State: trainer.Queued}},
		{"running without logs", `202 {"status":"IN_PROGRESS","logs":null}`, trainer.Status{State: trainer.Running}},
		{
			"running", `202 {"status":"IN_PROGRESS","logs":[{"message":"step 10/1000"},{"message":"Step 250/1000 loss 0.3"},{"message":"saved"}]}`,
			trainer.Status{State: trainer.Running, StepsDone: 250, StepsTotal: 1000},
		},
		{"unknown state", `200 {"status":"PAUSED"}`, trainer.Status{State: trainer.Running}},
		{"completed", `200 {"status":"COMPLETED","logs":null,"metrics":{"inference_time":8.4}}`, trainer.Status{State: trainer.Completed}},
		{
			"failed", `200 {"status":"COMPLETED","error":"runner died at https://secret","error_type":"runner_disconnected"}`,
			trainer.Status{State: trainer.Completed, ErrorType: "runner_disconnected", Error: "The training service lost the machine that did the work."},
		},
		{
			"failed without a type", `200 {"status":"COMPLETED","error":"boom"}`,
			trainer.Status{State: trainer.Completed, Error: "The training service could not use the photos or the settings."},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := script(t, c.reply)
			got, err := s.client().TrainingStatus(t.Context(), "r-1")
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.Equal(t, "/fal-ai/flux-lora-fast-training/requests/r-1/status", s.requests()[0].Path)
			require.Equal(t, "logs=1", s.requests()[0].Query)
		})
	}
}

func TestSafeCallsAreRepeated(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		switch n {
		case 0:
			cut(t, w)
		case 1:
			w.WriteHeader(http.StatusTooManyRequests)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			reply(t, w, http.StatusOK, map[string]any{"status": "COMPLETED"})
		}
	})
	got, err := s.client().TrainingStatus(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, trainer.Completed, got.State)
}

func TestSafeCallsGiveUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, reply string
		asked       int
		kind        persona.Kind
		code        persona.Code
	}{
		{"internal error", `500 {"detail":"secret"}`, 4, persona.Unavailable, persona.CodeUnavailable},
		{"too many", `429 {}`, 4, persona.Unavailable, persona.CodeUnavailable},
		{"key", `401 {"detail":"secret"}`, 1, persona.Unavailable, persona.CodeUnavailable},
		{"locked", `403 {"detail":"User is locked"}`, 1, persona.Unavailable, persona.CodeUnavailable},
		{"unknown id", `404 {"status":"NOT_FOUND"}`, 3, persona.NotFound, persona.CodeNotFound},
		{"404 of a gateway", `404 <html>`, 4, persona.Unavailable, persona.CodeUnavailable},
		{"not JSON", `200 <html>`, 1, persona.Unavailable, persona.CodeUnavailable},
		{"not a status", `200 {}`, 1, persona.Unavailable, persona.CodeUnavailable},
		{"redirect", `302 `, 1, persona.Unavailable, persona.CodeUnavailable},
		{"refusal", `422 {"detail":[{"type":"secret type"}]}`, 1, persona.Refused, persona.CodeProviderRefused},
		{"refusal of a gateway", `422 <html>`, 1, persona.Unavailable, persona.CodeUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := script(t, c.reply)
			_, err := s.client().TrainingStatus(t.Context(), "r1")
			require.Equal(t, c.kind, public(t, err).Kind)
			require.Equal(t, c.code, public(t, err).Code)
			require.Len(t, s.requests(), c.asked)
			requireNoSecrets(t, err)
		})
	}
}

// The service sends this header when the caller's own timeout has passed. Another attempt gives the same answer.
func TestOwnTimeoutIsNotRepeated(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("X-Fal-Request-Timeout-Type", "user")
		w.WriteHeader(http.StatusGatewayTimeout)
	})
	_, err := s.client().TrainingStatus(t.Context(), "r1")
	require.Error(t, err)
	require.Len(t, s.requests(), 1)
}

func TestCallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		cancel()
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, err := s.client().TrainingStatus(ctx, "r1")
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, s.requests(), 1)
}

// A reply of any length must not fill the memory. A status is then fetched without its logs.
func TestLargeRepliesAreCut(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.URL.RawQuery == "" {
			reply(t, w, http.StatusOK, map[string]any{"status": "COMPLETED"})
			return
		}
		_, _ = io.WriteString(w, `{"status":"IN_PROGRESS","logs":[{"message":"`+strings.Repeat("x", 9<<20)+`"}]}`) // cut by the client
	})
	got, err := s.client().TrainingStatus(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, trainer.Completed, got.State)
	require.Len(t, s.requests(), 2)
}

func TestRequestIDsCannotLeaveTheirPath(t *testing.T) {
	t.Parallel()
	s := script(t, "200 {}")
	for _, id := range []string{"", "../x", "a/b", "a?b", "a b", strings.Repeat("a", 200)} {
		_, err := s.client().TrainingStatus(t.Context(), id)
		require.Equal(t, persona.Invalid, public(t, err).Kind)
		require.Equal(t, persona.Invalid, public(t, s.client().ErasePayload(t.Context(), id)).Kind)
		_, err = s.client().GenerationStatus(t.Context(), id)
		require.Equal(t, persona.Invalid, public(t, err).Kind)
		_, _, err = s.client().TrainingDataset(t.Context(), id, time.Now())
		require.Equal(t, persona.Invalid, public(t, err).Kind)
		require.False(t, trainer.IsRequestID(id))
	}
	require.Empty(t, s.requests())
}

func TestStepsIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line        string
		done, total int
		ok          bool
	}{
		{"step 10/1000", 10, 1000, true},
		{"Steps: 12%|#2   | 120/1000 [00:10<01:20, 11.0it/s]", 120, 1000, true},
		{" 33%|###3      | 330/1000 [01:02<02:05]", 330, 1000, true},
		{"Step 4 of 20, loss=0.1234", 4, 20, true},
		{"Training: 45% done", 45, 100, true},
		{"Training 700/1000", 700, 1000, true},
		{"epoch 1/10", 0, 0, false},
		{"epoch 1/10, step 30/300", 30, 300, true},
		{"120/1000 steps", 120, 1000, true},
		{"Downloading images 3/12: 25%|##", 0, 0, false},
		{"loss 3/4", 0, 0, false},
		{"step 12/10", 0, 0, false},
		{"steps 0/0", 0, 0, false},
		{"", 0, 0, false},
		{"2026/11 something", 0, 0, false},
	} {
		t.Run(c.line, func(t *testing.T) {
			t.Parallel()
			done, total, ok := trainer.StepsIn(c.line)
			require.Equal(t, c.ok, ok)
			if ok {
				require.Equal(t, []int{c.done, c.total}, []int{done, total})
			}
		})
	}
}

func TestTrainingResult(t *testing.T) {
	t.Parallel()
	s := script(t, `200 {"diffusers_lora_file":{"url":"http://files.example/w.safetensors","file_size":89700000,"content_type":"x"},
		"config_file":{"url":"http://files.example/c.json"},"debug_preprocessed_output":null}`)
	got, err := s.client().TrainingResult(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, trainer.TrainingResult{
		WeightsURL: "http://files.example/w.safetensors", ConfigURL: "http://files.example/c.json", WeightsBytes: 89700000,
	}, got)
	require.Equal(t, "/fal-ai/flux-lora-fast-training/requests/r1", s.requests()[0].Path)
}

func TestTrainingResultOfAFailedJob(t *testing.T) {
	t.Parallel()
	item := func(kind, ctx string) string {
		return fmt.Sprintf(`422 {"detail":[{"loc":["body"],"msg":"secret","type":%q,"ctx":%s,"input":"https://secret"}]}`, kind, ctx)
	}
	for _, c := range []struct {
		name, reply, typ, message string
		retryable                 bool
	}{
		{"no face", item("face_detection_error", "{}"), "face_detection_error", "found no face", false},
		{"few", item("archive_file_count_below_minimum", `{"min_count":4,"provided_count":2}`), "archive_file_count_below_minimum", "at least 4 photos", false},
		{"many", item("archive_file_count_exceeds_maximum", `{"max_count":50}`), "archive_file_count_exceeds_maximum", "at most 50 photos", false},
		{"download", item("file_download_error", "{}"), "file_download_error", "could not fetch", true},
		{"unknown type", item("moon_phase", "{}"), "moon_phase", "could not use the photos", false},
		{"old type", item("value_error.missing", "{}"), "value_error.missing", "could not use the photos", false},
		{"plain detail", `422 {"detail":"secret"}`, "", "could not use the photos", false},
		{"model fault", `500 {"detail":[{"type":"internal_server_error"}]}`, "internal_server_error", "fault of its own", true},
		{"cancelled", `499 {"detail":"x","error_type":"client_cancelled"}`, "client_cancelled", "was cancelled", false},
		{"cancelled in words", `400 {"detail":"Request was cancelled"}`, "cancelled", "was cancelled", false},
		{"gone", `404 {"detail":"Result expired"}`, "result_gone", "no longer keeps", false},
		{"empty", `200 {}`, "result_empty", "without a usable result", false},
		{"not an address", `200 {"diffusers_lora_file":{"url":"file:///etc/passwd"}}`, "result_empty", "without a usable result", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := script(t, c.reply).client().TrainingResult(t.Context(), "r1")
			var job *trainer.JobError
			require.ErrorAs(t, err, &job)
			require.Equal(t, c.typ, job.Type)
			require.Contains(t, job.Message, c.message)
			require.Equal(t, c.retryable, job.Retryable)
			require.Equal(t, persona.CodeProviderFailed, public(t, err).Code)
			require.Equal(t, strings.Contains(c.name, "cancelled"), job.Cancelled())
			requireNoSecrets(t, err)
		})
	}
}

func TestTrainingResultUsesTheRetryHeader(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"true": true, "1": true, "false": false} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("X-Fal-Retryable", value)
			reply(t, w, http.StatusUnprocessableEntity, map[string]any{"detail": []any{map[string]any{"type": "file_download_error"}}})
		})
		_, err := s.client().TrainingResult(t.Context(), "r1")
		var job *trainer.JobError
		require.ErrorAs(t, err, &job)
		require.Equal(t, want, job.Retryable)
	}
}

func TestTrainingResultTooEarly(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`400 {"detail":"Request is still in progress"}`, `202 {"status":"IN_PROGRESS"}`} {
		_, err := script(t, text).client().TrainingResult(t.Context(), "r1")
		require.ErrorIs(t, err, trainer.ErrStillRunning)
		require.Equal(t, persona.Unavailable, public(t, err).Kind)
	}
}

// A failed runner and a broken queue give the same answer. Only a failed runner is in the status too.
func TestTrainingResultOfAFailedRunner(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, status string
		failed       bool
	}{
		{"the job failed", `{"status":"COMPLETED","error":"x","error_type":"runner_disconnected"}`, true},
		{"the queue is broken", `{"status":"COMPLETED"}`, false},
		{"it runs again", `{"status":"IN_PROGRESS"}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				if strings.HasSuffix(r.URL.Path, "/status") {
					_, _ = io.WriteString(w, c.status) // an error means that the client has gone
					return
				}
				reply(t, w, http.StatusServiceUnavailable, map[string]any{"detail": "x", "error_type": "runner_disconnected"})
			})
			_, err := s.client().TrainingResult(t.Context(), "r1")
			var job *trainer.JobError
			require.Equal(t, c.failed, errors.As(err, &job))
			if !c.failed {
				require.Equal(t, persona.Unavailable, public(t, err).Kind)
			}
		})
	}
}

func TestCancelTraining(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reply string
		want  trainer.CancelOutcome
	}{
		{`200 {"status":"OK"}`, trainer.Removed},
		{`202 {"status":"CANCELLATION_REQUESTED"}`, trainer.Requested},
		{`200 {"status":"CANCELLATION_REQUESTED"}`, trainer.Requested},
		{`204 `, trainer.Requested},
		{`400 {"status":"ALREADY_COMPLETED"}`, trainer.TooLate},
		{`400 {"detail":"Request r1 is already completed."}`, trainer.TooLate},
		{`404 {"status":"NOT_FOUND"}`, trainer.Unknown404},
	} {
		t.Run(c.reply, func(t *testing.T) {
			t.Parallel()
			s := script(t, "503 ", c.reply)
			got, err := s.client().CancelTraining(t.Context(), "r1")
			require.NoError(t, err)
			require.Equal(t, c.want, got)
			require.GreaterOrEqual(t, len(s.requests()), 2, "a cancellation is safe to repeat")
			require.Equal(t, http.MethodPut, s.requests()[1].Method)
			require.Equal(t, "/fal-ai/flux-lora-fast-training/requests/r1/cancel", s.requests()[1].Path)
		})
	}
	_, err := script(t, "200 <html>").client().CancelTraining(t.Context(), "r1")
	require.Equal(t, persona.Unavailable, public(t, err).Kind)
}

// A purchase is given up when the service does not know it, so one 404 is not believed.
func TestTrainingStatusAsksAgainAfterA404(t *testing.T) {
	t.Parallel()
	s := script(t, `404 {"status":"NOT_FOUND"}`, `404 {"status":"NOT_FOUND"}`, `202 {"status":"IN_PROGRESS"}`)
	got, err := s.client().TrainingStatus(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, trainer.Running, got.State)

	s = script(t, `404 {"status":"NOT_FOUND"}`)
	_, err = s.client().TrainingStatus(t.Context(), "r1")
	require.ErrorIs(t, err, trainer.ErrUnknownRequest)
	require.Len(t, s.requests(), 3)

	// Three are needed, and two of these four are a gateway's.
	s = script(t, `404 <html>`, `404 {"status":"NOT_FOUND"}`, `404 <html>`, `404 {"status":"NOT_FOUND"}`)
	_, err = s.client().TrainingStatus(t.Context(), "r1")
	require.NotErrorIs(t, err, trainer.ErrUnknownRequest)
	require.Equal(t, persona.Unavailable, public(t, err).Kind)
}

func TestTrainingResultAsksAgainAfterA404(t *testing.T) {
	t.Parallel()
	s := script(t, `404 {"status":"NOT_FOUND"}`, `404 <html>`, `200 {"diffusers_lora_file":{"url":"http://files.example/w"}}`)
	got, err := s.client().TrainingResult(t.Context(), "r1")
	require.NoError(t, err)
	require.Equal(t, "http://files.example/w", got.WeightsURL)

	_, err = script(t, `404 {"detail":"Result expired"}`).client().TrainingResult(t.Context(), "r1")
	require.ErrorIs(t, err, trainer.ErrGone)
}

// A status tells three things apart: the service knows the request, does not know it, or did not say.
func TestStatusOfUnknownRequests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reply   string
		unknown bool
		failed  bool
	}{
		{`202 {"status":"IN_QUEUE"}`, false, false},
		{`200 {"status":"COMPLETED","error":"x"}`, false, false},
		{`404 {"status":"NOT_FOUND"}`, true, true},
		{`404 {"detail":"Request r1 not found"}`, true, true},
		{`404 <html>`, false, true},
		{`404 {"detail":"Not Found"}`, false, true},
		{`403 {"detail":"x"}`, false, true},
		{`503 `, false, true},
		{`200 <html>`, false, true},
	} {
		t.Run(c.reply, func(t *testing.T) {
			t.Parallel()
			s := script(t, c.reply)
			_, err := s.client().GenerationStatus(t.Context(), "r1")
			require.Equal(t, c.unknown, errors.Is(err, trainer.ErrUnknownRequest), "%v", err)
			require.Equal(t, c.failed, err != nil, "%v", err)
			require.Equal(t, "/fal-ai/flux-lora/requests/r1/status", s.requests()[0].Path)
		})
	}
}
