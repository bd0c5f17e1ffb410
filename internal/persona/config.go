package persona

import (
	"slices"
	"strconv"
	"strings"
)

// TrainingConfig is the guide's training configuration. A provider uses the values that its endpoint accepts; its adapter
// lists them.
type TrainingConfig struct {
	ModelBase             string  `json:"model_base"`
	TrainingSteps         int     `json:"training_steps"`
	LearningRate          float64 `json:"learning_rate"`
	BatchSize             int     `json:"batch_size"`
	Rank                  int     `json:"rank"`
	Alpha                 int     `json:"alpha"`
	Dropout               float64 `json:"dropout"`
	Optimizer             string  `json:"optimizer"`
	Scheduler             string  `json:"scheduler"`
	MixedPrecision        string  `json:"mixed_precision"`
	GradientCheckpointing bool    `json:"gradient_checkpointing"`
}

// DefaultTrainingConfig returns the guide's values.
func DefaultTrainingConfig() TrainingConfig {
	return TrainingConfig{
		ModelBase: "flux-dev", TrainingSteps: 1000, LearningRate: 1e-4, BatchSize: 4, Rank: 16, Alpha: 16, Dropout: 0.1,
		Optimizer: "adamw", Scheduler: "cosine", MixedPrecision: "fp16", GradientCheckpointing: true,
	}
}

// ConfigLimit is what one field of a TrainingConfig may be: one of Choices, or, where there are none, a number from Min
// to Max.
type ConfigLimit struct {
	Field     string // its name in JSON
	Choices   []string
	Min, Max  float64
	Exclusive bool // Max itself is too much
}

// configLimits is the one table of ranges. Those of steps and learning rate are the provider's.
var configLimits = []ConfigLimit{
	{Field: "model_base", Choices: []string{"flux-dev"}},
	{Field: "training_steps", Min: 1, Max: 10_000},
	{Field: "learning_rate", Min: 1e-6, Max: 1e-2},
	{Field: "batch_size", Min: 1, Max: 64},
	{Field: "rank", Min: 1, Max: 128},
	{Field: "alpha", Min: 1, Max: 256},
	{Field: "dropout", Min: 0, Max: 1, Exclusive: true},
	{Field: "optimizer", Choices: []string{"adamw", "adamw8bit", "prodigy"}},
	{Field: "scheduler", Choices: []string{"cosine", "constant", "linear"}},
	{Field: "mixed_precision", Choices: []string{"fp16", "bf16", "no"}},
}

// ConfigLimits lists what the fields of a TrainingConfig may be, except those for which anything of their type will do.
func ConfigLimits() []ConfigLimit { return slices.Clone(configLimits) }

// String returns the limit as the end of a sentence that begins with the name of the field.
func (l ConfigLimit) String() string {
	switch last := len(l.Choices) - 1; {
	case last == 0:
		return "must be " + l.Choices[0]
	case last > 0:
		return "must be " + strings.Join(l.Choices[:last], ", ") + " or " + l.Choices[last]
	case l.Exclusive:
		return "must be at least " + plain(l.Min) + " and below " + plain(l.Max)
	default:
		return "must lie between " + plain(l.Min) + " and " + plain(l.Max)
	}
}

func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// number reports whether x is in the range.
func (l ConfigLimit) number(x float64) bool {
	return x >= l.Min && (x < l.Max || x == l.Max && !l.Exclusive)
}

// Check returns nil, or an *Error with CodeConfigInvalid that names every field out of range and what it must be.
func (c TrainingConfig) Check() error {
	texts := map[string]string{
		"model_base": c.ModelBase, "optimizer": c.Optimizer, "scheduler": c.Scheduler, "mixed_precision": c.MixedPrecision,
	}
	numbers := map[string]float64{
		"training_steps": float64(c.TrainingSteps), "learning_rate": c.LearningRate, "batch_size": float64(c.BatchSize),
		"rank": float64(c.Rank), "alpha": float64(c.Alpha), "dropout": c.Dropout,
	}
	var fields, reasons []string
	for _, l := range configLimits {
		ok := l.number(numbers[l.Field])
		if l.Choices != nil {
			ok = slices.Contains(l.Choices, texts[l.Field])
		}
		if !ok {
			fields, reasons = append(fields, l.Field), append(reasons, l.Field+" "+l.String())
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return &Error{
		Kind: Invalid, Code: CodeConfigInvalid, Fields: fields,
		Message: "The training configuration is out of range: " + strings.Join(reasons, "; ") + ".",
	}
}
