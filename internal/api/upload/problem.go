package upload

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"github.com/inflio/persona/internal/persona"
)

// RequestErrors is everything that is wrong with one request, in the order in which it was found. It is never empty.
type RequestErrors []*persona.Error

// Error returns the first message.
func (r RequestErrors) Error() string { return r[0].Message }

// Malformed returns the error of a request that cannot be read. fields are the parts of the request that it is about.
func Malformed(message string, fields ...string) *persona.Error {
	return &persona.Error{Kind: persona.Invalid, Code: persona.CodeMalformed, Message: message, Fields: fields}
}

// Unreadable returns the error of a body that could not be read to its end because of err: CodeTimeout if it arrived too
// slowly, an *http.MaxBytesError as it is, and CodeMalformed for anything else.
func Unreadable(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &persona.Error{
			Kind: persona.Invalid, Code: persona.CodeTimeout,
			Message: "The request arrived too slowly. Send it again over a better connection.",
		}
	}
	return Malformed("The request ended early or is damaged. Send it again.")
}

func countError(code persona.Code, message string) error {
	return &persona.Error{Kind: persona.Invalid, Code: code, Message: message, Fields: []string{"photos"}}
}

func primaryError(count int) *persona.Error {
	message := "primary must be the position of a photo, counted from 0."
	if count > 0 {
		message = fmt.Sprintf("primary must be the position of a photo: 0 to %d.", count-1)
	}
	return &persona.Error{Kind: persona.Invalid, Code: persona.CodePrimaryInvalid, Message: message, Fields: []string{"primary"}}
}

// misnamed returns the error of n files in parts that have another name than photos. name is that of the first one.
func misnamed(name string, n int) *persona.Error {
	name = quoted(name)
	if n == 1 {
		return Malformed("The part with a file is named "+name+". Each part with a photo must be named photos.", name)
	}
	return Malformed(fmt.Sprintf("%d parts with files have other names, the first one %s. Each part with a photo must be named photos.",
		n, name), name)
}

// maxQuoted is how much of a name that a client sent is repeated to it, in bytes.
const maxQuoted = 120

// quoted makes the name of a field fit to be repeated in an answer.
func quoted(name string) string {
	clean := persona.CleanText(name, maxQuoted)
	switch {
	case clean == "":
		return "(without a name)"
	case len(name) > maxQuoted:
		clean += "…"
	}
	escaped := strconv.QuoteToGraphic(clean)
	return escaped[1 : len(escaped)-1]
}
