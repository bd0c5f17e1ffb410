package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/inflio/persona/internal/contract"
	"github.com/inflio/persona/internal/persona"
)

// cancelPause is how long a training that was only just asked for gets to start, before it is asked again to stop.
const cancelPause = 200 * time.Millisecond

type personaPath struct {
	ID string `path:"id" doc:"Id of the persona."`
}

type cancelOutput struct {
	Body struct {
		Cancelled   bool `json:"cancelled" doc:"False when it was too late: the version had already been decided."`
		MayBeBilled bool `json:"may_be_billed" doc:"True when a training was, or may have been, bought and not certainly stopped before it cost anything."`
	}
}

func (s *server) cancelOperation(api huma.API) {
	add(s, api, huma.Operation{
		OperationID: "cancel-training", Method: http.MethodPost, Path: "/api/personas/{id}/cancel",
		Tags: []string{tagPersonas}, Security: needsToken, Summary: "Stop a training",
		Description: "Waits until the training job is stopped at the provider and everything is tidied up. Safe to send twice.",
		Errors:      []int{401, 404, 409, 503},
	}, s.cancel)
}

func (s *server) cancel(ctx context.Context, in *personaPath) (*cancelOutput, error) {
	version, err := s.trainingVersion(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if s.Temporal == nil {
		return nil, s.unavailable(ctx, errors.New("no Temporal client"))
	}
	answer, err := s.askToStop(ctx, in.ID, version)
	if err != nil {
		return nil, err
	}
	out := &cancelOutput{}
	out.Body.Cancelled, out.Body.MayBeBilled = answer.Cancelled, answer.MayBeBilled
	return out, nil
}

// askToStop sends the update until it is answered. A workflow that cannot be found has either ended, which the record
// then tells, or its start is still on the way; cancelling the record instead would race with that start and could leave
// a bought training behind.
func (s *server) askToStop(ctx context.Context, personaID string, version int) (contract.CancelAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.CancelWait)
	defer cancel()
	updateID := fmt.Sprintf("cancel-version-%d", version)
	for {
		answer, err := contract.CancelTraining(ctx, s.Temporal, personaID, updateID)
		var gone *serviceerror.NotFound
		var refused *temporal.ApplicationError
		switch {
		case err == nil:
			return answer, nil
		case errors.As(err, &refused):
			return answer, notTraining()
		case !errors.As(err, &gone):
			return answer, s.unavailable(ctx, err)
		}
		if _, err := s.trainingVersion(ctx, personaID); err != nil {
			return answer, err
		}
		s.Nudge()
		select {
		case <-time.After(cancelPause):
		case <-ctx.Done():
			return answer, s.unavailable(ctx, errors.New("the training has not started yet"))
		}
	}
}

// trainingVersion returns the number of the version being trained, or says that there is none.
func (s *server) trainingVersion(ctx context.Context, personaID string) (int, error) {
	p, err := s.persona(ctx, personaID)
	if err != nil {
		return 0, err
	}
	if p.Status == persona.StatusErasing {
		return 0, &persona.Error{
			Kind: persona.Conflict, Code: persona.CodeBeingErased,
			Message: "The persona is being erased; its training is stopped with it.",
		}
	}
	if p.Latest.Status != persona.VersionTraining {
		return 0, notTraining()
	}
	return p.Latest.Number, nil
}

func notTraining() error {
	return &persona.Error{
		Kind: persona.Conflict, Code: persona.CodeNotTraining,
		Message: "No training is running for this persona, so there is nothing to cancel.",
	}
}
