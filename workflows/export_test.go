package workflows

import "go.temporal.io/sdk/workflow"

// Policy is what a test may know of a policy.
type Policy struct {
	Options  workflow.ActivityOptions
	Priority int
	Endless  string
}

// Policies returns every policy by name.
func Policies() map[string]Policy {
	all := map[string]Policy{}
	for name, p := range defined {
		all[name] = Policy{Options: p.options, Priority: p.priority, Endless: p.endless}
	}
	return all
}
