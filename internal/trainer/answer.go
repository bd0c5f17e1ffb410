package trainer

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// answer has the fields of every form in which the service writes an error:
//
//	models    {"detail":[{"type":"…","ctx":{…}}]}
//	queue     {"detail":"…","error_type":"…"} or {"status":"NOT_FOUND"}
//	platform  {"error":{"type":"…","message":"…"}}
type answer struct {
	Status    string          `json:"status"`
	Detail    json.RawMessage `json:"detail"`
	ErrorType string          `json:"error_type"`
	Error     json.RawMessage `json:"error"`
}

type detail struct {
	Type string         `json:"type"`
	Ctx  map[string]any `json:"ctx"`
}

func parse(r reply) answer {
	var a answer
	if json.Unmarshal(r.body, &a) != nil {
		return answer{} // for example a gateway's HTML page
	}
	return a
}

// details returns the models' list, nil when there is none.
func (a answer) details() []detail {
	var list []detail
	if json.Unmarshal(a.Detail, &list) != nil {
		return nil
	}
	return list
}

// sentence returns the detail as lower-case text, "" when it is a list. It is compared and never shown.
func (a answer) sentence() string {
	var s string
	if json.Unmarshal(a.Detail, &s) != nil {
		return ""
	}
	return strings.ToLower(s)
}

// platform returns the type in the platform's form, "" when it is another form.
func (a answer) platform() string {
	var e detail
	if json.Unmarshal(a.Error, &e) != nil {
		return ""
	}
	return identifier(e.Type)
}

// fromService reports whether the service wrote the answer, and not a gateway or a web framework for a path that it
// does not serve, which is what a wrong address leads to.
func (a answer) fromService() bool {
	switch a.sentence() {
	case "not found", "method not allowed":
		return false
	case "":
		return a.Status != "" || a.ErrorType != "" || a.platform() != "" || len(a.details()) > 0
	}
	return true
}

// isMissing reports whether a status says that a thing does not exist. Who says so has to be checked besides.
func isMissing(status int) bool {
	return status == http.StatusNotFound || status == http.StatusGone
}

// isQueueNotFound recognises the queue's own answer for a request id that it does not know.
func isQueueNotFound(r reply) bool {
	a := parse(r)
	text := a.sentence()
	return isMissing(r.status) &&
		(a.Status == "NOT_FOUND" || strings.Contains(text, "request") && strings.Contains(text, "not found"))
}

// isResultGone recognises the queue's own answer for a result that it does not keep: an unknown request id, or a
// sentence about the result. A sentence about the application is about the endpoint's name.
func isResultGone(r reply) bool {
	a := parse(r)
	text := a.sentence()
	return isQueueNotFound(r) ||
		isMissing(r.status) && text != "" && a.fromService() && !strings.Contains(text, "application")
}

// isPlatformNotFound recognises the platform's own answer for a request or a file that it does not have.
func isPlatformNotFound(r reply) bool {
	return isMissing(r.status) && parse(r).platform() == "not_found"
}

// typeOf returns the service's type of error, "" when it gave none.
func typeOf(r reply) string {
	a := parse(r)
	if text := a.sentence(); r.status == http.StatusForbidden && (strings.Contains(text, "locked") || strings.Contains(text, "balance")) {
		return "account_locked"
	}
	if t := identifier(r.header.Get("X-Fal-Error-Type")); t != "" {
		return t
	}
	if t := identifier(a.ErrorType); t != "" {
		return t
	}
	if list := a.details(); len(list) > 0 {
		return identifier(list[0].Type)
	}
	return a.platform()
}

var identifierPattern = regexp.MustCompile(`^[a-z][a-z0-9_.]{0,63}$`)

// identifier returns s in lower case if it is a plain identifier, else "", so that no text of the service reaches logs
// or people.
func identifier(s string) string {
	s = strings.ToLower(s)
	if !identifierPattern.MatchString(s) {
		return ""
	}
	return s
}
