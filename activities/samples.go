package activities

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/vault"
)

// sampleSide is the side of a test picture in pixels: one megapixel, what a provider charges as its smallest unit.
const sampleSide = 1024

// maxSampleBytes bounds one test picture.
const maxSampleBytes = 32 << 20

// Validation generates test pictures and measures them.
type Validation struct {
	Store    *storage.Store
	Provider *trainer.Client
}

// SampleOrder asks for test pictures of one kind: every test prompt, Images pictures each.
type SampleOrder struct {
	JobInput
	Strength float64
	Trigger  bool  // with the trigger word in the prompt
	Seed     int64 // of the first picture; the others follow from it in the same way with and without the trigger
	Images   int   // per prompt
}

// promptStride keeps the seeds of different prompts apart, so that every picture shows another draw of the model.
const promptStride = 100

// seed is that of the first picture of a prompt.
func (o SampleOrder) seed(prompt int) int64 { return o.Seed + int64(promptStride*prompt) }

// key names one test picture; the same order always gives the same names.
func (o SampleOrder) key(prompt, image int) string {
	kind := "plain"
	if o.Trigger {
		kind = "person"
	}
	return fmt.Sprintf("%s-%03d-%d-%d", kind, int(math.Round(o.Strength*100)), prompt, o.seed(prompt)+int64(image))
}

func (o SampleOrder) path(key string) string { return vault.SamplePath(o.PersonaID, o.Version, key) }

// resume is what a retry must know so as not to buy the same pictures again.
type resume struct {
	Prompt    int
	RequestID string
}

// DrawSamples generates the pictures of one order and keeps them encrypted. Safe to run twice: pictures that are
// kept are not generated again, and a request that was sent is picked up by the id in the heartbeat. Afterwards the
// provider's copies are taken away. It returns the number of pictures.
func (a *Validation) DrawSamples(ctx context.Context, in SampleOrder) (int, error) {
	owner, err := a.Store.Persona(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return 0, err
	}
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	if err != nil {
		return 0, err
	}
	var from resume
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &from); err != nil {
			from = resume{}
		}
	}
	for prompt := from.Prompt; prompt < persona.Scenes; prompt++ {
		if prompt != from.Prompt {
			from.RequestID = ""
		}
		trigger := ""
		if in.Trigger {
			trigger = owner.TriggerWord
		}
		request := trainer.GenerateRequest{
			Prompt: persona.ValidationPrompt(prompt, trigger), LoRAURL: job.WeightsURL, Scale: in.Strength,
			Seed: in.seed(prompt), Images: in.Images, Width: sampleSide, Height: sampleSide,
		}
		if err := a.drawOne(ctx, in, prompt, request, from.RequestID); err != nil {
			return 0, err
		}
	}
	return persona.Scenes * in.Images, nil
}

func (a *Validation) drawOne(
	ctx context.Context, in SampleOrder, prompt int, request trainer.GenerateRequest, requestID string,
) error {
	result, err := a.generate(ctx, prompt, request, requestID)
	var refused *trainer.JobError
	if err != nil && (!errors.As(err, &refused) || refused.Retryable) {
		return err
	}
	// What the provider will not draw, for its content rules say, counts as pictures without a face: a model that
	// cannot be used for such a plain prompt does not pass.
	for i, url := range result.ImageURLs {
		if err := a.fetchSample(ctx, in, url, in.path(in.key(prompt, i))); err != nil {
			return err
		}
	}
	if result.RequestID != "" {
		if err := a.Provider.ErasePayload(ctx, result.RequestID); err != nil {
			return err
		}
	}
	note(ctx, resume{Prompt: prompt + 1})
	return nil
}

// drawAttempts is how often pictures are asked for that the provider failed to make through a fault of its own: they
// cost cents, and without them a training that cost dollars is lost.
const drawAttempts = 3

// generate returns the pictures, or the error of the last attempt; a request that failed leaves nothing with the
// provider.
func (a *Validation) generate(
	ctx context.Context, prompt int, request trainer.GenerateRequest, requestID string,
) (trainer.GenerateResult, error) {
	for attempt := 1; ; attempt++ {
		result, err := a.Provider.Generate(ctx, request, requestID, func(id string) {
			requestID = id
			note(ctx, resume{Prompt: prompt, RequestID: id})
		})
		var failed *trainer.JobError
		if !errors.As(err, &failed) {
			return result, err
		}
		if requestID != "" {
			if gone := a.Provider.ErasePayload(ctx, requestID); gone != nil {
				return result, gone
			}
		}
		if !failed.Retryable || attempt == drawAttempts {
			return result, err
		}
		requestID = ""
	}
}

func (a *Validation) fetchSample(ctx context.Context, in SampleOrder, url, path string) error {
	picture, err := a.Provider.Download(ctx, url, maxSampleBytes)
	if err != nil {
		return err
	}
	defer picture.Close()
	_, err = a.Store.WriteBlob(ctx, in.UserID, in.PersonaID, path, picture)
	return err
}

// JudgeInput is what the sweep and the checks were measured as.
type JudgeInput struct {
	JobInput
	Sweep    []persona.StrengthScore
	Strength float64
	With     []SampleScore
	Without  []SampleScore
}

// JudgeModel turns measured pictures into the three checks and keeps them with the version. Safe to run twice: it
// writes the same result over itself. Whether the checks are good enough is the workflow's decision.
func (a *Validation) JudgeModel(ctx context.Context, in JudgeInput) (contract.Checks, error) {
	checks := checksOf(in.With, in.Without)
	var samples []storage.Sample
	for _, s := range append(append([]SampleScore{}, in.With...), in.Without...) {
		samples = append(samples, s.record(in.TrainPersonaInput))
	}
	err := a.Store.SaveSamples(ctx, in.UserID, in.PersonaID, in.Version, samples, in.Sweep, &checks, &in.Strength)
	if err != nil {
		return contract.Checks{}, err
	}
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	if err != nil || job.CompletedAt == nil {
		return contract.Checks(checks), err
	}
	took := int(time.Since(*job.CompletedAt).Seconds()) // for the estimates of later trainings
	return contract.Checks(checks), a.Store.RecordDuration(ctx, validating, job.Config.TrainingSteps, 0, took)
}

// checksOf computes the three shares. Pictures and their pairs stand at the same index.
func checksOf(with, without []SampleScore) persona.CheckScores {
	var c persona.CheckScores
	if len(with) == 0 {
		return c
	}
	var own, good, led float64
	for i, s := range with {
		if s.Own {
			own++
		}
		good += s.Quality
		if i < len(without) && s.Closeness > without[i].Closeness {
			led++
		}
	}
	n := float64(len(with))
	c.FaceConsistency, c.QualityScore, c.TriggerEffectiveness = own/n, good/n, led/n
	return c
}
