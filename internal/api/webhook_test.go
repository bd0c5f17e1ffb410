package api_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/mocks"

	"github.com/inflio/persona/internal/api"
	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// provider signs webhooks as the provider does.
type provider struct {
	key  ed25519.PrivateKey
	jwks *httptest.Server
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	p := &provider{key: private}
	p.jwks = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{
			"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public),
		}}})
	}))
	t.Cleanup(p.jwks.Close)
	return p
}

func (p *provider) options(o *api.Options) {
	o.Webhooks = trainer.NewWebhookVerifier(p.jwks.URL, p.jwks.Client())
}

// signedWebhook is a webhook about a request, as it was sent at a time.
func (p *provider) signedWebhook(t *testing.T, token, requestID, body string, at time.Time) *http.Request {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	stamp := strconv.FormatInt(at.Unix(), 10)
	message := strings.Join([]string{requestID, "user-1", stamp, hex.EncodeToString(sum[:])}, "\n")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/fal/"+token, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Fal-Webhook-Request-Id", requestID)
	r.Header.Set("X-Fal-Webhook-User-Id", "user-1")
	r.Header.Set("X-Fal-Webhook-Timestamp", stamp)
	r.Header.Set("X-Fal-Webhook-Signature", hex.EncodeToString(ed25519.Sign(p.key, []byte(message))))
	return r
}

const requestID = "11111111-2222-4333-8444-555555555555"

func news(id string) string { return `{"request_id":"` + id + `","status":"OK","payload":{}}` }

// bought makes a training job whose submit was begun, and returns it with the token of its webhook.
func (w *world) bought() (storage.Job, string) {
	w.t.Helper()
	ctx, user, id := w.t.Context(), userID(ada), w.trained(ada)
	job, err := w.store.EnsureJob(ctx, user, id, 1, "fal-ai/flux-lora-fast-training", persona.DefaultTrainingConfig())
	require.NoError(w.t, err)
	begun, err := w.store.BeginSubmit(ctx, user, job.ID)
	require.NoError(w.t, err)
	return job, begun.Token
}

func (w *world) move(job storage.Job, to persona.PurchaseStatus, request string) {
	w.t.Helper()
	change := storage.JobChange{}
	if request != "" {
		change.RequestID = &request
	}
	by := persona.ActorSender
	switch to {
	case persona.PurchaseCancelled:
		by = persona.ActorCanceller
	case persona.PurchaseRunning, persona.PurchaseCompleted, persona.PurchaseFailed:
		by = persona.ActorPoller
	default: // by the sender
	}
	_, err := w.store.MoveJob(w.t.Context(), job.UserID, job.ID, to, by, change)
	require.NoError(w.t, err)
}

// signalled makes a Temporal client that answers the news signal with err, as often as it must come.
func signalled(t *testing.T, err error, times int) (*mocks.Client, func(*api.Options)) {
	t.Helper()
	c := mocks.NewClient(t)
	if times > 0 {
		c.On("SignalWorkflow", mock.Anything, mock.MatchedBy(func(id string) bool { return strings.HasPrefix(id, "train-persona/") }),
			"", contract.TrainingChangedSignal, nil).Return(err).Times(times)
	}
	return c, func(o *api.Options) { o.Temporal = c }
}

func TestWebhookSettlesAndWakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(*world, storage.Job)
		err     error
		status  int
		after   persona.PurchaseStatus
		request string
	}{
		"the reply is still on its way": {status: 200, after: persona.PurchaseQueued, request: requestID},
		"the reply was lost": {
			prepare: func(w *world, j storage.Job) { w.move(j, persona.PurchaseUncertain, "") },
			status:  200, after: persona.PurchaseQueued, request: requestID,
		},
		"the job is known": {
			prepare: func(w *world, j storage.Job) {
				w.move(j, persona.PurchaseQueued, requestID)
			},
			status: 200, after: persona.PurchaseQueued, request: requestID,
		},
		"another request than the one bought": {
			prepare: func(w *world, j storage.Job) { w.move(j, persona.PurchaseQueued, "other") },
			status:  200, after: persona.PurchaseQueued, request: "other",
		},
		"the training has ended": {err: serviceerror.NewNotFound("gone"), status: 200, after: persona.PurchaseQueued, request: requestID},
		"Temporal does not answer": {
			err: serviceerror.NewUnavailable("internal words"), status: 503, after: persona.PurchaseQueued, request: requestID,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			_, temporal := signalled(t, c.err, 2)
			w := newWorld(t, p.options, temporal)
			job, secret := w.bought()
			if c.prepare != nil {
				c.prepare(w, job)
			}
			for range 2 { // providers repeat themselves
				rec := w.do(p.signedWebhook(t, secret, requestID, news(requestID), time.Now()))
				require.Equal(t, c.status, rec.Code, rec.Body.String())
				require.NotContains(t, rec.Body.String(), "internal words")
			}
			found, err := w.store.Job(t.Context(), job.UserID, job.ID)
			require.NoError(t, err)
			require.Equal(t, c.after, found.Status)
			require.Equal(t, c.request, found.RequestID)
			require.NotContains(t, w.logs.String(), secret, "the token must not be logged")
		})
	}
}

// News of a job that no training waits for any more: what was bought is noted and its cleaning ordered.
func TestWebhookOfAnAbandonedJobOrdersItsCleaning(t *testing.T) {
	t.Parallel()
	end := func(w *world, j storage.Job) {
		require.NoError(w.t, w.store.FailVersion(w.t.Context(), j.UserID, j.PersonaID, j.Version, persona.VersionCancelled,
			storage.Failure{Code: persona.CodeCancelled}))
	}
	erase := func(w *world, j storage.Job) {
		_, err := w.store.RequestErasure(w.t.Context(), j.UserID, j.PersonaID)
		require.NoError(w.t, err)
	}
	uncertain, queued := persona.PurchaseUncertain, persona.PurchaseQueued
	training, cancelled := persona.PurchaseRunning, persona.PurchaseCancelled
	for name, c := range map[string]struct {
		prepare func(*world, storage.Job)
		after   persona.PurchaseStatus
		request string
		orders  int
		warned  bool
	}{
		"cancelled without a request": {
			prepare: func(w *world, j storage.Job) { w.move(j, cancelled, "") },
			after:   cancelled, request: requestID, orders: 1,
		},
		"cancelled, and its order was lost": {
			prepare: func(w *world, j storage.Job) { w.move(j, queued, requestID); w.move(j, cancelled, "") },
			after:   cancelled, request: requestID, orders: 1,
		},
		"cancelled with another request": {
			prepare: func(w *world, j storage.Job) { w.move(j, queued, "other"); w.move(j, cancelled, "") },
			after:   cancelled, request: "other", warned: true,
		},
		"submitting, and the version has ended": {prepare: end, after: queued, request: requestID, orders: 1},
		"uncertain, and the version has ended": {
			prepare: func(w *world, j storage.Job) { w.move(j, uncertain, ""); end(w, j) },
			after:   queued, request: requestID, orders: 1,
		},
		"uncertain, and the persona is being erased": {
			prepare: func(w *world, j storage.Job) { w.move(j, uncertain, ""); erase(w, j) },
			after:   queued, request: requestID,
		},
		"uncertain, and the training waits": {
			prepare: func(w *world, j storage.Job) { w.move(j, uncertain, "") },
			after:   queued, request: requestID,
		},
		"in training, and the training waits": {
			prepare: func(w *world, j storage.Job) {
				w.move(j, queued, requestID)
				w.move(j, training, "")
			},
			after: training, request: requestID,
		},
		"completed, and the version has ended": {
			prepare: func(w *world, j storage.Job) {
				w.move(j, queued, requestID)
				w.move(j, persona.PurchaseCompleted, "")
				end(w, j)
			},
			after: persona.PurchaseCompleted, request: requestID,
		},
		"nothing was bought": {
			prepare: func(w *world, j storage.Job) { w.move(j, persona.PurchaseRefused, ""); end(w, j) },
			after:   persona.PurchaseRefused,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProvider(t)
			_, temporal := signalled(t, serviceerror.NewNotFound("gone"), 2)
			w := newWorld(t, p.options, temporal)
			job, secret := w.bought()
			c.prepare(w, job)
			nudged := w.nudged.Load()
			for range 2 {
				rec := w.do(p.signedWebhook(t, secret, requestID, news(requestID), time.Now()))
				require.Equal(t, http.StatusOK, rec.Code, rec.Body.String())
			}
			found, err := w.store.Job(t.Context(), job.UserID, job.ID)
			require.NoError(t, err)
			require.Equal(t, c.after, found.Status)
			require.Equal(t, c.request, found.RequestID)
			require.Equal(t, c.warned, strings.Contains(w.logs.String(), "another request"))

			var orders []storage.Outbox
			_, err = w.store.DeliverDue(t.Context(), 10, func(_ context.Context, o storage.Outbox) error {
				if o.Kind == storage.OutboxCleanJob {
					orders = append(orders, o)
				}
				return nil
			})
			require.NoError(t, err)
			require.Len(t, orders, c.orders, "two webhooks, one order")
			require.Equal(t, c.orders > 0, w.nudged.Load() > nudged, "the relay is told")
			for _, o := range orders {
				require.Equal(t, job.ID, o.JobID)
			}
		})
	}
}

