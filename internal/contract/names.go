package contract

import "go.temporal.io/sdk/temporal"

// Task queues are split by what the work waits for, so that a slow host, a slow provider or a busy machine delays only
// the work that needs it.
const (
	MainQueue     = "persona"          // workflows; activities that read and write records
	ProviderQueue = "persona-provider" // calls of the provider
	FetchQueue    = "persona-fetch"    // photos that are fetched from addresses
	PhotoQueue    = "persona-photos"   // CPU work on pictures: as many at a time as there are cores
)

// Workflow types: the names under which the functions of package workflows are registered.
const (
	TrainPersonaWorkflow = "TrainPersona"
	ErasePersonaWorkflow = "ErasePersona"
	EraseUserWorkflow    = "EraseUser"
	CleanJobWorkflow     = "CleanJob"
)

// Signals and updates of TrainPersona.
const (
	TrainingChangedSignal = "TrainingChanged" // sent by the webhook; it has no payload
	CancelUpdate          = "Cancel"          // answers with CancelAnswer once the job is settled and the outcome recorded
	SettleUpdate          = "Settle"          // takes SettleInput
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

// Error types of failed activities and workflows, as operators read them. Package activities holds the table that
// assigns them, and says which of them are retried.
const (
	PhotosRejected   = "PhotosRejected"   // fewer good photos than a training needs
	ProviderRefused  = "ProviderRefused"  // the provider refused the request; nothing was bought
	ProviderDenied   = "ProviderDenied"   // the provider does not accept our key or account; operators must act
	ProviderFailed   = "ProviderFailed"   // the bought job failed at the provider
	ProviderLost     = "ProviderLost"     // the provider does not find what it had taken or made
	SubmitUncertain  = "SubmitUncertain"  // it is not known whether a job was bought
	TrainingRunning  = "TrainingRunning"  // benign: the training has not ended
	TrainingDeadline = "TrainingDeadline" // the training took longer than allowed
	SamplesMissing   = "SamplesMissing"   // too few test pictures were made to judge the model
	ValidationFailed = "ValidationFailed" // the model does not show the person well enough
	ModelDamaged     = "ModelDamaged"     // the weights are not a usable safetensors file
	RecordGone       = "RecordGone"       // the row does not exist
	Superseded       = "Superseded"       // the row is in another state than the activity expects
	Unavailable      = "Unavailable"      // a dependency does not answer
	Impossible       = "Impossible"       // not possible in the present state; the code is in the details
	InputInvalid     = "InputInvalid"     // the input of a workflow is malformed
	Panicked         = "Panicked"         // an activity panicked; its log holds the stack
	WorkerStopped    = "WorkerStopped"    // the worker stopped before the activity ended; another worker tries again
	Fault            = "Fault"            // anything else, without its text
	NotErased        = "NotErased"        // something is still left to erase
)
