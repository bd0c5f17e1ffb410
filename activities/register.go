package activities

import "go.temporal.io/sdk/worker"

// All is one of each struct of activities.
type All struct {
	Records  *Records
	Photos   *Photos
	Training *Training
	Models   *Models
	Samples  *Samples
	Erasure  *Erasure
}

// Register puts every activity on a worker or a test environment, under the bare name of its method.
func (a All) Register(r worker.ActivityRegistry) {
	for _, set := range []any{a.Records, a.Photos, a.Training, a.Models, a.Samples, a.Erasure} {
		r.RegisterActivity(set)
	}
}
