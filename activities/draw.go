package activities

import (
	"context"
	"errors"
	"net/http"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
)

// sampleSide is the side of a test picture in pixels: one megapixel, the smallest unit that a provider charges.
const sampleSide = 1024

// maxSampleBytes bounds one test picture.
const maxSampleBytes = 32 << 20

const (
	// jobAttempts is how many jobs one attempt of the activity makes for one prompt, when the provider's jobs fail by a
	// fault of its own. A job that failed is not billed.
	jobAttempts = 3
	// maxOrders bounds the requests for one prompt that may have been billed without giving pictures: the reply was lost,
	// or the provider no longer knows the request. A request that was made is resumed once more, which may order anew, so
	// a prompt costs at most four requests. A validation makes 24 requests for 36 pictures when nothing is lost, and thus
	// never pays for more than 96 requests and 144 pictures, apart from one request for each worker that is killed in the
	// moment between a request and its heartbeat.
	maxOrders = 3
	// maxFailures is how many jobs for one prompt may end with an answer that the provider calls final. It may be wrong
	// about that: a file server that is down for a moment looks like weights that cannot be used.
	maxFailures = 10
)

// SampleOutcome says what became of one test picture.
type SampleOutcome string

// The outcomes of a test picture. Only pictures that were made count in the checks of a model.
const (
	SampleMade    SampleOutcome = "made"     // it is stored
	SampleRefused SampleOutcome = "refused"  // the provider's content rules do not allow it
	SampleNotMade SampleOutcome = "not_made" // the provider could not make it
)

// DrawnSample is one picture of an order.
type DrawnSample struct {
	Key     string
	Outcome SampleOutcome
}

// drawing is the heartbeat of DrawSamples: what a later attempt must know in order not to buy the same pictures again.
type drawing struct {
	Prompt    int // the first prompt whose pictures are not finished
	RequestID string
	Orders    int // requests for this prompt that may have been billed
	Failures  int // jobs for this prompt that ended with a final answer
	Done      []DrawnSample
}

// DrawSamples generates the pictures of one order, stores them encrypted and removes the provider's copies. It returns
// one entry for each picture, by prompt and then by seed.
//
// It is safe to run twice: finished prompts are not drawn again, and a request that was sent is resumed by the id in the
// heartbeat.
//
// Errors: whatever keeps the provider from answering, retried. A picture that cannot be made, or may not be, is an
// outcome and not an error.
func (a *Models) DrawSamples(ctx context.Context, in SampleOrder) ([]DrawnSample, error) {
	owner, err := a.Store.Persona(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return nil, err
	}
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	if err != nil {
		return nil, err
	}
	var at drawing
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &at); err != nil {
			at = drawing{}
		}
	}
	trigger := ""
	if in.Trigger {
		trigger = owner.TriggerWord
	}
	for at.Prompt < persona.Scenes {
		request := trainer.GenerateRequest{
			Prompt: persona.ValidationPrompt(at.Prompt, trigger), LoRAURL: job.WeightsURL, Scale: in.Strength,
			Seed: in.seed(at.Prompt), Images: in.Images, Width: sampleSide, Height: sampleSide,
		}
		drawn, err := a.drawPrompt(ctx, in, &at, request)
		if err != nil {
			return nil, err
		}
		at = drawing{Prompt: at.Prompt + 1, Done: append(at.Done, drawn...)}
		note(ctx, at)
	}
	return at.Done, nil
}

// drawPrompt generates and stores the pictures of one prompt.
func (a *Models) drawPrompt(
	ctx context.Context, in SampleOrder, at *drawing, request trainer.GenerateRequest,
) ([]DrawnSample, error) {
	drawn := make([]DrawnSample, in.Images)
	all := func(outcome SampleOutcome) []DrawnSample {
		for i := range drawn {
			drawn[i] = DrawnSample{Key: in.key(at.Prompt, i), Outcome: outcome}
		}
		return drawn
	}
	result, err := a.generate(ctx, at, request)
	var failed *trainer.JobError
	switch {
	case errors.As(err, &failed) && failed.Type == contentRules:
		return all(SampleRefused), nil
	case errors.As(err, &failed) && !failed.Retryable:
		if at.Failures++; at.Failures >= maxFailures {
			return all(SampleNotMade), nil
		}
		note(ctx, *at)
		return nil, temporal.NewApplicationError("the provider could not make a test picture", contract.SamplesMissing)
	case errors.Is(err, errTooManyOrders):
		return all(SampleNotMade), nil
	case err != nil:
		return nil, err
	}
	all(SampleNotMade)
	for i, url := range result.ImageURLs {
		if i >= len(drawn) {
			break
		}
		if i < len(result.NSFW) && result.NSFW[i] { // the provider has blacked it out
			drawn[i].Outcome = SampleRefused
			continue
		}
		if err := a.fetchSample(ctx, in, url, in.path(drawn[i].Key)); err != nil {
			return nil, a.forgetLost(ctx, at, err)
		}
		drawn[i].Outcome = SampleMade
	}
	return drawn, a.Provider.ErasePayload(ctx, result.RequestID)
}

// The provider's types of failed jobs that have a meaning here.
const (
	contentRules = "content_policy_violation" // its content rules do not allow the picture
	noWeights    = "file_download_error"      // it could not fetch the weights, which it keeps itself: an outage
)

// errTooManyOrders ends the drawing of one prompt; see maxOrders.
var errTooManyOrders = errors.New("too many requests for one prompt were lost")

// generate returns the pictures of one prompt, or the error of the last job. A job that failed leaves nothing with the
// provider.
func (a *Models) generate(ctx context.Context, at *drawing, request trainer.GenerateRequest) (trainer.GenerateResult, error) {
	for attempt := 1; ; attempt++ {
		if at.RequestID == "" && at.Orders >= maxOrders {
			return trainer.GenerateResult{}, errTooManyOrders
		}
		resumed := at.RequestID
		result, err := a.Provider.Generate(ctx, request, resumed, func(id string) {
			at.RequestID = id
			at.Orders++
			note(ctx, *at)
		})
		var failed *trainer.JobError
		if !errors.As(err, &failed) {
			return result, a.forgetLost(ctx, at, err)
		}
		if at.RequestID != "" {
			if err := a.Provider.ErasePayload(ctx, at.RequestID); err != nil {
				return result, err
			}
		}
		at.RequestID, at.Orders = "", max(at.Orders-1, 0) // not billed
		note(ctx, *at)
		failed.Retryable = failed.Retryable || failed.Type == noWeights
		if !failed.Retryable || attempt == jobAttempts {
			return result, err
		}
	}
}

// forgetLost makes the next attempt order anew where a request, or a picture of it, is not found at the provider, and
// counts a request whose reply was lost. It returns err.
func (a *Models) forgetLost(ctx context.Context, at *drawing, err error) error {
	var submit *trainer.SubmitError
	var call *trainer.CallError
	switch {
	case errors.As(err, &submit) && submit.Outcome == trainer.Unknown:
		at.Orders++
	case errors.As(err, &call) && (call.Status == http.StatusNotFound || call.Status == http.StatusGone):
		at.RequestID = ""
	default:
		return err
	}
	note(ctx, *at)
	return err
}

func (a *Models) fetchSample(ctx context.Context, in SampleOrder, url, path string) error {
	picture, err := a.Provider.Download(ctx, url, maxSampleBytes)
	if err != nil {
		return err
	}
	defer picture.Close()
	_, err = a.Store.WriteBlob(ctx, in.UserID, in.PersonaID, path, picture)
	return err
}
