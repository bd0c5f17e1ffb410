package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/inflio/persona/activities"
	"github.com/inflio/persona/internal/contract"
)

// policy is a named set of activity options. Every policy is made by define.
type policy struct {
	name     string
	options  workflow.ActivityOptions
	priority int    // one of contract's levels; 0 means contract.PriorityUser
	endless  string // why the activity is retried without a limit; "" for a policy with ScheduleToCloseTimeout
}

// defined holds every policy by name, for the test of their limits. Package variables fill it; nothing changes it later.
var defined = map[string]policy{}

func define(name string, p policy) policy {
	if p.priority == 0 {
		p.priority = contract.PriorityUser
	}
	p.name = name
	defined[name] = p
	return p
}

// heartbeatTimeout is five missed heartbeats.
const heartbeatTimeout = 5 * activities.HeartbeatEvery

const (
	// unpaidDeadline ends what has bought nothing yet: a weekend of outage. The training fails and can be asked for again.
	unpaidDeadline = 72 * time.Hour
	// paidDeadline ends what serves a training that was paid for. The provider keeps its files for seven days.
	paidDeadline = 6 * 24 * time.Hour
	// cleaningDeadline is when the provider has deleted its copies by itself.
	cleaningDeadline = 8 * 24 * time.Hour
	// trainingDeadline is how long a bought training may take: three times the longest that was seen at the provider.
	trainingDeadline = 5 * time.Hour
)

// retried backs off to one attempt a minute, so that an outage costs nothing but its time.
var retried = &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute}

// polled is for activities that answer "not yet" many times: those answers carry their own delay, and errors back off.
// The number of attempts is as good as unlimited; the SDK's test environment would take 0 for ten.
var polled = &temporal.RetryPolicy{
	InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute, MaximumAttempts: 1_000_000,
}

// onePhoto retries outages only. When the worker dies, hangs or panics on a photo, the workflow gets the failure and
// counts it, because the photo may be the cause.
var onePhoto = &temporal.RetryPolicy{
	InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute,
	NonRetryableErrorTypes: []string{"TemporalTimeout:StartToClose", "TemporalTimeout:Heartbeat", contract.Panicked},
}

