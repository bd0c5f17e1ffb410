package localtrainer

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// problem is one entry of fal's model error body.
type problem struct {
	Loc   []any          `json:"loc"`
	Msg   string         `json:"msg"`
	Type  string         `json:"type"`
	URL   string         `json:"url,omitempty"`
	Ctx   map[string]any `json:"ctx,omitempty"`
	Input any            `json:"input,omitempty"`
}

// modelError is a failure of the model itself, for example wrong input or an unusable archive. fal answers with it when
// the result is fetched, with the model's own HTTP status.
type modelError struct {
	Status   int
	Problems []problem
}

func (e *modelError) Error() string {
	if len(e.Problems) == 0 {
		return http.StatusText(e.Status)
	}
	return e.Problems[0].Type
}

func (e *modelError) body() json.RawMessage {
	return mustJSON(map[string]any{"detail": e.Problems})
}

// invalid returns fal's 422 for one field of the input. field is the path to it: names and indexes, outermost first.
func invalid(kind, msg string, ctx map[string]any, field ...any) *modelError {
	return &modelError{Status: http.StatusUnprocessableEntity, Problems: []problem{invalidField(kind, msg, ctx, field...)}}
}

func invalidField(kind, msg string, ctx map[string]any, field ...any) problem {
	return problem{
		Loc: append([]any{"body"}, field...), Msg: msg, Type: kind, Ctx: ctx,
		URL: "https://docs.fal.ai/errors#" + kind,
	}
}

// infraStatus has the HTTP status of each of fal's infrastructure error types.
var infraStatus = map[string]int{
	"request_timeout": 504, "startup_timeout": 504,
	"runner_scheduling_failure": 503, "runner_connection_timeout": 503, "runner_disconnected": 503,
	"runner_connection_refused": 503, "runner_connection_error": 503,
	"runner_incomplete_response": 502, "runner_server_error": 500, "internal_error": 500,
	"client_disconnected": 499, "client_cancelled": 499, "bad_request": 400,
}

// mustJSON encodes values of this package, which cannot fail.
func mustJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("localtrainer: encoding its own value: %v", err))
	}
	return data
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// An error means that the client has gone.
	_, _ = w.Write(mustJSON(v))
}

// refuse answers in the form of the queue and the storage: a detail that is a sentence.
func refuse(w http.ResponseWriter, status int, detail string) {
	reply(w, status, map[string]string{"detail": detail})
}

// refusePlatform answers in the form of the platform API.
func refusePlatform(w http.ResponseWriter, status int, kind, message string) {
	reply(w, status, map[string]any{"error": map[string]string{"type": kind, "message": message}})
}
