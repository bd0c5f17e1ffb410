package audit

// Action names what was done. Append refuses an action that is not in the list below, and a test in internal/house checks that no
// other package writes one as text.
type Action string

// The actions. They are stored for ever, so they are never renamed.
const (
	ConsentSigned  Action = "consent.signed"
	ConsentExpired Action = "consent.expired" // an erasure was requested because the time limit of a consent has passed

	PersonaCreated          Action = "persona.created"
	PersonaErasureRequested Action = "persona.erasure_requested"
	PersonaErased           Action = "persona.erased"
	UserErasureRequested    Action = "user.erasure_requested"
	UserErased              Action = "user.erased"
	KeyDestroyed            Action = "key.destroyed" // the data key of a persona

	TrainingSubmitted Action = "training.submitted" // a purchase was begun
	TrainingSettled   Action = "training.settled"   // an operator's claim about an uncertain purchase was recorded
	VersionActivated  Action = "version.activated"
	VersionFailed     Action = "version.failed"
	VersionCancelled  Action = "version.cancelled"

	PhotoRead  Action = "photo.read"  // a photo, or a picture that was prepared from it
	SampleRead Action = "sample.read" // a test picture
	ModelRead  Action = "model.read"  // the weights of a version
	DataRead   Action = "data.read"   // any other blob
)

// Actions returns every action in the order of this file.
func Actions() []Action {
	return []Action{
		ConsentSigned, ConsentExpired,
		PersonaCreated, PersonaErasureRequested, PersonaErased, UserErasureRequested, UserErased, KeyDestroyed,
		TrainingSubmitted, TrainingSettled, VersionActivated, VersionFailed, VersionCancelled,
		PhotoRead, SampleRead, ModelRead, DataRead,
	}
}
