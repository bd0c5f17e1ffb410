package activities

import (
	"context"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
)

// validating is the name under which the time from a trained model to its verdict is remembered.
const validating = "validating"

// Where nothing has been measured yet.
const (
	usualValidation = 180 // seconds, with a provider that draws a picture in about five
	usualDeployment = 10  // seconds, for some hundred megabytes
)

// secondsAfterTraining is how long a persona usually takes from its trained model to its end.
func secondsAfterTraining(ctx context.Context, store *storage.Store) (int, error) {
	typical, ok, err := store.TypicalSeconds(ctx, validating)
	if !ok {
		typical = usualValidation
	}
	return typical + usualDeployment, err
}

// secondsOfTraining is how long a training usually takes at the provider: what earlier ones took, or the tier's time.
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
		terms, _ = persona.TermsFor("", len(photos)) // without a wanted tier there is always one
	}
	return terms.Minutes * 60, nil
}

// secondsLeft is the estimate at the beginning of a stage.
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
