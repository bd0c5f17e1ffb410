package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/inflio/persona/internal/contract"
)

// fault makes the local trainer misbehave.
func (s *system) fault(t testing.TB, fault map[string]any) {
	t.Helper()
	s.trainerCall(t, http.MethodPost, "/_local/faults", fault, nil)
}

// at waits until a training is in a stage, and not further, and an activity of this name is under way.
func (s *system) at(t testing.TB, token, id, stage, activity string) {
	t.Helper()
	c := s.temporal(t)
	now := s.follow(t, token, id, func(now statusAnswer) bool {
		if ended(now) || order[now.Stage] > order[stage] {
			return true
		}
		run, err := c.DescribeWorkflowExecution(t.Context(), contract.TrainPersonaID(id), "")
		return err == nil && now.Stage == stage && slices.ContainsFunc(run.GetPendingActivities(), func(p *workflowpb.PendingActivityInfo) bool {
			return p.GetActivityType().GetName() == activity
		})
	})
	require.Equal(t, stage, now.Stage, "%+v", now.Error)
}

type cancelAnswer struct {
	Cancelled   bool `json:"cancelled"`
	MayBeBilled bool `json:"may_be_billed"`
}

// cancel stops a training through the API.
func (s *system) cancel(t testing.TB, token, id string) cancelAnswer {
	t.Helper()
	answer := want[cancelAnswer](t, s, http.StatusOK, http.MethodPost, token, "/api/personas/"+id+"/cancel")
	require.True(t, answer.Cancelled)
	now := s.follow(t, token, id, ended)
	require.Equal(t, "cancelled", now.Error.Code)
	return answer
}

// trainURLs hands in photos by their addresses.
func (s *system) trainURLs(t testing.TB, token, name string, addresses ...string) trainAnswer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"name": name, "photo_urls": addresses, "consent": json.RawMessage(fullConsent)})
	require.NoError(t, err)
	status, answer := s.try(t, http.MethodPost, token, "/api/personas/train", "application/json", bytes.NewReader(body))
	require.Equal(t, http.StatusAccepted, status, "%s", answer)
	var out trainAnswer
	require.NoError(t, json.Unmarshal(answer, &out))
	return out
}

// Trainings that a cancel or the deadline ends, one after the other on a system whose trainings take an hour, and whose
// uncertain purchases stay uncertain.
func TestScenarios(t *testing.T) {
	t.Parallel()
	s := ownSystem(t, time.Hour, append(smallPhotos, "PERSONA_ABSENCE_PROOF=6h", "PERSONA_SUBMIT_TIMEOUT=3s")...)
	for _, scenario := range []struct {
		name string
		run  func(t *testing.T, user string) (id string)
	}{
		{"cancelled_collecting", func(t *testing.T, user string) string {
			// Names are never resolved in these tests (TestMain), so the first attempt is still running.
			id := s.trainURLs(t, user, "Collecting", "https://a.example/1.jpg", "https://a.example/2.jpg", "https://a.example/3.jpg",
				"https://a.example/4.jpg", "https://a.example/5.jpg").ID
			s.at(t, user, id, "collecting", "CollectPhoto")
			require.False(t, s.cancel(t, user, id).MayBeBilled)
			return id
		}},
		{"cancelled_preprocessing", func(t *testing.T, user string) string {
			id, release := s.trainWithoutReports(t, user)
			defer release()
			s.at(t, user, id, "preprocessing", "PreparePhoto")
			require.False(t, s.cancel(t, user, id).MayBeBilled)
			return id
		}},
		{"cancelled_uploading", func(t *testing.T, user string) string {
			s.fault(t, map[string]any{"on": "upload", "effect": "stuck", "times": 100})
			id := s.train(t, user, "Uploading", smallPortraits()).ID
			s.at(t, user, id, "uploading", "UploadDataset")
			require.False(t, s.cancel(t, user, id).MayBeBilled)
			s.trainerCall(t, http.MethodDelete, "/_local/faults", nil, nil)
			return id
		}},
		{"cancelled_queued", func(t *testing.T, user string) string {
			s.fault(t, map[string]any{"on": "submit", "effect": "slow", "times": 1, "delay_ms": 2000})
			before := len(s.trainings(t))
			id := s.train(t, user, "Queued", smallPortraits()).ID
			s.at(t, user, id, "queued", "SubmitTraining")
			// The trainer has the job; its answer is on the way.
			require.Eventually(t, func() bool { return len(s.trainings(t)) > before }, time.Minute, 10*time.Millisecond)
			s.cancel(t, user, id)
			return id
		}},
		{"cancelled_training", func(t *testing.T, user string) string {
			id := s.train(t, user, "Training", smallPortraits()).ID
			s.at(t, user, id, "training", "AwaitTraining")
			require.True(t, s.cancel(t, user, id).MayBeBilled)
			jobs := s.trainings(t)
			require.Eventually(t, func() bool { return s.trainings(t)[len(jobs)-1].State == "COMPLETED" }, time.Minute, 50*time.Millisecond)
			return id
		}},
		{"cancel_requested", func(t *testing.T, user string) string {
			id := s.train(t, user, "Operator", smallPortraits()).ID
			s.at(t, user, id, "training", "AwaitTraining")
			require.NoError(t, s.temporal(t).CancelWorkflow(t.Context(), contract.TrainPersonaID(id), ""))
			require.Equal(t, "cancelled", s.follow(t, user, id, ended).Error.Code)
			return id
		}},
		{"deadline", func(t *testing.T, user string) string {
			id := s.train(t, user, "Late", smallPortraits()).ID
			s.at(t, user, id, "training", "AwaitTraining")
			s.expire(t, contract.TrainPersonaID(id), "AwaitTraining")
			require.Equal(t, "training_deadline", s.follow(t, user, id, ended).Error.Code)
			return id
		}},
		{"settled_by_person", func(t *testing.T, user string) string {
			// After this answer nobody knows whether the job was bought, and the list will not show it.
			s.fault(t, map[string]any{"on": "submit", "effect": "error_500", "times": 1})
			before := len(s.trainings(t))
			id := s.train(t, user, "Settled", smallPortraits()).ID
			s.settleAsNotBought(t, id)
			s.at(t, user, id, "training", "AwaitTraining")
			s.cancel(t, user, id)
			require.Len(t, s.trainings(t), before+1)
			return id
		}},
		{"worker_stopped", func(t *testing.T, user string) string {
			s.fault(t, map[string]any{"on": "submit", "effect": "slow", "times": 1, "delay_ms": 2000})
			before := len(s.trainings(t))
			id := s.train(t, user, "Deployed", smallPortraits()).ID
			// The trainer has the job; its answer is on the way when the worker is told to stop.
			require.Eventually(t, func() bool { return len(s.trainings(t)) > before }, time.Minute, 10*time.Millisecond)
			s.interrupt(t)
			s.start(t)
			s.at(t, user, id, "training", "AwaitTraining")
			s.cancel(t, user, id)
			require.Len(t, s.trainings(t), before+1)
			return id
		}},
	} {
		t.Run(scenario.name, func(t *testing.T) {
			s.recordTraining(t, scenario.name, scenario.run(t, token(t, scenario.name)))
		})
	}
}

