package contract

// TrainPersonaInput names the version to make. Everything else is read from the database by activities.
type TrainPersonaInput struct {
	UserID    string
	PersonaID string
	Version   int
}

// TrainPersonaResult is what became of it.
type TrainPersonaResult struct {
	Version    int
	PhotosUsed int
	Strength   float64 // the blend strength that worked best, 0.3 to 0.8
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
	Cancelled   bool // false: it was too late, the version had already been decided
	MayBeBilled bool // a job was, or may have been, bought and was not certainly stopped before it cost anything
}

// SettleInput is a person's decision about an uncertain purchase: the provider's request id, or the knowledge that
// nothing was bought. Exactly one must be given.
type SettleInput struct {
	RequestID     string
	NothingBought bool
}

// ErasePersonaInput names the erasure record, not the persona: so no history carries the id of what was erased.
type ErasePersonaInput struct {
	ErasureID string
}

// EraseUserInput names the erasure record of a whole user.
type EraseUserInput struct {
	ErasureID string
}

// EraseResult counts what was removed.
type EraseResult struct {
	Personas  int
	Blobs     int
	Rows      int
	Histories int
}
