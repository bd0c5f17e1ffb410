package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/inflio/persona/internal/contract"
)

// The cost of a training without the photos and the trainer: the time in which no activity of either was running, and the
// events of its history. go test ./cmd/dev -run '^$' -bench Life
func BenchmarkLife(b *testing.B) {
	s := ownSystem(b, 0)
	user := token(b, "benchmark")
	photos := photosOf(b, 4, 6)
	var wall, besides time.Duration
	events := 0
	for b.Loop() {
		answer := s.train(b, user, "Bench", photos)
		s.ready(b, user, answer.ID)
		lasted, others, n := s.account(b, contract.TrainPersonaID(answer.ID))
		wall, besides, events = wall+lasted, besides+lasted-others, events+n
	}
	b.ReportMetric(wall.Seconds()/float64(b.N), "s/life")
	b.ReportMetric(float64(besides.Milliseconds())/float64(b.N), "ms-besides/life")
	b.ReportMetric(float64(events)/float64(b.N), "events/life")
	b.ReportMetric(0, "ns/op")
}

// photoOrTrainer are the activities that work on photos or wait for the provider.
var photoOrTrainer = []string{"PreparePhoto", "ChoosePhotos", "UploadDataset", "AwaitTraining", "DrawSamples", "MeasureSamples"}

// account reads a history: the duration of the run, the time in which at least one of photoOrTrainer was running, and the
// number of events.
func (s *system) account(t testing.TB, id string) (lasted, others time.Duration, events int) {
	t.Helper()
	type span struct{ from, to time.Time }
	scheduled := map[int64]time.Time{}
	var spans []span
	var first, last time.Time
	history := s.temporal(t).GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		at := event.GetEventTime().AsTime()
		if events == 0 {
			first = at
		}
		last = at
		events++
		if a := event.GetActivityTaskScheduledEventAttributes(); slices.Contains(photoOrTrainer, a.GetActivityType().GetName()) {
			scheduled[event.GetEventId()] = at
		}
		for _, ended := range []int64{
			event.GetActivityTaskCompletedEventAttributes().GetScheduledEventId(),
			event.GetActivityTaskCanceledEventAttributes().GetScheduledEventId(),
		} {
			if from, ok := scheduled[ended]; ok {
				spans = append(spans, span{from, at})
			}
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	var until time.Time
	for _, p := range spans {
		if p.from.After(until) {
			until = p.from
		}
		if p.to.After(until) {
			others += p.to.Sub(until)
			until = p.to
		}
	}
	return last.Sub(first), others, events
}