// trainWithoutReports starts a training whose judged photos cannot be written down until release is called.
func (s *system) trainWithoutReports(t *testing.T, user string) (id string, release func()) {
	t.Helper()
	db := s.database(t)
	tx, err := db.Begin(t.Context())
	require.NoError(t, err)
	id = s.train(t, user, "Preprocessing", smallPortraits()).ID
	// It conflicts with every write, and with no read.
	_, err = tx.Exec(t.Context(), "LOCK TABLE "+pgx.Identifier{"persona_images"}.Sanitize()+" IN SHARE MODE")
	require.NoError(t, err)
	return id, func() {
		require.NoError(t, tx.Rollback(t.Context()))
		require.NoError(t, db.Close(t.Context()))
	}
}

// expire shortens the deadline of a waiting activity, as an operator can, so that it is over.
func (s *system) expire(t *testing.T, workflowID, activity string) {
	t.Helper()
	c := s.temporal(t)
	require.Eventually(t, func() bool {
		_, err := c.WorkflowService().UpdateActivityOptions(t.Context(), &workflowservice.UpdateActivityOptionsRequest{
			Namespace: client.DefaultNamespace, Execution: &commonpb.WorkflowExecution{WorkflowId: workflowID},
			Activity:        &workflowservice.UpdateActivityOptionsRequest_Type{Type: activity},
			ActivityOptions: &activitypb.ActivityOptions{ScheduleToCloseTimeout: durationpb.New(time.Second)},
			UpdateMask:      &fieldmaskpb.FieldMask{Paths: []string{"schedule_to_close_timeout"}},
		})
		return err == nil
	}, time.Minute, 50*time.Millisecond)
}

// settleAsNotBought waits until the purchase of a persona is uncertain, and then says, as a person, that nothing was
// bought.
func (s *system) settleAsNotBought(t *testing.T, personaID string) {
	t.Helper()
	c := s.temporal(t)
	require.Eventually(t, func() bool {
		found, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Query: "PersonaId = '" + personaID + "' AND Stage = '" + contract.StageUncertain + "'",
		})
		return err == nil && found.GetCount() == 1
	}, 2*time.Minute, 50*time.Millisecond, "the purchase is not uncertain")
	// Before twice the submit timeout the claim is refused: the provider's list may be behind.
	db := s.database(t)
	defer func() { _ = db.Close(t.Context()) }()
	require.Eventually(t, func() bool {
		var old bool
		err := db.QueryRow(t.Context(), `SELECT submitting_at < now() - interval '7 seconds' FROM persona_training_jobs WHERE persona_id = $1`,
			personaID).Scan(&old)
		return err == nil && old
	}, time.Minute, 100*time.Millisecond)
	handle, err := c.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: contract.TrainPersonaID(personaID), UpdateName: contract.SettleUpdate, WaitForStage: client.WorkflowUpdateStageCompleted,
		Args: []any{contract.SettleInput{NothingBought: true}},
	})
	require.NoError(t, err)
	require.NoError(t, handle.Get(t.Context(), nil))
}

func TestCancelWhileValidating(t *testing.T) {
	t.Parallel()
	s := ownSystem(t, 0, smallPhotos...)
	user := token(t, "changed their mind late")
	s.fault(t, map[string]any{"on": "generate", "effect": "stuck", "times": 100})
	id := s.train(t, user, "Validating", smallPortraits()).ID
	s.at(t, user, id, "validating", "DrawSamples")
	require.True(t, s.cancel(t, user, id).MayBeBilled)
	s.recordTraining(t, "cancelled_validating", id)
}
