package trainer

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"github.com/inflio/persona/internal/persona"
)

// JobError is a job that the service accepted and that failed.
type JobError struct {
	Type      string // the service's type, "" when it gave none
	Message   string // one or two sentences for the person who waits
	Retryable bool   // the same input may succeed in another job, which costs again
	Status    int    // HTTP status of the result, 0 when the failure is known from the job's status only
	doubtful  bool   // has the form of a fault of the queue itself, which says nothing about the job
}

// Error returns the type and the message.
func (e *JobError) Error() string {
	return fmt.Sprintf("trainer: job failed (%s): %s", cmp.Or(e.Type, "no type"), e.Message)
}

// Unwrap returns the error for people and, for a result that the service no longer keeps, ErrGone.
func (e *JobError) Unwrap() []error {
	public := &persona.Error{Kind: persona.Refused, Code: persona.CodeProviderFailed, Message: e.Message}
	if e.Type == typeGone {
		return []error{public, ErrGone}
	}
	return []error{public}
}

// Cancelled reports whether the job ended because it was cancelled.
func (e *JobError) Cancelled() bool {
	return e.Type == "client_cancelled" || e.Type == "cancelled"
}

// jobErrors has a sentence for each type of error that the service documents, and whether another job may succeed.
// Types that are not listed are permanent, as the service's documentation asks.
var jobErrors = map[string]struct {
	message   string
	retryable bool
}{
	"file_download_error":                {"The training service could not fetch the photos.", true},
	"invalid_archive":                    {"The training service could not open the package of photos.", false},
	"archive_file_count_below_minimum":   {"The training service got fewer photos than it needs. Add more photos.", false},
	"archive_file_count_exceeds_maximum": {"The training service got more photos than it takes. Use fewer photos.", false},
	"image_load_error":                   {"The training service could not read one of the photos. Replace it by another.", false},
	"unsupported_image_format":           {"The training service does not take the format of one of the photos. Send JPEG or PNG.", false},
	"image_too_small":                    {"One of the photos is too small for the training service. Use a larger one.", false},
	"image_too_large":                    {"One of the photos is too large for the training service. Use a smaller one.", false},
	"file_too_large":                     {"The photos are too large for the training service. Use fewer or smaller ones.", false},
	"face_detection_error":               {"The training service found no face in the photos. Use photos that show the face large and from the front.", false},
	"content_policy_violation":           {"The training service's content rules do not allow this.", false},
	"no_media_generated":                 {"The training service made no picture.", true},
	"internal_server_error":              {"The training service had a fault of its own.", true},
	"generation_timeout":                 {"The training service took too long and gave up.", true},
	"downstream_service_error":           {"The training service had a fault of its own.", true},
	"downstream_service_unavailable":     {"The training service had a fault of its own.", true},
	"request_timeout":                    {"The training service took too long and gave up.", true},
	"startup_timeout":                    {"The training service could not start the job in time.", true},
	"runner_scheduling_failure":          {"The training service found no free machine.", true},
	"runner_connection_timeout":          {"The training service lost the machine that did the work.", true},
	"runner_disconnected":                {"The training service lost the machine that did the work.", true},
	"runner_connection_refused":          {"The training service lost the machine that did the work.", true},
	"runner_connection_error":            {"The training service lost the machine that did the work.", true},
	"runner_incomplete_response":         {"The training service lost the machine that did the work.", true},
	"runner_server_error":                {"The training service had a fault of its own.", true},
	"internal_error":                     {"The training service had a fault of its own.", true},
	"client_disconnected":                {"The training was stopped before it was done.", false},
	"client_cancelled":                   {"The training was cancelled.", false},
	"cancelled":                          {"The training was cancelled.", false},
	typeGone:                             {"The training ended, but the training service no longer keeps its result.", false},
	typeEmptyResult:                      {"The training ended without a usable result.", false},
}

// Types of our own, for failures that the service has no type for.
const (
	typeGone        = "result_gone"
	typeEmptyResult = "result_empty"
)

// newJobError makes the error for a type, with the limits that ctx contains in its message.
func newJobError(kind string, status int, ctx map[string]any) *JobError {
	e := &JobError{Type: kind, Status: status, Message: "The training service could not use the photos or the settings."}
	if known, ok := jobErrors[kind]; ok {
		e.Message, e.Retryable = known.message, known.retryable
	} else if status >= 500 {
		e.Message = "The training service had a fault of its own."
	}
	number := func(key string) (int, bool) {
		f, ok := ctx[key].(float64)
		return int(f), ok
	}
	if least, ok := number("min_count"); ok && kind == "archive_file_count_below_minimum" {
		e.Message = fmt.Sprintf("The training service needs at least %d photos. Add more photos.", least)
	}
	if most, ok := number("max_count"); ok && kind == "archive_file_count_exceeds_maximum" {
		e.Message = fmt.Sprintf("The training service takes at most %d photos. Use fewer photos.", most)
	}
	return e
}

// resultError classifies the answer to a request for a result. For a failed job the service answers with the model's
// own status and body: that is a *JobError. When the request itself failed it is a *CallError.
func resultError(r reply) error {
	a := parse(r)
	stillRunning := r.status == http.StatusAccepted ||
		r.status == http.StatusBadRequest && strings.Contains(a.sentence(), "in progress")
	list := a.details()
	switch {
	case stillRunning:
		return &CallError{Op: opResult, Status: r.status, Type: "still_running", public: unavailable(), cause: ErrStillRunning}
	case r.status >= 200 && r.status < 300:
		return nil
	case r.notFound:
		return newJobError(typeGone, r.status, nil)
	case isPermission(r.status), r.status == http.StatusTooManyRequests, r.status == http.StatusRequestTimeout, r.status < 400, isMissing(r.status) && len(list) == 0:
		return check(opResult, r)
	}
	kind := typeOf(r)
	if kind == "" && !a.fromService() {
		return check(opResult, r) // a gateway's page says nothing about the job
	}
	var ctx map[string]any
	if len(list) > 0 {
		ctx = list[0].Ctx
	}
	e := newJobError(kind, r.status, ctx)
	e.doubtful = r.status >= 500 && len(list) == 0
	if kind == "" && strings.Contains(a.sentence(), "cancel") {
		e = newJobError("cancelled", r.status, nil)
	}
	for _, name := range []string{"X-Fal-Retryable", "X-Fal-Needs-Retry"} {
		switch strings.ToLower(r.header.Get(name)) {
		case "1", "true", "yes":
			e.Retryable = true
		case "0", "false", "no":
			e.Retryable = false
		}
	}
	return e
}
