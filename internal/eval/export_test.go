package eval

import (
	"maps"
	"slices"
	"time"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// ReportOf compares labels with measures as Run does with those of files.
func ReportOf(labels []Label, measures []photo.Measures) Report {
	results := make([]result, len(labels))
	for i := range labels {
		results[i] = result{label: &labels[i], decoded: true, measures: measures[i], findings: measures[i].Findings}
	}
	return newReport(results, time.Second, time.Second, persona.DefaultPhotoPolicy(), nil)
}

// Measured lists the codes that have measures.
func Measured() []persona.PhotoCode { return slices.Collect(maps.Keys(measuresOf)) }
