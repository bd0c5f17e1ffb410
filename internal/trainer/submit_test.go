package trainer_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
)

var training = trainer.TrainingRequest{
	DatasetURL: "https://files.example/secret/set.zip", TriggerWord: "annaqwerty", Steps: 1000,
	WebhookURL: "https://persona.example/webhooks/fal/tok+en?a=b",
}

// The service ignores unknown field names without an error, so the exact JSON is compared.
func TestSubmitTrainingSendsExactlyThis(t *testing.T) {
	t.Parallel()
	s := script(t, `200 {"status":"IN_QUEUE","request_id":"019b-abc","queue_position":2}`)

	id, err := s.client().SubmitTraining(t.Context(), training)

	require.NoError(t, err)
	require.Equal(t, "019b-abc", id)
	require.Len(t, s.requests(), 1)
	got := s.requests()[0]
	require.Equal(t, http.MethodPost, got.Method)
	require.Equal(t, "/fal-ai/flux-lora-fast-training", got.Path)
	query, err := url.ParseQuery(got.Query)
	require.NoError(t, err)
	require.Equal(t, url.Values{"fal_webhook": {training.WebhookURL}}, query)
	require.JSONEq(t, `{"images_data_url":"https://files.example/secret/set.zip","trigger_word":"annaqwerty","steps":1000,
		"is_style":false,"create_masks":true,"is_input_format_already_preprocessed":false}`, string(got.Body))
	require.Equal(t, "Key id:secret", got.Header.Get("Authorization"))
	require.Equal(t, "application/json", got.Header.Get("Content-Type"))
	// With an initial_acl the service ignores the lifetime too.
	require.JSONEq(t, `{"expiration_duration_seconds":604800}`, got.Header.Get("X-Fal-Object-Lifecycle-Preference"))
	for _, absent := range []string{"X-Fal-Store-Io", "X-Fal-No-Retry", "X-Fal-Request-Start-Timeout", "X-Fal-Request-Timeout"} {
		require.NotContains(t, got.Header, absent)
	}
}

func TestSubmitTrainingWithoutWebhookAndTrigger(t *testing.T) {
	t.Parallel()
	s := script(t, `201 {"status":"IN_PROGRESS","request_id":"r1"}`)
	id, err := s.client().SubmitTraining(t.Context(), trainer.TrainingRequest{DatasetURL: "https://x/y.zip", Steps: 5})
	require.NoError(t, err)
	require.Equal(t, "r1", id)
	require.Empty(t, s.requests()[0].Query)
	require.NotContains(t, string(s.requests()[0].Body), "trigger_word")
}

func TestSubmitTrainingOutcomesOfAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, reply string
		outcome     trainer.Outcome
		kind        persona.Kind
		typ         string
	}{
		{"too many requests", `429 {"detail":"slow down","error_type":"concurrent_requests_limit"}`, trainer.NotSent, persona.Unavailable, "concurrent_requests_limit"},
		{"bad key", `401 {"detail":"no"}`, trainer.Denied, persona.Unavailable, ""},
		{"no money", `402 {"detail":"pay"}`, trainer.Denied, persona.Unavailable, ""},
		{"locked", `403 {"detail":"User is locked. Reason: Exhausted balance."}`, trainer.Denied, persona.Unavailable, "account_locked"},
		{"no permission", `403 {"detail":"no"}`, trainer.Denied, persona.Unavailable, ""},
		{"403 of a gateway", `403 <html>`, trainer.Denied, persona.Unavailable, ""},
		{"bad request", `400 {"detail":"bad","error_type":"bad_request"}`, trainer.Refused, persona.Refused, "bad_request"},
		{"no such endpoint", `404 {"detail":"Application not found"}`, trainer.Refused, persona.Refused, ""},
		{"404 of a gateway", `404 <html>`, trainer.NotSent, persona.Unavailable, ""},
		{"404 of a web framework", `404 {"detail":"Not Found"}`, trainer.NotSent, persona.Unavailable, ""},
		{"405 of a web framework", `405 {"detail":"Method Not Allowed"}`, trainer.NotSent, persona.Unavailable, ""},
		{"400 of a gateway", `400 The plain HTTP request was sent to HTTPS port`, trainer.NotSent, persona.Unavailable, ""},
		{"wrong input", `422 {"detail":[{"type":"less_than_equal","msg":"secret","input":"secret"}]}`, trainer.Refused, persona.Refused, "less_than_equal"},
		{"timeout", `408 {}`, trainer.Unknown, persona.Unavailable, ""},
		{"conflict", `409 {}`, trainer.Unknown, persona.Unavailable, ""},
		{"internal error", `500 {"detail":"x","error_type":"internal_error"}`, trainer.Unknown, persona.Unavailable, "internal_error"},
		{"gateway", `502 <html>bad gateway</html>`, trainer.Unknown, persona.Unavailable, ""},
		{"unavailable", `503 {}`, trainer.Unknown, persona.Unavailable, ""},
		{"gateway timeout", `504 {}`, trainer.Unknown, persona.Unavailable, ""},
		{"redirect", `307 `, trainer.Unknown, persona.Unavailable, ""},
		{"success without id", `200 {"status":"IN_QUEUE"}`, trainer.Unknown, persona.Unavailable, "unreadable_answer"},
		{"success with an invalid id", `200 {"request_id":"../../x"}`, trainer.Unknown, persona.Unavailable, "unreadable_answer"},
		{"success without JSON", `200 OK`, trainer.Unknown, persona.Unavailable, "unreadable_answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := script(t, c.reply)
			id, err := s.client().SubmitTraining(t.Context(), training)
			require.Empty(t, id)
			require.Len(t, s.requests(), 1, "a submit is never repeated")
			e := submitError(t, err)
			require.Equal(t, c.outcome, e.Outcome)
			require.Equal(t, c.typ, e.Type)
			require.Equal(t, c.kind, public(t, err).Kind)
			require.Equal(t, c.outcome == trainer.Denied, errors.Is(err, trainer.ErrNotPermitted))
			requireNoSecrets(t, err)
		})
	}
}

