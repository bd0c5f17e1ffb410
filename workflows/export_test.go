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

// Change is what a test may know of a change.
type Change struct{ ID, Workflow, Since, Until string }

// Changes returns every change that is in the code.
func Changes() []Change {
	var all []Change
	for _, c := range changes {
		all = append(all, Change{c.id, c.workflow, c.since, c.until})
	}
	return all
}

// Applies is the switch of a change.
func Applies(ctx workflow.Context, id string) bool { return change{id: id}.applies(ctx) }
