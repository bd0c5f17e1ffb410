package persona

import (
	"fmt"
	"slices"
)

// TrainingConfig is the guide's training configuration. A provider that has no switch for a value ignores it; its
// adapter says which ones it uses.
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

// Check returns nil, or an *Error with CodeConfigInvalid that names every field out of range. The ranges of steps and
// learning rate are the provider's.
func (c TrainingConfig) Check() error {
	var bad []string
	check := func(ok bool, field string) {
		if !ok {
			bad = append(bad, field)
		}
	}
	check(c.ModelBase == "flux-dev", "model_base")
	check(c.TrainingSteps >= 1 && c.TrainingSteps <= 10_000, "training_steps")
	check(c.LearningRate >= 1e-6 && c.LearningRate <= 1e-2, "learning_rate")
	check(c.BatchSize >= 1 && c.BatchSize <= 64, "batch_size")
	check(c.Rank >= 1 && c.Rank <= 128, "rank")
	check(c.Alpha >= 1 && c.Alpha <= 256, "alpha")
	check(c.Dropout >= 0 && c.Dropout < 1, "dropout")
	check(slices.Contains([]string{"adamw", "adamw8bit", "prodigy"}, c.Optimizer), "optimizer")
	check(slices.Contains([]string{"cosine", "constant", "linear"}, c.Scheduler), "scheduler")
	check(slices.Contains([]string{"fp16", "bf16", "no"}, c.MixedPrecision), "mixed_precision")
	if len(bad) == 0 {
		return nil
	}
	return &Error{
		Kind: Invalid, Code: CodeConfigInvalid, Fields: bad,
		Message: fmt.Sprintf("The training configuration has %d value(s) out of range.", len(bad)),
	}
}
