package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The whole process group is killed in every stage, and the next start continues. The training is bought once, and so is
// every test picture.
func TestKillAtEveryStage(t *testing.T) {
	t.Parallel()
	s := ownSystem(t, 3*time.Second)
	user := token(t, "survivor")
	answer := s.train(t, user, "Survivor", photosOf(t, 4, 6))
	s.kill() // the request was answered, so the persona is on record
	for _, stage := range []string{"preprocessing", "uploading", "queued", "training", "validating", "deploying"} {
		s.start(t)
		if stage == "queued" { // so that it is killed between sending the purchase and getting the answer
			s.fault(t, map[string]any{"on": "submit", "effect": "slow", "times": 1, "delay_ms": 4000})
		}
		reached := s.follow(t, user, answer.ID, func(now statusAnswer) bool {
			return ended(now) || order[now.Stage] >= order[stage]
		})
		if reached.Stage == "queued" {
			require.Eventually(t, func() bool { return s.jobStatus(t) == "submitting" }, 10*time.Second, 10*time.Millisecond)
		}
		t.Logf("ended at %s (%d %%)", reached.Stage, reached.Progress)
		if stage == "training" {
			require.Less(t, s.interrupt(t), 10*time.Second) // Ctrl-C instead of a kill
			continue
		}
		s.kill()
	}
	s.start(t)
	s.ready(t, user, answer.ID)
	require.Len(t, s.trainings(t), 1)
	// Eight orders, for six strengths and two checks, with a request for each of three prompts: a worker that is killed while
	// pictures are made buys none of them again.
	require.Len(t, s.pictures(t), 8*3)
}

// jobStatus reads the status of the only training job.
func (s *system) jobStatus(t *testing.T) (status string) {
	t.Helper()
	db := s.database(t)
	defer func() { _ = db.Close(t.Context()) }()
	require.NoError(t, db.QueryRow(t.Context(), `SELECT status FROM persona_training_jobs`).Scan(&status))
	return status
}

var order = map[string]int{
	"collecting": 1, "preprocessing": 2, "uploading": 3, "queued": 4, "training": 5, "validating": 6, "deploying": 7, "done": 8,
}
