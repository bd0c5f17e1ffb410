package activities

import (
	"context"
	"time"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

// JudgeInput is the sweep of the strengths, the chosen one, and the pictures of the checks. With and Without hold the
// pairs of the same prompt and seed at the same index.
type JudgeInput struct {
	JobInput
	Sweep    []persona.StrengthScore
	Strength float64
	With     []SampleScore
	Without  []SampleScore
}

// JudgeModel turns measured pictures into the three checks and stores them with the version. Whether the checks are
// good enough is the workflow's decision.
//
// It is safe to run twice: it replaces the result by the same, and notes the duration of the validation with the first
// result only.
func (a *Samples) JudgeModel(ctx context.Context, in JudgeInput) (contract.Checks, error) {
	version, err := a.Store.Version(ctx, in.UserID, in.PersonaID, in.Version)
	if err != nil {
		return contract.Checks{}, err
	}
	checks := checksOf(in.With, in.Without)
	var samples []storage.Sample
	for _, scores := range [][]SampleScore{in.With, in.Without} {
		for _, s := range scores {
			if s.Outcome == SampleMade { // of the others there is no picture
				samples = append(samples, s.record(in.TrainPersonaInput))
			}
		}
	}
	err = a.Store.SaveSamples(ctx, in.UserID, in.PersonaID, in.Version, samples, in.Sweep, &checks, &in.Strength)
	if err != nil || version.Checks != nil {
		return contract.Checks(checks), err
	}
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	if err != nil || job.CompletedAt == nil {
		return contract.Checks(checks), err
	}
	took := int(time.Since(*job.CompletedAt).Seconds()) // for the estimates of later trainings
	return contract.Checks(checks), a.Store.RecordDuration(ctx, validating, job.Config.TrainingSteps, 0, took)
}

// checksOf computes the three shares from the pictures that were made; the trigger's from the pairs of which both were.
func checksOf(with, without []SampleScore) persona.CheckScores {
	var c persona.CheckScores
	var n, own, good, pairs, led float64
	for i, s := range with {
		if s.Outcome != SampleMade {
			continue
		}
		n++
		good += s.Quality
		if s.Own {
			own++
		}
		if i >= len(without) || without[i].Outcome != SampleMade {
			continue
		}
		pairs++
		if s.Closeness > without[i].Closeness {
			led++
		}
	}
	if n > 0 {
		c.FaceConsistency, c.QualityScore = own/n, good/n
	}
	if pairs > 0 {
		c.TriggerEffectiveness = led / pairs
	}
	return c
}
