package activities

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/vault"
)

// SampleScore is what was measured on one test picture.
type SampleScore struct {
	Key       string
	Prompt    int
	Seed      int64
	Strength  float64
	Trigger   bool
	Closeness float64 // similarity to the centroid of the person's own photos, -1 to 1; -1 without exactly one face
	Own       bool    // exactly one face, as close to the centroid as the person's own photos are
	Quality   float64 // overall photo score over 100
}

func (s SampleScore) record(in contract.TrainPersonaInput) storage.Sample {
	return storage.Sample{
		Key: s.Key, Path: vault.SamplePath(in.PersonaID, in.Version, s.Key),
		ContentType: "image/jpeg", Prompt: s.Prompt, Seed: s.Seed, Strength: s.Strength, WithTrigger: s.Trigger,
		Score: 100 * s.Quality, Closeness: s.Closeness,
	}
}

// MeasureSamples looks at the pictures of one order: is there one face, how close is it to the person, how good is
// the picture. Own photos set the measure: as close as their leave-one-out 5th percentile is close enough. Safe to
// run twice: it writes nothing but measures that were made anew, which come out the same. Errors: RecordGone.
func (a *Photos) MeasureSamples(ctx context.Context, in SampleOrder) ([]SampleScore, error) {
	centroid, closeEnough, err := a.ownFaces(ctx, in.TrainPersonaInput)
	if err != nil {
		return nil, err
	}
	var scores []SampleScore
	for prompt := range persona.Scenes {
		for image := range in.Images {
			s := SampleScore{
				Key: in.key(prompt, image), Prompt: prompt, Seed: in.seed(prompt) + int64(image),
				Strength: in.Strength, Trigger: in.Trigger, Closeness: -1,
			}
			if err := a.measure(ctx, in, &s, centroid, closeEnough); err != nil {
				return nil, err
			}
			scores = append(scores, s)
		}
	}
	return scores, nil
}

// ownFaces reads the descriptors of the photos that were trained on.
func (a *Photos) ownFaces(ctx context.Context, in contract.TrainPersonaInput) (photo.Descriptor, float64, error) {
	photos, err := a.Store.Photos(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return nil, 0, err
	}
	var own []photo.Descriptor
	for _, p := range photos {
		if !p.Used || p.Measures == nil {
			continue
		}
		m, err := a.measures(ctx, in, p)
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

func (a *Photos) measure(
	ctx context.Context, in SampleOrder, s *SampleScore, centroid photo.Descriptor, closeEnough float64,
) error {
	blob, err := a.Store.OpenBlob(ctx, in.UserID, in.PersonaID, in.path(s.Key))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, storage.ErrNotFound) {
		return nil // the provider refused to draw this one: it counts as a picture without a face
	}
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

// Sweep sums up the pictures of one strength.
func Sweep(strength float64, scores []SampleScore) persona.StrengthScore {
	sum := persona.StrengthScore{Strength: strength}
	if len(scores) == 0 {
		return sum
	}
	for _, s := range scores {
		if s.Own {
			sum.Consistency++
		}
		sum.Closeness += s.Closeness
		sum.Quality += s.Quality
	}
	n := float64(len(scores))
	sum.Consistency, sum.Closeness, sum.Quality = sum.Consistency/n, sum.Closeness/n, sum.Quality/n
	return sum
}
