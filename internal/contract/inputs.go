package contract

// TrainPersonaInput names the version to make. Activities read everything else from the database.
type TrainPersonaInput struct {
	UserID    string // a UUID
	PersonaID string // a UUID
	Version   int    // from 1
}

// TrainPersonaResult describes the version that was made.
type TrainPersonaResult struct {
	Version    int
	PhotosUsed int
	Strength   float64 // the blend strength that scored best, 0.3 to 0.8
	Checks     Checks
}

// Checks are the three validation scores, each a share of 0 to 1.
type Checks struct {
	FaceConsistency      float64
	QualityScore         float64
	TriggerEffectiveness float64
}

// CancelAnswer tells what a cancellation achieved.
type CancelAnswer struct {
	Cancelled   bool // false: the outcome of the version had already been decided
	MayBeBilled bool // a job was bought, or may have been, and it is not certain that it was stopped before it cost anything
}

// SettleInput is a person's decision about an uncertain purchase: the provider's request id, or the statement that
// nothing was bought. Exactly one must be given.
type SettleInput struct {
	RequestID     string
	NothingBought bool
}

// CleanJobInput names a training job that was found at the provider after it had been given up.
type CleanJobInput struct {
	UserID    string // a UUID
	PersonaID string // a UUID
	JobID     string // a UUID
}

// ErasePersonaInput names the erasure record, not the persona: no history of an erasure holds the id of what was erased.
type ErasePersonaInput struct {
	ErasureID string // a UUID
}

// EraseUserInput names the erasure record of a whole user.
type EraseUserInput struct {
	ErasureID string // a UUID
}

// EraseResult counts what was removed.
type EraseResult struct {
	Personas  int
	Blobs     int
	Rows      int
	Histories int
}
