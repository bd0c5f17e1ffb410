package workflows

import "go.temporal.io/sdk/workflow"

// change is a change of a workflow's commands that runs of an older release must not see. A run that began before the
// change replays without it:
//
//	if retrainCheck.applies(ctx) {
//		…the new commands…
//	}
//
// Every change needs two recorded histories in testdata/histories, one with its marker and one from before it. It may go,
// with the old branch, when the last run that began before it has ended and was deleted.
type change struct {
	id       string // never used again
	workflow string // the workflow's registered name
	since    string // date of the release that brought it, YYYY-MM-DD
	until    string // date from which it may go: since, the longest run and the retention of histories
}

// changes lists every change that is still in the code. There is none.
var changes []change

// applies reports whether the run began with the change, and records that in its history. Call it at the place of the
// change and nowhere else.
func (c change) applies(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, c.id, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}
