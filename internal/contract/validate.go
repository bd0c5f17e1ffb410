package contract

import (
	"errors"

	"github.com/inflio/persona/internal/persona"
)

// id is a field of an input that must be an id as we make them.
type id struct{ field, value string }

// check returns an error that names every field which is not an id. It quotes no value.
func check(all ...id) error {
	var problems []error
	for _, one := range all {
		if !persona.IsID(one.value) {
			problems = append(problems, errors.New(one.field+" is not a UUID"))
		}
	}
	return errors.Join(problems...)
}

// Validate returns an error that names every malformed field.
func (in TrainPersonaInput) Validate() error {
	err := check(id{"UserID", in.UserID}, id{"PersonaID", in.PersonaID})
	if in.Version < 1 {
		err = errors.Join(err, errors.New("the field Version is not positive"))
	}
	return err
}

// Validate returns an error that names every malformed field.
func (in CleanJobInput) Validate() error {
	return check(id{"UserID", in.UserID}, id{"PersonaID", in.PersonaID}, id{"JobID", in.JobID})
}

// Validate returns an error when the erasure's id is malformed.
func (in ErasePersonaInput) Validate() error { return check(id{"ErasureID", in.ErasureID}) }

// Validate returns an error when the erasure's id is malformed.
func (in EraseUserInput) Validate() error { return check(id{"ErasureID", in.ErasureID}) }