func TestWebhookRefuses(t *testing.T) {
	t.Parallel()
	p, stranger := newProvider(t), newProvider(t)
	_, temporal := signalled(t, nil, 0)
	w := newWorld(t, p.options, temporal)
	job, secret := w.bought()
	body := news(requestID)
	changed := p.signedWebhook(t, secret, requestID, body, time.Now())
	changed.Body = http.NoBody
	unsigned := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/fal/"+secret, strings.NewReader(body))
	for name, c := range map[string]struct {
		request *http.Request
		status  int
		code    string
	}{
		"no signature":               {unsigned, 401, "unauthorized"},
		"somebody else's signature":  {stranger.signedWebhook(t, secret, requestID, body, time.Now()), 401, "unauthorized"},
		"another body":               {changed, 401, "unauthorized"},
		"an old signature":           {p.signedWebhook(t, secret, requestID, body, time.Now().Add(-301*time.Second)), 401, "unauthorized"},
		"a signature of the future":  {p.signedWebhook(t, secret, requestID, body, time.Now().Add(310*time.Second)), 401, "unauthorized"},
		"a body about another job":   {p.signedWebhook(t, secret, requestID, news("other"), time.Now()), 401, "unauthorized"},
		"an unknown token":           {p.signedWebhook(t, strings.Repeat("x", 43), requestID, body, time.Now()), 404, "not_found"},
		"a token of a thousand byte": {p.signedWebhook(t, strings.Repeat("x", 1000), requestID, body, time.Now()), 404, "not_found"},
		"a body of 9 MB":             {p.signedWebhook(t, secret, requestID, strings.Repeat("x", 9<<20), time.Now()), 413, "too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := w.do(c.request)
			require.Equal(t, c.status, rec.Code, rec.Body.String())
			require.Contains(t, rec.Body.String(), `"code":"`+c.code+`"`)
		})
	}
	found, err := w.store.Job(t.Context(), job.UserID, job.ID)
	require.NoError(t, err)
	require.Equal(t, persona.PurchaseSubmitting, found.Status, "nothing forged changes anything")
}

func TestWebhookIsSentAgainWhenItCannotBeChecked(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	w := newWorld(t, p.options)
	_, secret := w.bought()
	p.jwks.Close()
	rec := w.do(p.signedWebhook(t, secret, requestID, news(requestID), time.Now()))
	require.Equal(t, http.StatusServiceUnavailable, rec.Code, rec.Body.String())

	// The database goes away while the keys are there.
	working := newProvider(t)
	w = newWorld(t, working.options)
	_, secret = w.bought()
	w.store.Close()
	rec = w.do(working.signedWebhook(t, secret, requestID, news(requestID), time.Now()))
	require.Equal(t, http.StatusServiceUnavailable, rec.Code, rec.Body.String())
}

func TestWebhookWithoutVerifierIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/fal/x", strings.NewReader("{}"))
	require.Equal(t, http.StatusNotFound, w.do(r).Code)
}
