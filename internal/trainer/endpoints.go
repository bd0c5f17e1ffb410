package trainer

import (
	"regexp"
	"strings"
)

// The endpoints in use. Similar endpoints have different field names (trigger_word and trigger_phrase, images_data_url
// and image_data_url), so an endpoint id is never changed without its input type.
const (
	TrainingEndpoint   = "fal-ai/flux-lora-fast-training"
	GenerationEndpoint = "fal-ai/flux-lora"
)

// fastTrainingInput is the whole input of TrainingEndpoint. It has no switch for learning rate, rank, alpha, dropout,
// optimizer, scheduler, batch size or precision, so those of a persona.TrainingConfig are not sent.
type fastTrainingInput struct {
	ImagesDataURL string `json:"images_data_url"`
	// The endpoint ignores the trigger word when the archive has captions, which must then contain it. It is needed for
	// archives without captions.
	TriggerWord  string `json:"trigger_word,omitempty"`
	Steps        int    `json:"steps"`
	IsStyle      bool   `json:"is_style"`
	CreateMasks  bool   `json:"create_masks"`
	Preprocessed bool   `json:"is_input_format_already_preprocessed"`
}

func (r TrainingRequest) input() fastTrainingInput {
	return fastTrainingInput{
		ImagesDataURL: r.DatasetURL, TriggerWord: r.TriggerWord, Steps: r.Steps,
		// Masks give the face more weight than the background. IsStyle stays false: a person is not a style.
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

// fluxLoRAInput is the whole input of GenerationEndpoint. Steps and guidance have the endpoint's default values. They
// are sent so that pictures do not change when the defaults do.
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

// IsRequestID reports whether s has the form of a request id: 1 to 128 letters, digits, underscores and hyphens, the
// first a letter or digit. Whether the provider knows the id is another question: see ErrUnknownRequest.
func IsRequestID(s string) bool { return requestIDPattern.MatchString(s) }

// requestURL returns the address of a job. It is built from the configured host, and not taken from the reply to the
// submit, so that the id alone is enough to find a job and the key is sent to no other host. Only the first two
// segments of an endpoint id are part of it.
func (c *Client) requestURL(op, endpoint, requestID, suffix string) (string, error) {
	if !IsRequestID(requestID) {
		return "", badRequestID(op)
	}
	owner, rest, _ := strings.Cut(endpoint, "/")
	app, _, _ := strings.Cut(rest, "/")
	return c.queue + "/" + owner + "/" + app + "/requests/" + requestID + suffix, nil
}
