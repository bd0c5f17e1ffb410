package activities

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"

	"go.temporal.io/sdk/activity"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/purchase"
	"github.com/inflio/persona/internal/trainer"
	"github.com/inflio/persona/storage"
	"github.com/inflio/persona/storage/vault"
)

// maxWeightsBytes bounds the weights of one model: three times the largest LoRA seen from a provider.
const maxWeightsBytes = 1 << 30

const (
	damagedDownloads = 5  // damaged downloads after which the weights themselves are damaged
	goneDownloads    = 30 // answers of 404 after which the weights are gone; with the policy's pauses, half an hour
)

// Models uses trained weights where the provider keeps them.
type Models struct {
	Buyer *purchase.Buyer
}

// DeployInput names the job whose weights are to become the active version.
type DeployInput struct {
	JobInput
	TrainingSeconds int
}

// failedDownloads is the heartbeat of DeployModel. Attempts that ended otherwise, by an outage for example, do not
// count: neither does an outage make the first damaged download final, nor do damaged downloads go on for ever.
type failedDownloads struct {
	Damaged int
	Gone    int
}

// DeployModel copies the weights into our own bucket, encrypted and checked on the way, and makes the version active
// in one transaction.
//
// It is safe to run twice: the same weights replace themselves, and those of a version that is already active stay.
//
// Errors: ModelDamaged, retried until damagedDownloads downloads were damaged or too large, or the provider has
// answered goneDownloads times that it does not have the file; then final.
func (a *Models) DeployModel(ctx context.Context, in DeployInput) error {
	version, err := a.Buyer.Store.Version(ctx, in.UserID, in.PersonaID, in.Version)
	if err != nil {
		return err
	}
	path := vault.ModelPath(in.PersonaID, in.Version)
	if version.Status == persona.VersionActive && version.ModelRef == path {
		return nil
	}
	job, err := a.Buyer.Store.Job(ctx, in.UserID, in.JobID)
	if err != nil {
		return err
	}
	info, err := a.copyWeights(ctx, in.JobInput, job.WeightsURL, path)
	if err != nil {
		return countDownload(ctx, err)
	}
	return a.Buyer.Store.Activate(ctx, in.UserID, in.PersonaID, in.Version, storage.Model{
		Ref: path, SHA256: hex.EncodeToString(info.SHA256), Bytes: info.Bytes, TrainingSeconds: in.TrainingSeconds,
	})
}

// copyWeights downloads, checks and stores the weights. Damaged weights leave no blob.
func (a *Models) copyWeights(ctx context.Context, in JobInput, address, path string) (vault.Info, error) {
	weights, err := a.Buyer.Provider.Download(ctx, address, maxWeightsBytes)
	if err != nil {
		return vault.Info{}, err
	}
	defer weights.Close()
	check := newWeightsCheck()
	info, err := a.Buyer.Store.WriteBlob(ctx, in.UserID, in.PersonaID, path, io.TeeReader(weights, check))
	if err != nil {
		return info, err
	}
	if damage := check.Err(); damage != nil {
		if _, err := a.Buyer.Store.DeleteBlobs(ctx, in.UserID, in.PersonaID, path); err != nil {
			return info, err
		}
		return info, damagedModel(persona.Unavailable, damage.Error())
	}
	return info, nil
}

func damagedModel(kind persona.Kind, message string) error {
	return &persona.Error{Kind: kind, Code: persona.CodeModelDamaged, Message: message}
}

// countDownload notes a failed download in the heartbeat and returns the error of the activity.
func countDownload(ctx context.Context, err error) error {
	var counted failedDownloads
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &counted); err != nil {
			counted = failedDownloads{}
		}
	}
	told, _ := errors.AsType[*persona.Error](err)
	call, _ := errors.AsType[*trainer.CallError](err)
	message, final := "", false
	switch {
	case told != nil && told.Code == persona.CodeModelDamaged:
		counted.Damaged++
		message, final = told.Message, counted.Damaged >= damagedDownloads
	case call != nil && (call.Status == http.StatusNotFound || call.Status == http.StatusGone):
		counted.Gone++
		message, final = "the provider does not have the weights", counted.Gone >= goneDownloads
	default:
		return err
	}
	note(ctx, counted)
	if final {
		return damagedModel(persona.Refused, message)
	}
	return damagedModel(persona.Unavailable, message)
}
