package api

import (
	"net/http"

	"github.com/inflio/persona/internal/persona"
)

// description is what all errors of a code have in common: status, title, and what to do.
type description struct {
	code   persona.Code
	status int
	title  string
	advice string
}

// descriptions is the table of all codes of answers. The documentation page shows it.
var descriptions = []description{
	{persona.CodeUnauthorized, http.StatusUnauthorized, "A valid token is needed", "Send Authorization: Bearer with a token that has not expired."},
	{persona.CodeMalformed, http.StatusBadRequest, "The request cannot be read", "Compare the request with this page."},
	{persona.CodeNotFound, http.StatusNotFound, "Not found", "Check the id: it does not exist, or it is not yours."},
	{codeMethod, http.StatusMethodNotAllowed, "The address does not support this method", "Compare the method with this page."},
	{persona.CodeTimeout, http.StatusRequestTimeout, "The request arrived too slowly", "Send it again over a better connection."},
	{persona.CodeTooLarge, http.StatusRequestEntityTooLarge, "The request is too large", "Send less at once."},
	{persona.CodeUnsupportedMedia, http.StatusUnsupportedMediaType, "The media type is not supported", "Send multipart/form-data or application/json."},
	{persona.CodeNameInvalid, http.StatusUnprocessableEntity, "The name cannot be used", "Use 1 to 100 characters."},
	{persona.CodeConsentMissing, http.StatusUnprocessableEntity, "The consent is incomplete", "Ask the person; every listed item must be true."},
	{persona.CodeConsentInvalid, http.StatusUnprocessableEntity, "The consent cannot be used", "Correct the listed fields."},
	{persona.CodeConfigInvalid, http.StatusUnprocessableEntity, "The training configuration cannot be used", "Correct the listed fields, or leave config out."},
	{persona.CodeTierInvalid, http.StatusUnprocessableEntity, "The tier does not fit", "Send more photos, choose a lower tier, or leave tier out."},
	{persona.CodePrimaryInvalid, http.StatusUnprocessableEntity, "The primary photo does not exist", "Send the position of one of the photos, counted from 0."},
	{persona.CodeTooFewPhotos, http.StatusUnprocessableEntity, "There are too few photos", "Add photos."},
	{persona.CodeTooManyPhotos, http.StatusUnprocessableEntity, "There are too many photos", "Send fewer; only the best are used."},
	{persona.CodePhotosUnusable, http.StatusUnprocessableEntity, "Some photos cannot be used", "Replace the listed photos; each finding says how."},
	{persona.CodeURLInvalid, http.StatusUnprocessableEntity, "Some photo addresses cannot be used", "Use https addresses of the pictures themselves."},
	{persona.CodeKeyReused, http.StatusUnprocessableEntity, "The Idempotency-Key belongs to another request", "Use a new key for a new request."},
	{persona.CodeNotTraining, http.StatusConflict, "Nothing is being trained", "Read the status of the persona."},
	{persona.CodeBeingErased, http.StatusConflict, "It is being erased", "It cannot be used or changed any more."},
	{persona.CodeTooManyTrainings, http.StatusTooManyRequests, "Too many trainings are running", "Wait until one has ended, or cancel one."},
	{persona.CodeTooManyRequests, http.StatusTooManyRequests, "Too many requests at one time", "Send fewer at the same time; repeat this one after Retry-After seconds."},
	{persona.CodeUnavailable, http.StatusServiceUnavailable, "Not available right now", "Send the same request again in a few seconds."},
	{persona.CodeInternal, http.StatusInternalServerError, "Something went wrong on our side", "Send the same request again. If the error stays, report the request id."},
}

var descriptionByCode = func() map[persona.Code]description {
	m := make(map[persona.Code]description, len(descriptions))
	for _, d := range descriptions {
		m[d.code] = d
	}
	return m
}()

func described(code persona.Code) bool {
	_, ok := descriptionByCode[code]
	return ok
}

// describe returns the description of code; an unknown code is described as an internal error.
func describe(code persona.Code) description {
	if d, ok := descriptionByCode[code]; ok {
		return d
	}
	return descriptionByCode[persona.CodeInternal]
}

// codeOfStatus gives the general code of an HTTP status, for errors that come without one.
func codeOfStatus(status int) persona.Code {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return persona.CodeUnauthorized
	case http.StatusNotFound:
		return persona.CodeNotFound
	case http.StatusMethodNotAllowed:
		return codeMethod
	case http.StatusRequestTimeout:
		return persona.CodeTimeout
	case http.StatusRequestEntityTooLarge:
		return persona.CodeTooLarge
	case http.StatusUnsupportedMediaType:
		return persona.CodeUnsupportedMedia
	case http.StatusTooManyRequests:
		return persona.CodeTooManyRequests
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return persona.CodeUnavailable
	}
	if status >= http.StatusInternalServerError {
		return persona.CodeInternal
	}
	return persona.CodeMalformed
}
