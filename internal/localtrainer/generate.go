package localtrainer

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"time"

	"github.com/inflio/persona/internal/localtrainer/facemodel"
)

const (
	minImageSide  = 64
	maxImageSide  = 2048
	jpegQuality   = 95
	maxSeed       = 1 << 53 // exact in JavaScript
	maxLoRA       = 1 << 30 // bytes
	imageJPEG     = "image/jpeg"
	imagePNG      = "image/png"
	maxLoRAScale  = 4
	maxImageCount = 4
)

// sizes are fal's named image sizes, in pixels.
var sizes = map[string]image.Point{
	"square_hd": {X: 1024, Y: 1024}, "square": {X: 512, Y: 512},
	"portrait_4_3": {X: 768, Y: 1024}, "portrait_16_9": {X: 576, Y: 1024},
	"landscape_4_3": {X: 1024, Y: 768}, "landscape_16_9": {X: 1024, Y: 576},
}

type generateInput struct {
	prompt string
	loras  []loraInput
	size   image.Point
	images int
	seed   int64
	format string
	inline bool // answer with data URIs instead of file URLs
}

type loraInput struct {
	path  string
	scale float64
}

func readGenerateInput(input json.RawMessage) (generateInput, error) {
	f := readFields(input)
	f.required("prompt")
	in := generateInput{
		prompt: f.text("prompt", ""),
		size:   readSize(f),
		images: int(f.integer("num_images", 1, 1, maxImageCount)),
		seed:   f.integer("seed", rand.Int64N(1<<31), 0, maxSeed),
		format: f.oneOf("output_format", "jpeg", "jpeg", "png"),
		inline: f.flag("sync_mode", false),
	}
	f.list("loras", func(l *fields) {
		l.required("path")
		l.flag("force", false)
		in.loras = append(in.loras, loraInput{path: l.text("path", ""), scale: l.number("scale", 1, 0, maxLoRAScale)})
	})
	if len(in.loras) > 1 {
		// Refused, because the result would differ from what fal would do.
		f.wrong("loras", "feature_not_supported", "The local trainer applies one LoRA at a time", nil)
	}
	f.integer("num_inference_steps", 28, 1, 50)
	f.number("guidance_scale", 3.5, 0, 35)
	f.flag("enable_safety_checker", true)
	f.oneOf("acceleration", "none", "none", "regular")
	return in, f.err()
}

func readSize(f *fields) image.Point {
	const field = "image_size"
	var inner map[string]json.RawMessage
	if f.has(field) && json.Unmarshal(f.raw[field], &inner) == nil {
		size := newFields(inner, field)
		p := image.Pt(int(size.integer("width", 512, minImageSide, maxImageSide)),
			int(size.integer("height", 512, minImageSide, maxImageSide)))
		size.refuseUnknown()
		f.problems = append(f.problems, size.problems...)
		return p
	}
	name := f.oneOf(field, "landscape_4_3",
		"square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9")
	return sizes[name]
}

// generate is the endpoint fal-ai/flux-lora: it draws the person of a LoRA that was trained here, or a stranger.
func (s *Server) generate(ctx context.Context, j *job, raw json.RawMessage) (outcome, error) {
	in, err := readGenerateInput(raw)
	if err != nil {
		return outcome{}, err
	}
	o := facemodel.GenerateOptions{Prompt: in.prompt, Width: in.size.X, Height: in.size.Y}
	var weights []byte
	if len(in.loras) == 1 {
		o.Scale = in.loras[0].scale
		if weights, err = s.fetchWeights(ctx, in.loras[0].path); err != nil {
			return outcome{}, err
		}
	}
	begun := time.Now()
	images, nsfw := []map[string]any{}, []bool{}
	for i := range in.images {
		if ctx.Err() != nil {
			return outcome{}, context.Cause(ctx)
		}
		o.Seed = in.seed + int64(i)
		img, err := facemodel.Generate(weights, o)
		if errors.Is(err, facemodel.ErrWeights) {
			return outcome{}, invalid("value_error", "The LoRA could not be loaded", nil, "loras", 0, "path")
		}
		if err != nil {
			return outcome{}, err
		}
		address, contentType, err := s.putImage(j, img, in)
		if err != nil {
			return outcome{}, err
		}
		images = append(images, map[string]any{
			"url": address, "width": in.size.X, "height": in.size.Y, "content_type": contentType,
		})
		nsfw = append(nsfw, false)
	}
	pixels := float64(in.size.X) * float64(in.size.Y) * float64(in.images)
	return outcome{status: 200, units: pixels / 1e6, output: mustJSON(map[string]any{
		"images": images, "timings": map[string]float64{"inference": time.Since(begun).Seconds()}, "seed": in.seed,
		"has_nsfw_concepts": nsfw, "prompt": in.prompt,
	})}, nil
}

func (s *Server) fetchWeights(ctx context.Context, address string) ([]byte, error) {
	field := []any{"loras", 0, "path"}
	f, size, err := s.fetch(ctx, address, field...)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size == 0 || size > maxLoRA {
		return nil, invalid("file_too_large", "The LoRA is empty or too large", nil, field...)
	}
	return io.ReadAll(f)
}

// putImage encodes a picture and returns where it is: a file's URL, or the picture itself as a data URI.
func (s *Server) putImage(j *job, img image.Image, in generateInput) (address, contentType string, err error) {
	var data bytes.Buffer
	contentType, name := imageJPEG, "image.jpg"
	if in.format == "png" {
		contentType, name = imagePNG, "image.png"
		err = png.Encode(&data, img)
	} else {
		err = jpeg.Encode(&data, img, &jpeg.Options{Quality: jpegQuality})
	}
	if err != nil {
		return "", "", err
	}
	if in.inline {
		return "data:" + contentType + ";base64," + base64.StdEncoding.EncodeToString(data.Bytes()), contentType, nil
	}
	f, err := s.putOut(j, name, contentType, data.Bytes())
	return f.URL, contentType, err
}
