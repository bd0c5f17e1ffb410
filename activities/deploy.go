package activities

import (
	"context"
	"encoding/hex"
	"io"

	"go.temporal.io/sdk/activity"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/vault"
)

// maxWeightsBytes bounds the weights of one model: three times the largest LoRA seen from a provider.
const maxWeightsBytes = 1 << 30

// damagedAttempts is from which attempt on damaged weights are the provider's failure and no longer a broken download.
const damagedAttempts = 5

// Models brings trained weights home.
type Models struct {
	Store    *storage.Store
	Provider *trainer.Client
}

// DeployInput names the job whose weights are to become the active version.
type DeployInput struct {
	JobInput
	TrainingSeconds int
}

// DeployModel copies the weights into our own bucket, encrypted and checked on the way, and makes the version active
// in one transaction. Safe to run twice: the same weights are written over themselves, and those of a version that is
// active already are left alone. Errors: model_damaged, which is retried.
func (a *Models) DeployModel(ctx context.Context, in DeployInput) error {
	version, err := a.Store.Version(ctx, in.UserID, in.PersonaID, in.Version)
	if err != nil {
		return err
	}
	path := vault.ModelPath(in.PersonaID, in.Version)
	if version.Status == persona.VersionActive && version.ModelRef == path {
		return nil
	}
	job, err := a.Store.Job(ctx, in.UserID, in.JobID)
	if err != nil {
		return err
	}
	weights, err := a.Provider.Download(ctx, job.WeightsURL, maxWeightsBytes)
	if err != nil {
		return err
	}
	defer weights.Close()
	check := newWeightsCheck()
	info, err := a.Store.WriteBlob(ctx, in.UserID, in.PersonaID, path,
		io.TeeReader(weights, check))
	if err != nil {
		return err
	}
	if err := check.Err(); err != nil {
		if _, gone := a.Store.DeleteBlobs(ctx, in.UserID, in.PersonaID, path); gone != nil {
			return gone
		}
		kind := persona.Unavailable
		if activity.GetInfo(ctx).Attempt >= damagedAttempts {
			kind = persona.Refused
		}
		return &persona.Error{Kind: kind, Code: persona.CodeModelDamaged, Message: err.Error()}
	}
	return a.Store.Activate(ctx, in.UserID, in.PersonaID, in.Version, storage.Model{
		Ref: path, SHA256: hex.EncodeToString(info.SHA256), Bytes: info.Bytes, TrainingSeconds: in.TrainingSeconds,
	})
}
