package trainer

import (
	"fmt"
	"regexp"
	"strings"
)

// The endpoints in use. Neighbouring endpoints name the same things differently (trigger_word and trigger_phrase,
// images_data_url and image_data_url), so an id is never changed without its input type.
const (
	TrainingEndpoint   = "fal-ai/flux-lora-fast-training"
	GenerationEndpoint = "fal-ai/flux-lora"
)

// fastTrainingInput is the whole input of TrainingEndpoint. It has no switch for learning rate, rank, alpha, dropout,
// optimizer, scheduler, batch size or precision, so those of a persona.TrainingConfig are not sent.
type fastTrainingInput struct {
	ImagesDataURL string `json:"images_data_url"`
	// The endpoint ignores the trigger word when the archive has captions, which must then hold it; it is sent all the
	// same, for archives without.
	TriggerWord  string `json:"trigger_word,omitempty"`
	Steps        int    `json:"steps"`
	IsStyle      bool   `json:"is_style"`
	CreateMasks  bool   `json:"create_masks"`
	Preprocessed bool   `json:"is_input_format_already_preprocessed"`
}

func (r TrainingRequest) input() fastTrainingInput {
	return fastTrainingInput{
		ImagesDataURL: r.DatasetURL, TriggerWord: r.TriggerWord, Steps: r.Steps,
		// Masks make the face weigh more than the background; a person is not a style.
		CreateMasks: true,
	}
}

type trainingOutput struct {
	Weights remoteFile `json:"diffusers_lora_file"`
	Config  remoteFile `json:"config_file"`
}

type remoteFile struct {
	URL  string `json:"url"`
	Size int64  `json:"file_size"`
}

// fluxLoRAInput is the whole input of GenerationEndpoint. Steps and guidance are the endpoint's defaults, sent so that
// a picture does not change when they do.
type fluxLoRAInput struct {
	Prompt        string    `json:"prompt"`
	LoRAs         []lora    `json:"loras,omitempty"`
	ImageSize     imageSize `json:"image_size"`
	Steps         int       `json:"num_inference_steps"`
	Guidance      float64   `json:"guidance_scale"`
	Images        int       `json:"num_images"`
	Seed          int64     `json:"seed"`
	SafetyChecker bool      `json:"enable_safety_checker"`
	Format        string    `json:"output_format"`
}

type lora struct {
	Path  string  `json:"path"`
	Scale float64 `json:"scale"`
}

type imageSize struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}

func (r GenerateRequest) input() fluxLoRAInput {
	in := fluxLoRAInput{
		Prompt: r.Prompt, ImageSize: imageSize{r.Width, r.Height}, Steps: 28, Guidance: 3.5,
		Images: max(r.Images, 1), Seed: r.Seed, SafetyChecker: true, Format: "jpeg",
	}
	if r.Width <= 0 || r.Height <= 0 {
		in.ImageSize = imageSize{1024, 1024}
	}
	if r.LoRAURL != "" {
		in.LoRAs = []lora{{r.LoRAURL, r.Scale}}
	}
	return in
}

type generationOutput struct {
	Images []struct {
		URL string `json:"url"`
	} `json:"images"`
	Seed int64  `json:"seed"`
	NSFW []bool `json:"has_nsfw_concepts"`
}

var requestIDPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)

// requestURL is the address of a job. It is built from the configured host, and not taken from the submit's reply, so
// that a job is found again by its id alone and the key goes to no other host. Only the first two segments of an
// endpoint id belong in it.
func (c *Client) requestURL(endpoint, requestID, suffix string) (string, error) {
	if !requestIDPattern.MatchString(requestID) {
		return "", fmt.Errorf("trainer: %d characters that are no request id", len(requestID))
	}
	parts := strings.SplitN(endpoint, "/", 3)
	return c.queue + "/" + parts[0] + "/" + parts[1] + "/requests/" + requestID + suffix, nil
}
