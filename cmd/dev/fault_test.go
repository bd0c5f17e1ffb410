package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A whole training for each kind of fault, on a system of its own: a fault hits the next request, whoever sends it.
func TestAProviderThatMisbehavesIsPaidOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scenario string
		faults   []map[string]any
	}{
		{"lost_reply", []map[string]any{
			{"on": "submit", "effect": "lost_reply", "times": 1}, {"on": "webhook", "effect": "lost", "times": 100},
		}},
		{"bad_answers", []map[string]any{
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
		t.Run(c.scenario, func(t *testing.T) {
			t.Parallel()
			s := ownSystem(t, 0)
			for _, f := range c.faults {
				s.fault(t, f)
			}
			user := token(t, "unlucky")
			answer := s.train(t, user, "Unlucky", photosOf(t, 4, 6))
			s.ready(t, user, answer.ID)
			require.Len(t, s.trainings(t), 1)
			s.recordTraining(t, c.scenario, answer.ID)
		})
	}
}
