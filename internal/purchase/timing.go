package purchase

import "time"

// Timing bounds how long a purchase waits for the provider.
type Timing struct {
	Poll   time.Duration // between two questions about a running job
	Submit time.Duration // for the provider's answer to a submit; after it the outcome is unknown
	// AbsenceProof is the time after a lost reply from which on the provider's list proves that a job does not exist. It
	// must exceed Submit, and the longest training, because the list may show jobs only after they have ended.
	AbsenceProof time.Duration
	// Cancel is the time from the request of an erasure until the persona's training is terminated. It must exceed
	// Submit and RecordWithin, so that a submit on its way can record its outcome.
	Cancel      time.Duration
	DatasetLife time.Duration // after which the provider deletes the uploaded pictures by itself
}

// RecordWithin is how long the outcome of a submit is tried to be written while the database does not answer. After it
// the outcome is kept in the activity's heartbeat, for its next attempt.
const RecordWithin = 45 * time.Second

// MaxSubmit is the largest Timing.Submit. With RecordWithin it fits into the three minutes that package workflows gives
// one attempt of a purchase.
const MaxSubmit = time.Minute

// DefaultTiming fits the real provider: trainings of 2 to 90 minutes.
func DefaultTiming() Timing {
	return Timing{
		Poll: 15 * time.Second, Submit: 45 * time.Second, AbsenceProof: 6 * time.Hour,
		Cancel: 2 * time.Minute, DatasetLife: 24 * time.Hour,
	}
}

// pictureAbsence is AbsenceProof for a picture, which takes half a minute at most and not hours.
func (t Timing) pictureAbsence() time.Duration { return min(t.AbsenceProof, 90*time.Second) }
