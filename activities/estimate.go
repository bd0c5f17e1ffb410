package activities

import (
	"context"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// validating is the name under which durations from a trained model to its verdict are recorded.
const validating = "validating"

// Estimates in seconds for as long as nothing was measured.
const (
	usualValidation = 180 // with a provider that draws a picture in about five seconds
	usualDeployment = 10  // for some hundred megabytes
)

// secondsAfterTraining returns how long a persona usually takes from its trained model to its end.
func secondsAfterTraining(ctx context.Context, store *storage.Store) (int, error) {
	typical, ok, err := store.TypicalSeconds(ctx, validating)
	if !ok {
		typical = usualValidation
	}
	return typical + usualDeployment, err
}

// secondsOfTraining returns how long a training usually takes at the provider: the median of earlier ones, or the time of
// its tier.
func secondsOfTraining(ctx context.Context, store *storage.Store, in contract.TrainPersonaInput) (int, error) {
	typical, ok, err := store.TypicalSeconds(ctx, trainer.TrainingEndpoint)
	if ok || err != nil {
		return typical, err
	}
	version, err := store.Version(ctx, in.UserID, in.PersonaID, in.Version)
	if err != nil {
		return 0, err
	}
	photos, err := store.Photos(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return 0, err
	}
	terms, err := persona.TermsFor(version.Tier, len(photos))
	if err != nil {
		terms, _ = persona.TermsFor("", len(photos)) // without a wanted tier this cannot fail
	}
	return terms.Minutes * 60, nil
}

// secondsLeft returns the estimated time left at the beginning of a stage.
func secondsLeft(
	ctx context.Context, store *storage.Store, in contract.TrainPersonaInput, stage persona.Stage,
) (*int, error) {
	left := usualDeployment
	if stage == persona.StageDeploying {
		return &left, nil
	}
	left, err := secondsAfterTraining(ctx, store)
	if err != nil || stage == persona.StageValidating {
		return &left, err
	}
	training, err := secondsOfTraining(ctx, store, in)
	left += training
	return &left, err
}
