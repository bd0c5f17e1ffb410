package localtrainer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/inflio/persona/internal/localtrainer/facemodel"
)

const (
	rank    = 16 // of the face model
	reports = 50 // progress lines of one training
)

// trainInput is the part of the endpoint's input that this model uses.
type trainInput struct {
	archive string
	trigger string
	steps   int
}

// readTrainInput checks all fields of the endpoint, also those that this model does not use.
func readTrainInput(input json.RawMessage) (trainInput, error) {
	f := readFields(input)
	f.required("images_data_url")
	in := trainInput{
		archive: f.text("images_data_url", ""),
		trigger: f.text("trigger_word", ""),
		steps:   int(f.integer("steps", 1000, 1, 10_000)),
	}
	f.flag("is_style", false)
	f.flag("create_masks", true)
	f.flag("is_input_format_already_preprocessed", false)
	f.text("data_archive_format", "")
	return in, f.err()
}

// train is the endpoint fal-ai/flux-lora-fast-training: it fits the face model to an archive of captioned pictures.
func (s *Server) train(ctx context.Context, j *job, raw json.RawMessage) (outcome, error) {
	in, err := readTrainInput(raw)
	if err != nil {
		return outcome{}, err
	}
	s.tell(j, "Downloading the archive")
	archive, size, err := s.fetch(ctx, in.archive, "images_data_url")
	if err != nil {
		return outcome{}, err
	}
	defer archive.Close()
	pictures, err := readArchive(ctx, archive, size)
	if err != nil {
		return outcome{}, err
	}
	trigger := teach(pictures, in.trigger)
	s.tell(j, fmt.Sprintf("Training on %d images", len(pictures)))

	p := &pacer{ctx: ctx, begun: time.Now(), total: s.o.Pace, say: func(step, of int) {
		s.tell(j, fmt.Sprintf("Training step %d/%d", step, of))
	}}
	weights, err := facemodel.Train(ctx, pictures, trigger, facemodel.TrainOptions{
		Steps: in.steps, Rank: rank, Progress: p.progress,
	})
	if ctx.Err() != nil {
		return outcome{}, context.Cause(ctx)
	}
	if errors.Is(err, facemodel.ErrTooFewFaces) {
		return outcome{}, invalid("face_detection_error", "Too few faces could be used for training", nil, "images_data_url")
	}
	if err != nil {
		return outcome{}, err
	}
	config := mustJSON(map[string]any{
		"model": "local face model", "trigger_word": trigger, "steps": in.steps, "rank": rank, "images": len(pictures),
	})
	lora, err := s.putOut(j, "pytorch_lora_weights.safetensors", octets, weights)
	if err != nil {
		return outcome{}, err
	}
	described, err := s.putOut(j, "config.json", "application/json", config)
	if err != nil {
		return outcome{}, err
	}
	return outcome{status: 200, units: float64(in.steps) / 1000, output: mustJSON(map[string]any{
		"diffusers_lora_file": lora, "config_file": described, "debug_preprocessed_output": nil,
	})}, nil
}

// teach returns the trigger word of a training. Captions take precedence over the given word. If they have no word in
// common they are removed, and the model learns the person under no word at all, as fal's model would.
func teach(pictures []facemodel.Picture, given string) string {
	var captions []string
	for _, p := range pictures {
		if p.Caption != "" {
			captions = append(captions, p.Caption)
		}
	}
	if len(captions) == 0 {
		return given
	}
	trigger := triggerOf(captions, given)
	if trigger == "" {
		for i := range pictures {
			pictures[i].Caption = ""
		}
	}
	return trigger
}

// outFile is fal's description of a file in an output.
type outFile struct {
	URL         string `json:"url"`
	ContentType string `json:"content_type"`
	FileName    string `json:"file_name"`
	FileSize    int    `json:"file_size"`
}

// putOut stores a file that a job has made, with the job's id, by which it is found when the job is erased.
func (s *Server) putOut(j *job, name, contentType string, data []byte) (outFile, error) {
	m, err := s.files.create(fileMeta{Name: name, ContentType: contentType, Job: j.ID}, j.Lifecycle)
	if err != nil {
		return outFile{}, err
	}
	if err := s.files.write(m.Token, dataName, bytes.NewReader(data)); err != nil {
		return outFile{}, errors.Join(err, s.files.remove(m.Token))
	}
	return outFile{URL: baseMark + m.path(), ContentType: contentType, FileName: m.Name, FileSize: len(data)}, nil
}

// pacer stretches a training evenly to a given duration and reports its steps as a real training would.
type pacer struct {
	ctx   context.Context
	begun time.Time
	total time.Duration
	say   func(step, of int)
	last  int
}

func (p *pacer) progress(step, of int) {
	stride := max(1, of/reports)
	for p.last < step && p.ctx.Err() == nil {
		next := min(p.last-p.last%stride+stride, step)
		due := time.Duration(float64(p.total) * float64(next) / float64(of))
		if wait(p.ctx, due-time.Since(p.begun)) != nil {
			return // the context that ended the wait ends the training too
		}
		if p.last = next; next%stride == 0 || next == of {
			p.say(next, of)
		}
	}
}
