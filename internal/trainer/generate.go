package trainer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

// GenerateRequest is what pictures are made from.
type GenerateRequest struct {
	Prompt        string
	LoRAURL       string  // weights, readable without credentials; "" for the bare base model
	Scale         float64 // weight of the LoRA, 0 to 4
	Seed          int64
	Images        int // 1 to 4; 0 means 1
	Width, Height int // in pixels; 0 means 1024 x 1024
}

// GenerateResult is what was made. The pictures' addresses need no credentials; treat them as secrets.
type GenerateResult struct {
	RequestID string
	ImageURLs []string
	NSFW      []bool // one for each picture; true for one that the safety checker has made black, which is no fault of the model
	Seed      int64
}

// SubmitGeneration buys pictures, in one HTTP attempt. Any error is a *SubmitError, whose Outcome says whether they may
// have been bought.
func (c *Client) SubmitGeneration(ctx context.Context, r GenerateRequest) (requestID string, err error) {
	header := http.Header{"X-Fal-Object-Lifecycle-Preference": {lifecycle(pictureLifetime)}}
	if r.LoRAURL != "" {
		// Asks for a machine that has these weights loaded. The hint is a hash, because the address is a secret.
		sum := sha256.Sum256([]byte(r.LoRAURL))
		header.Set("X-Fal-Runner-Hint", hex.EncodeToString(sum[:8]))
	}
	return c.submit(ctx, GenerationEndpoint, nil, header, r.input())
}

// GenerationStatus asks where a generation is. Its errors are those of TrainingStatus.
func (c *Client) GenerationStatus(ctx context.Context, requestID string) (Status, error) {
	return c.status(ctx, GenerationEndpoint, requestID, false)
}

// GenerationResult fetches the pictures' addresses. Its errors are those of TrainingResult.
func (c *Client) GenerationResult(ctx context.Context, requestID string) (GenerateResult, error) {
	var out generationOutput
	if err := c.result(ctx, GenerationEndpoint, requestID, &out); err != nil {
		return GenerateResult{}, err
	}
	res := GenerateResult{RequestID: requestID, Seed: out.Seed}
	for i, image := range out.Images {
		if !c.fetchable(image.URL) {
			return GenerateResult{}, newJobError("no_media_generated", http.StatusOK, nil)
		}
		res.ImageURLs = append(res.ImageURLs, image.URL)
		res.NSFW = append(res.NSFW, i < len(out.NSFW) && out.NSFW[i])
	}
	if len(res.ImageURLs) == 0 {
		return GenerateResult{}, newJobError("no_media_generated", http.StatusOK, nil)
	}
	return res, nil
}

// CancelGeneration asks the service to stop a generation, in the same way as CancelTraining.
func (c *Client) CancelGeneration(ctx context.Context, requestID string) (CancelOutcome, error) {
	return c.cancel(ctx, GenerationEndpoint, requestID)
}
