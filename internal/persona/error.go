package persona

import "errors"

// Kind classifies an error: it decides the HTTP status and whether a worker retries.
type Kind int

// The kinds of error.
const (
	Internal    Kind = iota // a fault of ours: retried, never shown in detail
	Invalid                 // the request or the photos cannot be used as they are
	NotFound                // there is no such thing, or it is somebody else's
	Conflict                // it cannot be done in the present state
	Refused                 // the provider refused the request; asking again has the same result
	Unavailable             // something we depend on does not answer: retried
)

// Code is a stable, machine-readable name of what went wrong. Codes are part of the API and are never renamed.
type Code string

// Codes of requests that are refused.
const (
	CodeConsentMissing   Code = "consent_missing"
	CodeConsentInvalid   Code = "consent_invalid"
	CodeNameInvalid      Code = "name_invalid"
	CodeConfigInvalid    Code = "config_invalid"
	CodeTierInvalid      Code = "tier_invalid"
	CodePrimaryInvalid   Code = "primary_invalid"
	CodeTooFewPhotos     Code = "too_few_photos"
	CodeTooManyPhotos    Code = "too_many_photos"
	CodePhotosUnusable   Code = "photos_unusable"
	CodeNotFound         Code = "not_found"
	CodeNotTraining      Code = "not_training"
	CodeBeingErased      Code = "being_erased"
	CodeKeyReused        Code = "idempotency_key_reused"
	CodeClaimRejected    Code = "claim_rejected"
	CodeUnavailable      Code = "unavailable"
	CodeInternal         Code = "internal"
	CodeUnauthorized     Code = "unauthorized"
	CodeMalformed        Code = "malformed_request"
	CodeTooLarge         Code = "too_large"
	CodeUnsupportedMedia Code = "unsupported_media_type"
	CodeURLInvalid       Code = "photo_url_invalid"
	CodeTimeout          Code = "timeout"
	CodeTooManyTrainings Code = "too_many_trainings"
	CodeTooManyRequests  Code = "too_many_requests"
)

// Codes of trainings that failed; they appear in the status of a persona.
const (
	CodePhotosRejected   Code = "photos_rejected"
	CodeProviderRefused  Code = "provider_refused"
	CodeProviderFailed   Code = "provider_failed"
	CodeDeadline         Code = "training_deadline"
	CodeValidationFailed Code = "validation_failed"
	CodeModelDamaged     Code = "model_damaged"
	CodeCancelled        Code = "cancelled"
	CodeTrainingFailed   Code = "training_failed"
)

// FailureAdvice explains a code of a failed training: what it means and what to do.
type FailureAdvice struct {
	Code      Code
	Means, Do string
}

// FailureCodes lists every code that the status of a failed training can have.
func FailureCodes() []FailureAdvice {
	return []FailureAdvice{
		{CodePhotosRejected, "Too few of the photos are good enough.", "Replace the listed photos; each finding says how. Nothing was bought."},
		{CodeProviderRefused, "The training service did not take the training.", "Read the message; train again when its reason is gone."},
		{CodeProviderFailed, "The training service could not finish the training.", "Read the message; train again, with other photos if it names them."},
		{CodeDeadline, "The training took far longer than it may.", "Train again later."},
		{CodeValidationFailed, "The finished model did not pass its checks, so it is not used.", "Add better and more varied photos, and train again; the hints of the persona say more."},
		{CodeModelDamaged, "The model that the training service sent cannot be used.", "Train again."},
		{CodeCancelled, "The training was cancelled.", "Train again when it is wanted."},
		{CodeTrainingFailed, "The training could not be finished because of a fault on our side.", "Train again; if it stays so, tell us the id of the persona."},
	}
}

// Error is the only error type that users and clients see. Message is a full sentence without private data. Fields names
// request fields, Photos lists the problems of each photo.
type Error struct {
	Kind    Kind
	Code    Code
	Message string
	Fields  []string
	Photos  []PhotoProblem
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// CodeOf returns the code of the *Error in err's chain, or CodeInternal.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// PhotoProblem lists the findings of one photo.
type PhotoProblem struct {
	Index    int       `json:"index" doc:"Position of the photo in the request, from 0."`
	Photo    string    `json:"photo_id,omitempty" doc:"Id of the photo, once it is stored."`
	Findings []Finding `json:"findings"`
}
