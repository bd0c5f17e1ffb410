package app_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/sitter"
)

// stuckHost sends a byte now and then and never ends, until it is told to answer a request.
type stuckHost struct {
	*httptest.Server
	asked  chan string   // the path of every request
	answer chan struct{} // lets one request end
}

func newStuckHost(t *testing.T) *stuckHost {
	t.Helper()
	h := &stuckHost{asked: make(chan string, 10_000), answer: make(chan struct{})}
	h.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("Content-Length", "1000000")
		_, _ = w.Write([]byte{0xff})
		_ = http.NewResponseController(w).Flush()
		h.asked <- r.URL.Path
		select {
		case <-r.Context().Done():
		case <-h.answer:
		}
	}))
	t.Cleanup(h.Close)
	return h
}

// A host that sends a byte every few seconds holds its requests for minutes. 20 requests of one user with 40 addresses
// each took every slot of the worker for over an hour; others' trainings and erasures waited.
func TestOneUsersStuckPhotosDelayNobody(t *testing.T) {
	t.Parallel()
	const slots, personas, photos = 4, 20, 40
	s := newSystem(t)
	host := newStuckHost(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	greedy := uuid.NewString()
	var addresses []string
	for i := range photos {
		addresses = append(addresses, host.URL+"/greedy/"+strconv.Itoa(i))
	}
	for range personas {
		s.train(s.persona(greedy, nil, addresses...))
	}
	stop := s.run(host.Client(), slots)
	for range slots {
		select {
		case <-host.asked:
		case <-ctx.Done():
			t.Fatal("the addresses were not fetched")
		}
	}

	// Every slot for addresses is taken now, and hundreds more wait for one.
	var files [][]byte
	for _, portrait := range sitter.New(4).Set(5, photoSide) {
		files = append(files, sitter.EncodePhoto(portrait))
	}
	s.fault(`{"on": "submit", "effect": "fail", "times": 1, "error_type": "face_detection_error"}`)
	training := s.train(s.persona(uuid.NewString(), files))
	leaving := s.persona(uuid.NewString(), files[:1])
	erasure, err := s.Store.RequestErasure(ctx, leaving.UserID, leaving.ID)
	require.NoError(t, err)
	require.NoError(t, contract.StartErasePersona(ctx, s.temporal, contract.ErasePersonaInput{ErasureID: erasure.ID}))

	var erased contract.EraseResult
	require.NoError(t, s.temporal.GetWorkflow(ctx, contract.ErasePersonaID(erasure.ID), "").Get(ctx, &erased))
	require.Equal(t, 1, erased.Personas)
	// A job that fails has passed every queue: the validation of a model would only take longer.
	var failed *temporal.ApplicationError
	require.ErrorAs(t, training.Get(ctx, nil), &failed)
	require.Equal(t, contract.ProviderFailed, failed.Type())

	// Another user's address takes its turn: it does not wait for the backlog of the first.
	modest := s.persona(uuid.NewString(), nil, host.URL+"/modest")
	s.train(modest)
	for range 40 {
		select {
		case host.answer <- struct{}{}:
		case <-ctx.Done():
			t.Fatal("the host was not asked any more")
		}
		select {
		case path := <-host.asked:
			if strings.HasPrefix(path, "/modest") {
				stop()
				return
			}
		case <-ctx.Done():
			t.Fatal("no address was fetched in the freed slot")
		}
	}
	t.Fatal("the other user's address waited for the backlog")
}