var (
	// quickRecord is for reading or writing a few rows, which takes milliseconds.
	quickRecord = define("quickRecord", policy{options: workflow.ActivityOptions{
		TaskQueue: contract.MainQueue, StartToCloseTimeout: 15 * time.Second, ScheduleToCloseTimeout: paidDeadline,
		RetryPolicy: retried,
	}})
	// finalRecord is quickRecord for the end of a training.
	finalRecord = define("finalRecord", policy{
		endless: "a version whose end is not on record stays in training and cannot be trained again",
		options: workflow.ActivityOptions{
			TaskQueue: contract.MainQueue, StartToCloseTimeout: 15 * time.Second, RetryPolicy: retried,
		},
	})
	// photoFetch is for fetching one photo from an address.
	photoFetch = define("photoFetch", policy{options: workflow.ActivityOptions{
		TaskQueue: contract.FetchQueue, StartToCloseTimeout: 3 * time.Minute, ScheduleToCloseTimeout: unpaidDeadline,
		HeartbeatTimeout: heartbeatTimeout, RetryPolicy: onePhoto,
	}})
	// photoWork is for judging and preparing one photo; the slowest takes seconds.
	photoWork = define("photoWork", policy{options: workflow.ActivityOptions{
		TaskQueue: contract.PhotoQueue, StartToCloseTimeout: 3 * time.Minute, ScheduleToCloseTimeout: unpaidDeadline,
		HeartbeatTimeout: heartbeatTimeout, RetryPolicy: onePhoto,
	}})
	// photoSet is for examining all pictures of a set, one after the other.
	photoSet = define("photoSet", policy{options: workflow.ActivityOptions{
		TaskQueue: contract.PhotoQueue, StartToCloseTimeout: 15 * time.Minute, ScheduleToCloseTimeout: paidDeadline,
		HeartbeatTimeout: heartbeatTimeout, RetryPolicy: retried,
	}})
	// upload is for sending the training pictures to the provider. A cancelled run waits for its end, so that what was
	// sent is on record before it is removed.
	upload = define("upload", policy{options: workflow.ActivityOptions{
		TaskQueue: contract.ProviderQueue, StartToCloseTimeout: 10 * time.Minute, ScheduleToCloseTimeout: unpaidDeadline,
		HeartbeatTimeout: heartbeatTimeout, WaitForCancellation: true, RetryPolicy: retried,
	}})
	// purchase is for the call that costs money. It may be retried, because the activity sends at most once by itself. A
	// cancelled run waits for its end, so that the outcome is on record.
	purchase = define("purchase", policy{options: workflow.ActivityOptions{
		TaskQueue: contract.ProviderQueue, StartToCloseTimeout: 3 * time.Minute, ScheduleToCloseTimeout: unpaidDeadline,
		HeartbeatTimeout: heartbeatTimeout, WaitForCancellation: true, RetryPolicy: retried,
	}})
	// awaitProvider polls at the interval that the activity names; the server does the waiting. Its user sets what is
	// left of the deadline.
	awaitProvider = define("awaitProvider", policy{options: workflow.ActivityOptions{
		TaskQueue: contract.ProviderQueue, StartToCloseTimeout: time.Minute, ScheduleToCloseTimeout: trainingDeadline,
		HeartbeatTimeout: heartbeatTimeout, RetryPolicy: polled,
	}})
	// awaitNews is awaitProvider without a deadline.
	awaitNews = define("awaitNews", policy{
		endless: "an uncertain purchase ends by the webhook, by the provider's list or by a person; until then it may have been paid for",
		options: workflow.ActivityOptions{
			TaskQueue: contract.ProviderQueue, StartToCloseTimeout: time.Minute, HeartbeatTimeout: heartbeatTimeout,
			RetryPolicy: polled,
		},
	})
	// pictures is for generating test pictures, which takes minutes. Every request is on record before it is sent. A cancelled
	// run waits for its end, so that no picture is ordered after the provider was cleaned.
	pictures = define("pictures", policy{options: workflow.ActivityOptions{
		TaskQueue: contract.ProviderQueue, StartToCloseTimeout: 30 * time.Minute, ScheduleToCloseTimeout: paidDeadline,
		HeartbeatTimeout: heartbeatTimeout, WaitForCancellation: true, RetryPolicy: retried,
	}})
	// bigCopy is for copying the weights into our own bucket: up to a gigabyte.
	bigCopy = define("bigCopy", policy{options: workflow.ActivityOptions{
		TaskQueue: contract.ProviderQueue, StartToCloseTimeout: time.Hour, ScheduleToCloseTimeout: paidDeadline,
		HeartbeatTimeout: heartbeatTimeout, RetryPolicy: retried,
	}})
	// checkClaim is for checking a person's claim with the provider. The person waits for the answer and can ask again.
	checkClaim = define("checkClaim", policy{options: workflow.ActivityOptions{
		TaskQueue: contract.ProviderQueue, StartToCloseTimeout: 2 * time.Minute, ScheduleToCloseTimeout: 5 * time.Minute,
		HeartbeatTimeout: heartbeatTimeout,
		RetryPolicy:      &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumAttempts: 3},
	}})
	// compensation gives up the job of a training that ends early. Who cancelled waits for it, so it ends soon; what
	// the provider has not stopped by then is stopped by CleanJob.
	compensation = define("compensation", policy{options: workflow.ActivityOptions{
		TaskQueue: contract.ProviderQueue, StartToCloseTimeout: 2 * time.Minute, ScheduleToCloseTimeout: 5 * time.Minute,
		HeartbeatTimeout: heartbeatTimeout, RetryPolicy: retried,
	}})
	// cleaning stops what still runs at the provider and removes what it holds of a training that has ended. It is not
	// background work: a job that was given up costs until it is stopped.
	cleaning = define("cleaning", policy{options: workflow.ActivityOptions{
		TaskQueue: contract.ProviderQueue, StartToCloseTimeout: 2 * time.Minute, ScheduleToCloseTimeout: cleaningDeadline,
		HeartbeatTimeout: heartbeatTimeout, RetryPolicy: retried,
	}})
	// erasing is for the steps of an erasure; a step that is not finished names the delay of its next attempt.
	erasing = define("erasing", policy{
		endless: "an erasure that was promised must happen", priority: contract.PriorityErasure,
		options: workflow.ActivityOptions{
			TaskQueue: contract.MainQueue, StartToCloseTimeout: 2 * time.Minute, HeartbeatTimeout: heartbeatTimeout,
			RetryPolicy: retried,
		},
	})
	// erasingAtProvider is erasing for the steps that wait for the provider.
	erasingAtProvider = define("erasingAtProvider", policy{
		endless: "an erasure that was promised must happen", priority: contract.PriorityErasure,
		options: workflow.ActivityOptions{
			TaskQueue: contract.ProviderQueue, StartToCloseTimeout: 2 * time.Minute, HeartbeatTimeout: heartbeatTimeout,
			RetryPolicy: retried,
		},
	})
)
