package contract

import "go.temporal.io/sdk/temporal"

// Priority levels of tasks that wait in a queue: a task of a lower level is dispatched first.
const (
	PriorityErasure    = 1 // erasures never wait for trainings
	PriorityUser       = 3 // what a person waits for; the server's default
	PriorityBackground = 5 // what nobody waits for
)

// Keyed is implemented by every input that crosses the wire.
type Keyed interface {
	// FairnessKey returns on whose behalf the work is done, at most 64 bytes. Tasks of one level are dispatched in
	// turn, one key after the other, so that a user with many tasks does not delay a user with few.
	FairnessKey() string
}

// PriorityOf returns the priority of a task for in.
func PriorityOf(level int, in Keyed) temporal.Priority {
	return temporal.Priority{PriorityKey: level, FairnessKey: in.FairnessKey()}
}

// FairnessKey is the user's id.
func (in TrainPersonaInput) FairnessKey() string { return in.UserID }

// FairnessKey is the user's id.
func (in CleanJobInput) FairnessKey() string { return in.UserID }

// FairnessKey is the erasure's id: the input of an erasure does not name the user.
func (in ErasePersonaInput) FairnessKey() string { return in.ErasureID }

// FairnessKey is the erasure's id: the input of an erasure does not name the user.
func (in EraseUserInput) FairnessKey() string { return in.ErasureID }
