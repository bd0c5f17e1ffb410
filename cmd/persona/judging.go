package main

import (
	"fmt"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/inflio/persona/internal/embedding"
	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// judging reads the settings of judging photos as the worker does: the policy and the face model.
func judging() (persona.PhotoPolicy, photo.Describer, error) {
	policy, model := persona.DefaultPhotoPolicy(), embedding.Settings{}
	if err := env.Parse(&policy); err != nil {
		return policy, nil, &exitError{code: exitUsage, message: "persona: the PERSONA_PHOTO settings of the environment cannot be read."}
	}
	if err := env.Parse(&model); err != nil {
		return policy, nil, &exitError{code: exitUsage, message: "persona: PERSONA_FACE_MODEL_SAME is not a number such as 0.36."}
	}
	describer, err := model.Describer()
	if err != nil {
		said := strings.ReplaceAll(err.Error(), "\n", ".\npersona: ")
		return policy, nil, &exitError{code: exitUsage, message: fmt.Sprintf("persona: %s.", said)}
	}
	return policy, describer, nil
}
