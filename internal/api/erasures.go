package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

type erasureAccepted struct {
	Location string `header:"Location"`
	Body     struct {
		ErasureID string `json:"erasure_id"`
		StatusURL string `json:"status_url"`
	}
}

type erasureStep struct {
	Name  string    `json:"name"`
	Count int       `json:"count" doc:"The number of things that the step removed."`
	At    time.Time `json:"at"`
}

type erasureView struct {
	ID          string          `json:"erasure_id"`
	PersonaID   string          `json:"persona_id,omitempty" doc:"Absent if everything of the user is erased."`
	Status      string          `json:"status" enum:"running,completed"`
	Steps       []erasureStep   `json:"steps"`
	RequestedAt time.Time       `json:"requested_at"`
	CompletedAt *time.Time      `json:"completed_at,omitempty"`
	Certificate json.RawMessage `json:"certificate,omitempty" doc:"What was removed, and when. Present when the erasure is complete."`
}

type erasureOutput struct{ Body erasureView }

func (s *server) erasureOperations(api huma.API) {
	add(s, api, huma.Operation{
		OperationID: "delete-persona", Method: http.MethodDelete, Path: "/api/personas/{id}", Tags: []string{tagErasure},
		Security: needsToken, DefaultStatus: http.StatusAccepted, Summary: "Erase a persona",
		Description: "Stops any training, then removes photos, models, records, keys and the provider's copies. A second request gives the same erasure.",
		Errors:      []int{401, 404, 503},
	}, func(ctx context.Context, in *personaPath) (*erasureAccepted, error) {
		if !persona.IsID(in.ID) {
			return nil, noSuchPersona()
		}
		erasure, err := s.Store.RequestErasure(ctx, userOf(ctx), in.ID)
		if errors.Is(err, storage.ErrNotFound) {
			return nil, noSuchPersona()
		}
		return s.erasureAccepted(erasure, err)
	})
	add(s, api, huma.Operation{
		OperationID: "delete-me", Method: http.MethodDelete, Path: "/api/users/me", Tags: []string{tagErasure},
		Security: needsToken, DefaultStatus: http.StatusAccepted, Summary: "Erase everything of the signed-in user",
		Errors: []int{401, 503},
	}, func(ctx context.Context, _ *struct{}) (*erasureAccepted, error) {
		return s.erasureAccepted(s.Store.RequestUserErasure(ctx, userOf(ctx)))
	})
	add(s, api, huma.Operation{
		OperationID: "get-erasure", Method: http.MethodGet, Path: "/api/erasures/{id}", Tags: []string{tagErasure},
		Security: needsToken, Summary: "The progress of an erasure, and its certificate", Errors: []int{401, 404},
	}, s.erasure)
}

func (s *server) erasureAccepted(e storage.Erasure, err error) (*erasureAccepted, error) {
	if err != nil {
		return nil, err
	}
	s.Nudge()
	out := &erasureAccepted{Location: s.url("/api/erasures/" + e.ID)}
	out.Body.ErasureID, out.Body.StatusURL = e.ID, out.Location
	return out, nil
}

func (s *server) erasure(ctx context.Context, in *struct {
	ID string `path:"id" doc:"Id of the erasure."`
},
) (*erasureOutput, error) {
	if !persona.IsID(in.ID) {
		return nil, noSuchErasure()
	}
	e, err := s.Store.Erasure(ctx, userOf(ctx), in.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, noSuchErasure()
	}
	if err != nil {
		return nil, err
	}
	view := erasureView{
		ID: e.ID, PersonaID: e.PersonaID, Status: e.Status, Steps: make([]erasureStep, 0, len(e.Steps)),
		RequestedAt: e.RequestedAt, CompletedAt: e.CompletedAt, Certificate: e.Certificate,
	}
	for _, step := range e.Steps {
		view.Steps = append(view.Steps, erasureStep{Name: step.Name, Count: step.Count, At: step.At})
	}
	return &erasureOutput{Body: view}, nil
}

func noSuchErasure() error {
	return &persona.Error{Kind: persona.NotFound, Code: persona.CodeNotFound, Message: "There is no such erasure."}
}
