package activities

import (
	"context"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

// Records reads and writes rows and nothing else.
type Records struct {
	Store  *storage.Store
	Policy persona.PhotoPolicy
}

// TrainingPlan is what a training needs to know before it starts.
type TrainingPlan struct {
	Open      bool        // false: the version has ended, there is nothing to do
	Photos    []PhotoTask // in the order of the request
	MinPhotos int
}

// PhotoTask names one photo of a training.
type PhotoTask struct {
	PhotoID string
	Index   int
	Fetch   bool // it was given as an address and must be fetched first
}

// PlanTraining reads what there is to train on. It is safe to run twice: it only reads. Errors: RecordGone.
func (a *Records) PlanTraining(ctx context.Context, in contract.TrainPersonaInput) (TrainingPlan, error) {
	version, err := a.Store.Version(ctx, in.UserID, in.PersonaID, in.Version)
	if err != nil {
		return TrainingPlan{}, err
	}
	owner, err := a.Store.Persona(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return TrainingPlan{}, err
	}
	photos, err := a.Store.Photos(ctx, in.UserID, in.PersonaID)
	if err != nil {
		return TrainingPlan{}, err
	}
	open := version.Status == persona.VersionTraining && owner.Status != persona.StatusErasing
	plan := TrainingPlan{Open: open, MinPhotos: a.Policy.MinPhotos}
	for _, p := range photos {
		plan.Photos = append(plan.Photos, PhotoTask{PhotoID: p.ID, Index: p.Index, Fetch: p.StoragePath == ""})
	}
	return plan, nil
}

// StageInput names the stage that a training has reached.
type StageInput struct {
	contract.TrainPersonaInput
	Stage persona.Stage
}

// EnterStage records that a stage begins, for the status that people see. It is safe to run twice: a stage never goes
// back. Errors: RecordGone.
func (a *Records) EnterStage(ctx context.Context, in StageInput) error {
	left, err := secondsLeft(ctx, a.Store, in.TrainPersonaInput, in.Stage)
	if err != nil {
		return err
	}
	return a.Store.SetProgress(ctx, in.UserID, in.PersonaID, in.Version,
		storage.Progress{Stage: in.Stage, Percent: persona.Progress(in.Stage, 0), RemainingSeconds: left})
}

// FailInput says why a training ended without a model.
type FailInput struct {
	contract.TrainPersonaInput
	Cancelled bool
	Code      persona.Code
	Message   string
}

// FailTraining records the end of a training without a model. When the photos are the reason it adds the findings of each
// photo, and when other photos would help it adds the advice for the set.
//
// It is safe to run twice: the first failure stays. Errors: RecordGone; Superseded when the version is active.
func (a *Records) FailTraining(ctx context.Context, in FailInput) error {
	failure := storage.Failure{Code: in.Code, Message: in.Message}
	if in.Code == persona.CodePhotosRejected || in.Code == persona.CodeValidationFailed {
		version, err := a.Store.Version(ctx, in.UserID, in.PersonaID, in.Version)
		if err != nil {
			return err
		}
		if version.PhotoSet != nil {
			failure.Advice = version.PhotoSet.Advice
		}
	}
	if in.Code == persona.CodePhotosRejected {
		photos, err := a.Store.Photos(ctx, in.UserID, in.PersonaID)
		if err != nil {
			return err
		}
		for _, p := range photos {
			if p.Report != nil && !p.Used && len(p.Report.Findings) > 0 {
				failure.Photos = append(failure.Photos, persona.PhotoProblem{Index: p.Index, Photo: p.ID, Findings: p.Report.Findings})
			}
		}
	}
	status := persona.VersionFailed
	if in.Cancelled {
		status = persona.VersionCancelled
	}
	return a.Store.FailVersion(ctx, in.UserID, in.PersonaID, in.Version, status, failure)
}
