package contract

import (
	"errors"

	"github.com/inflio/persona/internal/persona"
)

// ids returns an error that names every field which is not an id as we make them. It quotes no value.
func ids(fields ...string) error {
	var problems []error
	for i := 0; i < len(fields); i += 2 {
		if !persona.IsID(fields[i+1]) {
			problems = append(problems, errors.New(fields[i]+" is not a UUID"))
		}
	}
	return errors.Join(problems...)
}

// Validate returns an error that names every malformed field.
func (in TrainPersonaInput) Validate() error {
	err := ids("UserID", in.UserID, "PersonaID", in.PersonaID)
	if in.Version < 1 {
		err = errors.Join(err, errors.New("Version is not positive"))
	}
	return err
}

// Validate returns an error that names every malformed field.
func (in CleanJobInput) Validate() error {
	return ids("UserID", in.UserID, "PersonaID", in.PersonaID, "JobID", in.JobID)
}

// Validate returns an error when the erasure's id is malformed.
func (in ErasePersonaInput) Validate() error { return ids("ErasureID", in.ErasureID) }

// Validate returns an error when the erasure's id is malformed.
func (in EraseUserInput) Validate() error { return ids("ErasureID", in.ErasureID) }
