package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/contract"
)

// Each fault of a provider is met by a whole training on a system of its own, since faults hit whoever comes next.
func TestAProviderThatMisbehavesIsPaidOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		scenario string
		faults   []map[string]any
	}{
		{"the reply to the purchase is lost, and so is the webhook", "lost_reply", []map[string]any{
			{"on": "submit", "effect": "lost_reply", "times": 1}, {"on": "webhook", "effect": "lost", "times": 100},
		}},
		{"everything answers badly at first", "bad_answers", []map[string]any{
			{"on": "upload", "effect": "error_503", "times": 2},
			{"on": "submit", "effect": "reject_429", "times": 2},
			{"on": "submit", "effect": "error_500", "times": 1}, // after which nobody knows whether it was bought
			{"on": "status", "effect": "error_500", "times": 3},
			{"on": "result", "effect": "error_503", "times": 2},
			{"on": "webhook", "effect": "forged", "times": 1},
			{"on": "webhook", "effect": "stale", "times": 1},
			{"on": "webhook", "effect": "duplicate", "times": 5},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := ownSystem(t, 0)
			for _, f := range c.faults {
				s.trainerCall(t, http.MethodPost, "/_local/faults", f, nil)
			}
			user := token(t, "unlucky")
			answer := s.train(t, user, "Unlucky", photosOf(t, 4, 6))
			s.ready(t, user, answer.ID)
			require.Len(t, s.trainings(t), 1)
			s.recordHistory(t, contract.TrainPersonaWorkflow, c.scenario, contract.TrainPersonaID(answer.ID))
		})
	}
}

func TestCancelStopsTheJobAndSaysWhatItMayCost(t *testing.T) {
	t.Parallel()
	s := ownSystem(t, time.Hour)
	user := token(t, "changed their mind")
	answer := s.train(t, user, "Never", photosOf(t, 4, 6))
	s.follow(t, user, answer.ID, func(now statusAnswer) bool { return now.Stage == "training" })
	type cancelAnswer struct {
		Cancelled   bool `json:"cancelled"`
		MayBeBilled bool `json:"may_be_billed"`
	}
	got := want[cancelAnswer](t, s, http.StatusOK, http.MethodPost, user, "/api/personas/"+answer.ID+"/cancel")
	require.Equal(t, cancelAnswer{Cancelled: true, MayBeBilled: true}, got)
	now := s.follow(t, user, answer.ID, ended)
	require.Equal(t, "cancelled", now.Error.Code)
	s.recordHistory(t, contract.TrainPersonaWorkflow, "cancelled", contract.TrainPersonaID(answer.ID))
	jobs := s.trainings(t)
	require.Len(t, jobs, 1)
	require.Eventually(t, func() bool { return s.trainings(t)[0].State == "COMPLETED" }, time.Minute, 50*time.Millisecond)
}
