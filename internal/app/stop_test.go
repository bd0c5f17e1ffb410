package app_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/sitter"
	"github.com/inflio/persona/internal/trainer"
)

// A worker that is stopped while a purchase is being sent waits for its reply and writes it down: a deployment must not
// leave a purchase of which nobody knows whether it was made.
func TestAStoppingWorkerFinishesItsPurchase(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	sent, answer := make(chan struct{}), make(chan struct{})
	address, err := url.Parse(s.trainer)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(address)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, trainer.TrainingEndpoint) {
			close(sent)
			<-answer
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(slow.Close)
	s.provider = trainer.New(trainer.Config{Key: "id:secret", QueueURL: slow.URL, RESTURL: s.trainer, APIURL: s.trainer + "/v1"})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	var files [][]byte
	for _, portrait := range sitter.New(4).Set(5, photoSide) {
		files = append(files, sitter.EncodePhoto(portrait))
	}
	p := s.persona(uuid.NewString(), files)
	s.train(p)
	stop := s.run(http.DefaultClient, 4)
	select {
	case <-sent:
	case <-ctx.Done():
		t.Fatal("nothing was bought")
	}
	stopped := make(chan struct{})
	go func() { defer close(stopped); stop() }()
	select {
	case <-stopped:
		t.Fatal("the worker did not wait for the reply")
	case <-time.After(time.Second): // it waits; a slow machine only makes this easier
	}
	close(answer)
	<-stopped
	jobs, err := s.Store.JobsOf(t.Context(), p.UserID, p.ID)
	require.NoError(t, err)
	require.Len(t, jobs, 1)
	require.Equal(t, persona.PurchaseQueued, jobs[0].Status)
	require.NotEmpty(t, jobs[0].RequestID)
}

// What can be repeated does not make a stop take as long as a purchase may.
func TestAStoppingWorkerWaitsForNothingElse(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.config.SubmitWait = time.Hour
	require.Greater(t, s.config.StopTimeout(), s.config.SubmitWait)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	host := newStuckHost(t)
	s.train(s.persona(uuid.NewString(), nil, host.URL+"/one"))
	stop := s.run(host.Client(), 2)
	select {
	case <-host.asked:
	case <-ctx.Done():
		t.Fatal("the address was not fetched")
	}
	stopped := make(chan struct{})
	go func() { defer close(stopped); stop() }()
	select {
	case <-stopped:
	case <-ctx.Done():
		t.Fatal("the worker waits for an address that never ends")
	}
}
