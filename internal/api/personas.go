package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

type listInput struct {
	Limit  int `query:"limit" default:"20" minimum:"1" maximum:"100" doc:"The most personas to return."`
	Offset int `query:"offset" default:"0" minimum:"0" maximum:"1000000" doc:"Personas to skip."`
}

type listOutput struct {
	Body struct {
		Personas []PersonaView `json:"personas"`
		Total    int           `json:"total" doc:"The number of all personas of the user."`
	}
}

type personaOutput struct{ Body personaDetail }

type statusOutput struct{ Body statusView }

func statusPath(id string) string { return "/api/personas/" + id + "/status" }

func (s *server) personaOperations(api huma.API) {
	add(s, api, huma.Operation{
		OperationID: "list-personas", Method: http.MethodGet, Path: "/api/personas", Tags: []string{tagPersonas},
		Security: needsToken, Summary: "All personas of the user, newest first", Errors: []int{400, 401},
	}, s.list)
	add(s, api, huma.Operation{
		OperationID: "get-persona", Method: http.MethodGet, Path: "/api/personas/{id}", Tags: []string{tagPersonas},
		Security: needsToken, Summary: "One persona in detail",
		Description: "Versions with their scores and samples, a report on each photo, and hints that fit the measured scores.",
		Errors:      []int{401, 404},
	}, s.one)
	add(s, api, huma.Operation{
		OperationID: "get-status", Method: http.MethodGet, Path: "/api/personas/{id}/status", Tags: []string{tagPersonas},
		Security: needsToken, Summary: "The progress of the training",
		Description: "It may be read every second. Progress never falls while a version is trained.", Errors: []int{401, 404},
	}, s.status)
}

func (s *server) list(ctx context.Context, in *listInput) (*listOutput, error) {
	personas, total, err := s.Store.Personas(ctx, userOf(ctx), in.Limit, in.Offset)
	if err != nil {
		return nil, err
	}
	out := &listOutput{}
	out.Body.Total, out.Body.Personas = total, make([]PersonaView, 0, len(personas))
	for _, p := range personas {
		shown, err := s.shownVersion(ctx, p)
		if err != nil {
			return nil, err
		}
		out.Body.Personas = append(out.Body.Personas, s.viewPersona(p, shown))
	}
	return out, nil
}

func (s *server) one(ctx context.Context, in *personaPath) (*personaOutput, error) {
	p, err := s.persona(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	versions, err := s.Store.Versions(ctx, userOf(ctx), p.ID)
	if err != nil {
		return nil, err
	}
	photos, err := s.Store.Photos(ctx, userOf(ctx), p.ID)
	if err != nil {
		return nil, err
	}
	shown := p.Latest
	for _, v := range versions {
		if v.Status == persona.VersionActive {
			shown = v
		}
	}
	out := &personaOutput{Body: personaDetail{PersonaView: s.viewPersona(p, shown)}}
	out.Body.Versions = make([]versionView, 0, len(versions))
	for _, v := range versions {
		out.Body.Versions = append(out.Body.Versions, s.viewVersion(p.ID, v))
	}
	out.Body.Photos = make([]photoView, 0, len(photos))
	for _, photo := range photos {
		out.Body.Photos = append(out.Body.Photos, s.viewPhoto(photo))
	}
	out.Body.Hints = hints(shown, p.Latest, photos)
	return out, nil
}

// shownVersion returns the version that a list shows of a persona: the active one, or the newest if none is active. It
// asks the database only if they differ.
func (s *server) shownVersion(ctx context.Context, p storage.Persona) (storage.Version, error) {
	if !p.Active || p.Version == p.Latest.Number {
		return p.Latest, nil
	}
	v, err := s.Store.Version(ctx, p.UserID, p.ID, p.Version)
	if errors.Is(err, storage.ErrNotFound) { // erased since it was listed
		return p.Latest, nil
	}
	return v, err
}

func (s *server) status(ctx context.Context, in *personaPath) (*statusOutput, error) {
	p, err := s.persona(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &statusOutput{Body: viewStatus(p)}, nil
}

// persona returns a persona of the acting user. An id that is malformed, unknown or another user's gives the same error.
func (s *server) persona(ctx context.Context, id string) (storage.Persona, error) {
	if !persona.IsID(id) {
		return storage.Persona{}, noSuchPersona()
	}
	p, err := s.Store.Persona(ctx, userOf(ctx), id)
	if errors.Is(err, storage.ErrNotFound) {
		return p, noSuchPersona()
	}
	return p, err
}

func noSuchPersona() error {
	return &persona.Error{Kind: persona.NotFound, Code: persona.CodeNotFound, Message: "There is no such persona."}
}
