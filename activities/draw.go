package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/purchase"
	"github.com/inflio/persona/internal/trainer"
)

// sampleSide is the side of a test picture in pixels: one megapixel, the smallest unit that a provider charges.
const sampleSide = 1024

// maxSampleBytes bounds one test picture.
const maxSampleBytes = 32 << 20

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

// DrawSamples buys the pictures of one order, stores them encrypted and removes the provider's copies. It returns one
// entry for each picture, by prompt and then by seed.
//
// It is safe to run twice: every request is on record before it is sent, see purchase.Buyer.Draw, and pictures that are
// stored are not bought again.
//
// Errors: whatever keeps the provider from answering, and SamplesMissing after a try that the provider failed; both are
// retried, the second a bounded number of times. A picture that cannot be made, or may not be, is an outcome and not an
// error.
func (a *Models) DrawSamples(ctx context.Context, in SampleOrder) ([]DrawnSample, error) {
	owner, err := a.Buyer.Store.Persona(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return nil, err
	}
	job, err := a.Buyer.Store.Job(ctx, in.UserID, in.JobID)
	if err != nil {
		return nil, err
	}
	trigger := ""
	if in.Trigger {
		trigger = owner.TriggerWord
	}
	var drawn []DrawnSample
	for prompt := range persona.Scenes {
		pictures, err := a.drawPrompt(ctx, in, prompt, trainer.GenerateRequest{
			Prompt: persona.ValidationPrompt(prompt, trigger), LoRAURL: job.WeightsURL, Scale: in.Strength,
			Seed: in.seed(prompt), Images: in.Images, Width: sampleSide, Height: sampleSide,
		})
		if err != nil {
			return nil, err
		}
		drawn = append(drawn, pictures...)
		note(ctx, prompt+1) // shown with the pending activity
	}
	return drawn, nil
}

// drawPrompt buys and stores the pictures of one prompt.
func (a *Models) drawPrompt(
	ctx context.Context, in SampleOrder, prompt int, request trainer.GenerateRequest,
) ([]DrawnSample, error) {
	drawn := make([]DrawnSample, in.Images)
	all := func(outcome SampleOutcome) []DrawnSample {
		for i := range drawn {
			drawn[i] = DrawnSample{Key: in.key(prompt, i), Outcome: outcome}
		}
		return drawn
	}
	ref := purchase.PictureRef{Ref: in.ref(), Key: in.key(prompt, 0)}
	bought, err := a.Buyer.Draw(ctx, ref, request)
	switch {
	case errors.Is(err, purchase.ErrNoPictures):
		return all(SampleNotMade), nil
	case errors.Is(err, purchase.ErrTryFailed):
		return nil, temporal.NewApplicationError("the provider could not make a test picture", contract.SamplesMissing)
	case err != nil:
		return nil, err
	case bought.Refused:
		return all(SampleRefused), nil
	case bought.Collected:
		return a.storedSamples(ctx, in, all(SampleMade))
	}
	all(SampleNotMade)
	for i, url := range bought.Result.ImageURLs[:min(len(bought.Result.ImageURLs), len(drawn))] {
		if i < len(bought.Result.NSFW) && bought.Result.NSFW[i] { // the provider made it black
			drawn[i].Outcome = SampleRefused
			continue
		}
		if err := a.fetchSample(ctx, in, url, in.path(drawn[i].Key)); err != nil {
			if errors.Is(err, trainer.ErrGone) {
				err = a.Buyer.Gone(ctx, bought.Order)
			}
			return nil, err
		}
		drawn[i].Outcome = SampleMade
	}
	return drawn, a.Buyer.Collected(ctx, bought.Order)
}

// storedSamples returns the outcomes of pictures that an earlier attempt has stored: those that it did not store were
// black.
func (a *Models) storedSamples(ctx context.Context, in SampleOrder, drawn []DrawnSample) ([]DrawnSample, error) {
	for i, d := range drawn {
		there, err := a.Buyer.Store.HasBlob(ctx, in.UserID, in.PersonaID, in.path(d.Key))
		if err != nil {
			return nil, err
		}
		if !there {
			drawn[i].Outcome = SampleRefused
		}
	}
	return drawn, nil
}

func (a *Models) fetchSample(ctx context.Context, in SampleOrder, url, path string) error {
	picture, err := a.Buyer.Provider.Download(ctx, url, maxSampleBytes)
	if err != nil {
		return err
	}
	defer picture.Close()
	_, err = a.Buyer.Store.WriteBlob(ctx, in.UserID, in.PersonaID, path, picture)
	return err
}