func requireNoSecrets(t *testing.T, err error) {
	t.Helper()
	for _, text := range []string{err.Error(), public(t, err).Message} {
		require.NotContains(t, text, "http:")
		require.NotContains(t, text, "https:")
		require.NotContains(t, text, "secret")
		require.NotContains(t, text, "127.0.0.1")
	}
}

func TestSubmitTrainingReturnsRetryAfter(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	_, err := s.client().SubmitTraining(t.Context(), training)
	require.Equal(t, 7*time.Second, submitError(t, err).RetryAfter)
}

// These fail before there is a connection, so nothing can have been sent.
func TestSubmitTrainingNotSent(t *testing.T) {
	t.Parallel()
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	tlsServer := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tlsServer.Close)
	plain := script(t, "200 {}")

	for _, c := range []struct{ name, url, typ string }{
		{"refused connection", "http://" + closed.Addr().String(), "connection_refused"},
		{"unknown name", "http://queue.invalid", "name_not_found"},
		{"untrusted certificate", tlsServer.URL, "tls_failed"},
		{"TLS against a plain server", "https" + plain.URL[4:], "tls_failed"},
		{"no address", "http://[", "bad_address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client := trainer.New(trainer.Config{Key: "id:secret", QueueURL: c.url})
			_, err := client.SubmitTraining(t.Context(), training)
			e := submitError(t, err)
			require.Equal(t, trainer.NotSent, e.Outcome)
			require.Equal(t, c.typ, e.Type)
			requireNoSecrets(t, err)
		})
	}
	t.Run("ended context", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := plain.client().SubmitTraining(ctx, training)
		require.Equal(t, trainer.NotSent, submitError(t, err).Outcome)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// These fail when the request may have arrived.
func TestSubmitTrainingUnknown(t *testing.T) {
	t.Parallel()
	t.Run("the job is made and the connection cut", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { cut(t, w) })
		_, err := s.client().SubmitTraining(t.Context(), training)
		require.Equal(t, trainer.Unknown, submitError(t, err).Outcome)
		require.Len(t, s.requests(), 1)
		requireNoSecrets(t, err)
	})
	t.Run("the answer is cut short", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"request_id":"r1"}`)) // fewer bytes than announced
		})
		_, err := s.client().SubmitTraining(t.Context(), training)
		require.Equal(t, trainer.Unknown, submitError(t, err).Outcome)
		require.Len(t, s.requests(), 1)
	})
	t.Run("cancelled while waiting", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		s := serve(t, func(_ http.ResponseWriter, r *http.Request, _ int) {
			cancel()
			<-r.Context().Done()
		})
		_, err := s.client().SubmitTraining(ctx, training)
		require.Equal(t, trainer.Unknown, submitError(t, err).Outcome)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("a transport without a trace", func(t *testing.T) {
		t.Parallel()
		client := trainer.New(trainer.Config{HTTP: &http.Client{Transport: mute{}}, QueueURL: "http://queue.invalid"})
		_, err := client.SubmitTraining(t.Context(), training)
		require.Equal(t, trainer.Unknown, submitError(t, err).Outcome)
	})
}

// mute fails without reporting whether it looked for a connection.
type mute struct{}

func (mute) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.DNSError{Err: "no such host", Name: "queue.invalid", IsNotFound: true}
}

// If the server closes an idle connection at the moment of a submit, the outcome of the submit is unknown.
func TestSubmitTrainingUsesAFreshConnection(t *testing.T) {
	t.Parallel()
	remotes := make(chan string, 3)
	s := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		remotes <- r.RemoteAddr
		reply(t, w, http.StatusOK, map[string]any{"request_id": "r1", "status": "IN_QUEUE"})
	})
	client := s.client()
	_, err := client.TrainingStatus(t.Context(), "r1")
	require.NoError(t, err)
	_, err = client.SubmitTraining(t.Context(), training)
	require.NoError(t, err)
	status, submit := <-remotes, <-remotes
	require.NotEqual(t, status, submit)
}
