package activities_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
)

// Every error of every test passes bed.discreet, which looks for addresses, names and secrets. Here the world is broken
// on purpose, so that the errors are those of drivers and sockets.
func TestNoErrorTellsWhoOrWhere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		smash func(*bed)
	}{
		{"the provider cannot be reached", func(b *bed) {
			gone := httptest.NewServer(http.NotFoundHandler())
			gone.Close()
			b.trainer = gone.URL
			b.wire()
		}},
		{"the provider answers nonsense", func(b *bed) {
			odd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Error(w, `{"detail":"`+personName+` at http://`+r.Host+r.URL.String()+`"}`, http.StatusUnprocessableEntity)
			}))
			b.t.Cleanup(odd.Close)
			b.trainer = odd.URL
			b.wire()
		}},
		{"the database is gone", func(b *bed) { b.Store.Close() }},
		{"the bucket is gone", func(b *bed) { require.NoError(b.t, b.Bucket.Close()) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.temporal()
			judged, ready := b.judged(0), b.job()
			trained := b.trained(b.persona([]byte("a photo")), []byte("weights"))
			bought := b.job()
			_, err := run(b, b.all.Training.SubmitTraining, bought)
			require.NoError(t, err)
			linked := b.linked("https://127.0.0.1:9/somebody.jpg")
			erasure := b.erase(ready.TrainPersonaInput)
			photo := func(in contract.TrainPersonaInput) activities.PhotoInput {
				return activities.PhotoInput{TrainPersonaInput: in, PhotoTask: activities.PhotoTask{PhotoID: b.photos(in)[0].ID}}
			}
			fresh, address := photo(trained.TrainPersonaInput), photo(linked)
			c.smash(b)
			b.all.Photos.Fetch = &http.Client{Transport: slow{}} // its errors quote the address

			var failed int
			for _, activity := range []func() error{
				func() error { _, err := run(b, b.all.Records.PlanTraining, judged); return err },
				func() error { _, err := run(b, b.all.Photos.CollectPhoto, address); return err },
				func() error { _, err := run(b, b.all.Photos.PreparePhoto, fresh); return err },
				func() error { _, err := run(b, b.all.Photos.ChoosePhotos, judged); return err },
				func() error { _, err := run(b, b.all.Training.MakeJob, judged); return err },
				func() error { return do(b, b.all.Training.UploadDataset, bought) },
				func() error { _, err := run(b, b.all.Training.AwaitTraining, bought); return err },
				func() error { return do(b, b.all.Training.CleanProvider, bought) },
				func() error { _, err := run(b, b.all.Training.CancelJob, bought); return err },
				func() error {
					_, err := run(b, b.all.Models.DrawSamples, activities.SampleOrder{JobInput: trained, Images: 1})
					return err
				},
				func() error { return do(b, b.all.Models.DeployModel, activities.DeployInput{JobInput: trained}) },
				func() error { return do(b, b.all.Erasure.EraseAtProvider, erasure) },
				func() error { return do(b, b.all.Erasure.DestroyStored, erasure) },
			} {
				if activity() != nil { // looked at by run and do
					failed++
				}
			}
			require.Greater(t, failed, 3)
		})
	}
}

// slow is a host that never answers in time.
type slow struct{}

func (slow) RoundTrip(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded }

func TestACancelledCallTellsNothing(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{activities.Interceptor()}})
	cancelled := func(context.Context) error {
		return fmt.Errorf("fetch: %w", &url.Error{Op: "Get", URL: "https://example.org/jane.jpg", Err: context.Canceled})
	}
	env.RegisterActivity(cancelled)
	_, err := env.ExecuteActivity(cancelled)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "example.org")
}
