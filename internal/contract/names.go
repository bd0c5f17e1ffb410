package contract

import "go.temporal.io/sdk/temporal"

// Task queues.
const (
	MainQueue  = "persona"        // workflows, records, provider calls
	PhotoQueue = "persona-photos" // CPU work on pictures; as many at a time as there are cores
)

// Workflow types: the names under which the functions of package workflows are registered.
const (
	TrainPersonaWorkflow = "TrainPersona"
	ErasePersonaWorkflow = "ErasePersona"
	EraseUserWorkflow    = "EraseUser"
)

// Signals and updates of TrainPersona.
const (
	TrainingChangedSignal = "TrainingChanged" // a webhook says that the provider has news; carries nothing
	CancelUpdate          = "Cancel"          // CancelAnswer when everything left behind has been settled
	SettleUpdate          = "Settle"          // SettleInput: a person decides about an uncertain purchase
)

// StageUncertain is the value of the Stage search attribute while it is unknown whether a training was bought.
const StageUncertain = "uncertain"

// Search attributes. Values are opaque ids, stage names and numbers.
var (
	PersonaIDKey      = temporal.NewSearchAttributeKeyKeyword("PersonaId")
	UserIDKey         = temporal.NewSearchAttributeKeyKeyword("UserId")
	StageKey          = temporal.NewSearchAttributeKeyKeyword("Stage")
	PersonaVersionKey = temporal.NewSearchAttributeKeyInt64("PersonaVersion")
)

// Error types of failed activities and workflows, as operators read them.
const (
	PhotosRejected   = "PhotosRejected"   // fewer good photos than a training needs
	ProviderRefused  = "ProviderRefused"  // the provider said no, nothing was bought
	ProviderFailed   = "ProviderFailed"   // the bought job failed at the provider
	SubmitUncertain  = "SubmitUncertain"  // unknown whether a job was bought
	TrainingRunning  = "TrainingRunning"  // benign: asked, not done yet
	TrainingDeadline = "TrainingDeadline" // the job took longer than allowed
	ValidationFailed = "ValidationFailed" // the model does not show the person well enough
	ModelDamaged     = "ModelDamaged"     // the weights are not what the provider announced
	RecordGone       = "RecordGone"       // the row is not there (any more)
	Superseded       = "Superseded"       // this version was already settled by another run
	Unavailable      = "Unavailable"      // something we depend on does not answer: tried again
	Impossible       = "Impossible"       // it cannot be done as things are; the code is in the details
	Fault            = "Fault"            // anything unforeseen, without its text: tried again
	NotErased        = "NotErased"        // something was still there when erasure looked: tried again
)
