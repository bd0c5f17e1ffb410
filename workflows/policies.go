package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
)

// policy is a named set of activity options.
type policy struct {
	options workflow.ActivityOptions
}

// lost is how long nothing may be heard of an activity before its worker is taken for dead and another takes over:
// five missed beats.
const lost = 5 * activities.PulseEvery

// patient is the retry policy of everything that must happen in the end: it never gives up, so that a database or a
// provider that is away for a day costs nothing but the day, and operators see the attempts.
var patient = &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute}

// asking is the retry policy of questions that are answered "not yet" many times; the activity names the pace. The
// number is without limit in all but name: 0, which means the same to the server, means ten to the test environment.
var asking = &temporal.RetryPolicy{
	InitialInterval: time.Second, BackoffCoefficient: 1, MaximumInterval: time.Minute, MaximumAttempts: 1_000_000,
}

var (
	// quickRecord is for a few rows: over in milliseconds, repeated until the database answers.
	quickRecord = policy{workflow.ActivityOptions{StartToCloseTimeout: 15 * time.Second, RetryPolicy: patient}}

	// photoWork is for one picture on the queue whose size is the number of cores; the worst photo takes seconds.
	photoWork = policy{workflow.ActivityOptions{
		TaskQueue: contract.PhotoQueue, StartToCloseTimeout: 3 * time.Minute, HeartbeatTimeout: lost,
		RetryPolicy: patient,
	}}

	// photoSet is for looking at all the pictures of a set, one after the other.
	photoSet = policy{workflow.ActivityOptions{
		TaskQueue: contract.PhotoQueue, StartToCloseTimeout: 15 * time.Minute, HeartbeatTimeout: lost,
		RetryPolicy: patient,
	}}

	// hostCall is for one exchange with a photo's host.
	hostCall = policy{workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Minute, HeartbeatTimeout: lost, RetryPolicy: patient,
	}}

	// upload is for handing pictures to the provider; a run that is cancelled waits for its end, so that what was
	// handed out is on record before it is taken back.
	upload = policy{workflow.ActivityOptions{
		StartToCloseTimeout: 10 * time.Minute, HeartbeatTimeout: lost, WaitForCancellation: true, RetryPolicy: patient,
	}}

	// purchase is for the one call that costs money. It may be retried, for it sends at most once by itself; a run
	// that is cancelled waits for its outcome, so that nothing bought is ever forgotten.
	purchase = policy{workflow.ActivityOptions{
		StartToCloseTimeout: 2 * time.Minute, HeartbeatTimeout: lost, WaitForCancellation: true, RetryPolicy: patient,
	}}

	// awaitProvider asks again and again at the pace the activity names; the server does the waiting.
	awaitProvider = policy{workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute, ScheduleToCloseTimeout: trainingDeadline, HeartbeatTimeout: lost,
		RetryPolicy: asking,
	}}

	// awaitNews is awaitProvider without a deadline: for what only news or a person can end.
	awaitNews = policy{workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute, HeartbeatTimeout: lost, RetryPolicy: asking,
	}}

	// pictures is for generating test pictures: minutes; its heartbeat says what was already ordered.
	pictures = policy{workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Minute, HeartbeatTimeout: lost, RetryPolicy: patient,
	}}

	// bigCopy is for bringing the weights home: up to a gigabyte.
	bigCopy = policy{workflow.ActivityOptions{
		StartToCloseTimeout: time.Hour, HeartbeatTimeout: lost, RetryPolicy: patient,
	}}

	// erasing must end in the end, whatever is away; what is not gone yet is asked for again at the activity's pace.
	erasing = policy{workflow.ActivityOptions{
		StartToCloseTimeout: 2 * time.Minute, HeartbeatTimeout: lost, RetryPolicy: patient,
	}}

	// compensation settles what is left behind when a training ends early.
	compensation = policy{workflow.ActivityOptions{
		StartToCloseTimeout: 2 * time.Minute, HeartbeatTimeout: lost, RetryPolicy: patient,
	}}
)

// trainingDeadline is how long a bought training may take: three times the longest that was seen at the provider.
const trainingDeadline = 5 * time.Hour
