package activities

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/vault"
)

// Samples measures test pictures and judges models by them.
type Samples struct {
	Store *storage.Store
	Judge *photo.Judge
}

// SampleOrder asks for test pictures of one kind: every test prompt, Images pictures each.
type SampleOrder struct {
	JobInput
	Strength float64
	Trigger  bool  // with the trigger word in the prompt
	Seed     int64 // of the first picture; the others follow from it in the same way with and without the trigger
	Images   int   // per prompt, at most 4
}

// promptStride keeps the seeds of different prompts apart, so that no two pictures of an order have the same seed.
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

// MeasureInput is an order and what DrawSamples returned for it.
type MeasureInput struct {
	SampleOrder
	Drawn []DrawnSample
}

// SampleScore is what was measured on one test picture.
type SampleScore struct {
	Key       string
	Prompt    int
	Seed      int64
	Strength  float64
	Trigger   bool
	Outcome   SampleOutcome // the measures below are valid for SampleMade only
	Closeness float64       // similarity to the centroid of the person's own photos, -1 to 1; -1 without exactly one face
	Own       bool          // exactly one face, as close to the centroid as the person's own photos are
	Quality   float64       // overall photo score over 100
}

func (s SampleScore) record(in contract.TrainPersonaInput) storage.Sample {
	return storage.Sample{
		Key: s.Key, Path: vault.SamplePath(in.PersonaID, in.Version, s.Key),
		ContentType: "image/jpeg", Prompt: s.Prompt, Seed: s.Seed, Strength: s.Strength, WithTrigger: s.Trigger,
		Score: 100 * s.Quality, Closeness: s.Closeness,
	}
}

// MeasureSamples measures the pictures of one order that were made: whether there is one face, how close it is to the
// person, how good the picture is. A face is the person's own when it is as close to the centroid of the person's photos
// as their leave-one-out 5th percentile. It returns one score for each entry of Drawn, in the same order. A picture that
// cannot be decoded was not made.
//
// It is safe to run twice: the measures of the same pictures are the same.
//
// Errors: RecordGone when a picture that was made is not stored.
func (a *Samples) MeasureSamples(ctx context.Context, in MeasureInput) ([]SampleScore, error) {
	centroid, closeEnough, err := a.ownFaces(ctx, in.TrainPersonaInput)
	if err != nil {
		return nil, err
	}
	scores := make([]SampleScore, len(in.Drawn))
	for i, drawn := range in.Drawn {
		prompt, image := i/in.Images, i%in.Images
		scores[i] = SampleScore{
			Key: drawn.Key, Prompt: prompt, Seed: in.seed(prompt) + int64(image),
			Strength: in.Strength, Trigger: in.Trigger, Outcome: drawn.Outcome, Closeness: -1,
		}
		if drawn.Outcome != SampleMade {
			continue
		}
		if err := a.measure(ctx, in.SampleOrder, &scores[i], centroid, closeEnough); err != nil {
			return nil, err
		}
	}
	return scores, nil
}

// ownFaces reads the descriptors of the photos that were trained on.
func (a *Samples) ownFaces(ctx context.Context, in contract.TrainPersonaInput) (photo.Descriptor, float64, error) {
	photos, err := a.Store.Photos(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return nil, 0, err
	}
	stored := storedMeasures{store: a.Store, judge: a.Judge}
	var own []photo.Descriptor
	for _, p := range photos {
		if !p.Used || p.Measures == nil {
			continue
		}
		m, err := stored.current(ctx, in, p)
		if err != nil {
			return nil, 0, err
		}
		if m.DescribedBy == a.Judge.DescribedBy() {
			own = append(own, m.Descriptor)
		}
	}
	centroid, closeEnough := photo.OwnCloseness(own)
	return centroid, closeEnough, nil
}

func (a *Samples) measure(
	ctx context.Context, in SampleOrder, s *SampleScore, centroid photo.Descriptor, closeEnough float64,
) error {
	blob, err := a.Store.OpenBlob(ctx, in.UserID, in.PersonaID, in.path(s.Key))
	if err != nil {
		return err
	}
	defer blob.Close()
	data, err := io.ReadAll(io.LimitReader(blob, maxSampleBytes))
	if err != nil {
		return err
	}
	judged, err := a.Judge.Photo(ctx, data, time.Time{})
	if _, undecodable := errors.AsType[*persona.Error](err); undecodable {
		s.Outcome = SampleNotMade
		return nil
	}
	if err != nil {
		return err
	}
	defer judged.Close()
	s.Quality = judged.Score.Overall / 100
	if judged.Faces == 1 && len(judged.Descriptor) > 0 {
		s.Closeness = judged.Descriptor.Similarity(centroid)
		s.Own = s.Closeness >= closeEnough
	}
	return nil
}

// Outcomes counts the scores by outcome.
func Outcomes(scores []SampleScore) (made, refused, notMade int) {
	for _, s := range scores {
		switch s.Outcome {
		case SampleMade:
			made++
		case SampleRefused:
			refused++
		default:
			notMade++
		}
	}
	return made, refused, notMade
}

// Sweep sums up the pictures of one strength that were made. ok is false when none was.
func Sweep(strength float64, scores []SampleScore) (sum persona.StrengthScore, ok bool) {
	sum = persona.StrengthScore{Strength: strength}
	n := 0.0
	for _, s := range scores {
		if s.Outcome != SampleMade {
			continue
		}
		n++
		if s.Own {
			sum.Consistency++
		}
		sum.Closeness += s.Closeness
		sum.Quality += s.Quality
	}
	if n == 0 {
		return sum, false
	}
	sum.Consistency, sum.Closeness, sum.Quality = sum.Consistency/n, sum.Closeness/n, sum.Quality/n
	return sum, true
}
