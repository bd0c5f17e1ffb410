package trainer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"

	"github.com/inflio/persona/internal/persona"
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
	NSFW      []bool // one for each picture; true for one that the safety checker has blacked out, which is no fault of the model
	Seed      int64
}

// Generate makes pictures and waits for them. resume is the request id of an earlier call that was interrupted, or "";
// one that the service no longer knows is made anew. submitted, unless nil, is told a new request id at once, so that
// the caller can keep it. When the reply to a submit is lost the error is Unavailable and asking again may make the
// pictures twice: they cost cents, so nothing is searched for. A *JobError means that the service could not make them.
func (c *Client) Generate(
	ctx context.Context, r GenerateRequest, resume string, submitted func(requestID string),
) (GenerateResult, error) {
	if resume != "" {
		out, err := c.pictures(ctx, resume)
		if !forgotten(err) {
			return out, err
		}
	}
	requestID, err := c.submitGeneration(ctx, r)
	if err != nil {
		return GenerateResult{}, err
	}
	if submitted != nil {
		submitted(requestID)
	}
	return c.pictures(ctx, requestID)
}

// forgotten reports whether the service does not know a request, or no longer its result.
func forgotten(err error) bool {
	if job, ok := errors.AsType[*JobError](err); ok {
		return job.Type == typeGone
	}
	public, ok := errors.AsType[*persona.Error](err)
	return ok && public.Kind == persona.NotFound
}

// CancelGeneration asks the service to stop a generation, on the same terms as CancelTraining.
func (c *Client) CancelGeneration(ctx context.Context, requestID string) (CancelOutcome, error) {
	return c.cancel(ctx, GenerationEndpoint, requestID)
}

func (c *Client) submitGeneration(ctx context.Context, r GenerateRequest) (string, error) {
	header := http.Header{"X-Fal-Object-Lifecycle-Preference": {lifecycle(pictureLifetime)}}
	if r.LoRAURL != "" {
		// Asks for a machine that has these weights loaded. A hash, because the address is a secret.
		sum := sha256.Sum256([]byte(r.LoRAURL))
		header.Set("X-Fal-Runner-Hint", hex.EncodeToString(sum[:8]))
	}
	for attempt := 1; ; attempt++ {
		id, err := c.submit(ctx, GenerationEndpoint, nil, header, r.input())
		var failed *SubmitError
		if err == nil || !errors.As(err, &failed) || failed.Outcome != NotSent || attempt == maxAttempts {
			return id, err
		}
		if c.pause(ctx, attempt, failed.RetryAfter) != nil {
			return "", ended(ctx, "generate")
		}
	}
}

// pictures waits for a generation and fetches its result.
func (c *Client) pictures(ctx context.Context, requestID string) (GenerateResult, error) {
	for gap := c.poll; ; gap = min(gap*3/2, 10*c.poll) {
		s, err := c.status(ctx, GenerationEndpoint, requestID, false)
		if err != nil {
			return GenerateResult{}, err
		}
		if s.State == Completed {
			break
		}
		if wait(ctx, gap) != nil {
			return GenerateResult{}, ended(ctx, "generate")
		}
	}
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
