package persona

// Status is where a persona is in its life. The database checks the same list.
type Status string

// The states of a persona, in order: pending, training, validating, then ready or failed; erasing until its row is deleted.
const (
	StatusPending    Status = "pending"
	StatusTraining   Status = "training"
	StatusValidating Status = "validating"
	StatusReady      Status = "ready"
	StatusFailed     Status = "failed"
	StatusErasing    Status = "erasing"
)

// Stage is the finer step inside a training, for progress bars and for operators.
type Stage string

// The stages in the order in which a training passes them. StageDone stands after the last one.
const (
	StageCollecting    Stage = "collecting"
	StagePreprocessing Stage = "preprocessing"
	StageUploading     Stage = "uploading"
	StageQueued        Stage = "queued"
	StageTraining      Stage = "training"
	StageValidating    Stage = "validating"
	StageDeploying     Stage = "deploying"
	StageDone          Stage = "done"
)

// stageSpans gives each stage its part of the progress bar, in percent. Training gets the most because it takes the
// most: about two thirds of the guide's 15 to 35 minutes.
var stageSpans = map[Stage][2]int{
	StageCollecting:    {0, 5},
	StagePreprocessing: {5, 15},
	StageUploading:     {15, 18},
	StageQueued:        {18, 20},
	StageTraining:      {20, 80},
	StageValidating:    {80, 95},
	StageDeploying:     {95, 99},
	StageDone:          {100, 100},
}

// Progress is the overall progress in percent (0 to 100) when the share done (0 to 1, clamped) of stage is reached.
// An unknown stage is 0. Within one training it never falls as long as stages are passed in order.
func Progress(stage Stage, done float64) int {
	span, ok := stageSpans[stage]
	if !ok {
		return 0
	}
	done = min(max(done, 0), 1)
	return span[0] + int(done*float64(span[1]-span[0]))
}

// Status is the persona status that the stage belongs to while its first version is made.
func (s Stage) Status() Status {
	switch s {
	case StageCollecting:
		return StatusPending
	case StageValidating, StageDeploying:
		return StatusValidating
	case StageDone:
		return StatusReady
	case StagePreprocessing, StageUploading, StageQueued, StageTraining:
		return StatusTraining
	default:
		return StatusPending
	}
}

// VersionStatus is the state of one trained version of a persona.
type VersionStatus string

// A version is training until it becomes active, superseded by a later one, or failed or cancelled.
const (
	VersionTraining   VersionStatus = "training"
	VersionActive     VersionStatus = "active"
	VersionSuperseded VersionStatus = "superseded"
	VersionFailed     VersionStatus = "failed"
	VersionCancelled  VersionStatus = "cancelled"
)
