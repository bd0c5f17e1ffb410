package eval

import (
	"time"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// Report compares judgements with labels. Parts without labels are nil.
type Report struct {
	Photos     Photos      `json:"photos"`
	Detection  *Detection  `json:"detection,omitempty"`
	Eyes       *Eyes       `json:"eyes,omitempty"`
	Yaw        *Angle      `json:"yaw,omitempty"`
	Roll       *Angle      `json:"roll,omitempty"`
	Identity   *Identity   `json:"identity,omitempty"`
	Sets       *Sets       `json:"sets,omitempty"`
	Judgements []Judgement `json:"judgements,omitempty"`
	Duplicates *Duplicates `json:"duplicates,omitempty"`
}

// Photos counts the photos and measures the cost of judging them.
type Photos struct {
	Files     int       `json:"files"`
	NotJudged []Problem `json:"not_judged,omitempty"` // undecodable or unreadable

	// Milliseconds of judging a photo in memory, from its bytes to its measures, while others are judged in parallel.
	Median float64 `json:"ms_median"`
	Slow   float64 `json:"ms_95"`

	// Mean processor time of a photo in milliseconds; other programs do not change it much.
	Processor float64 `json:"ms_processor,omitempty"`

	PerSecond  float64 `json:"per_second"` // photos per second of the whole run
	PeakMemory int64   `json:"peak_memory,omitempty"`
}

// Problem is a photo that was not judged.
type Problem struct {
	File string `json:"file"`
	Why  string `json:"why"`
}

func newReport(all []result, took, busy time.Duration, p persona.PhotoPolicy, d photo.Describer) Report {
	ofSets := p
	ofSets.MaxUsed++
	judge := photo.NewJudge(ofSets, d)
	return Report{
		Photos: countPhotos(all, took, busy), Detection: newDetection(all, p), Eyes: newEyes(all),
		Yaw: newAngle(all, func(l *Label) *float64 { return l.Yaw }, func(f photo.Face) float64 { return f.Yaw }),
		Roll: newAngle(
			all, func(l *Label) *float64 { return l.Roll }, func(f photo.Face) float64 { return f.Roll }),
		Identity: newIdentity(all), Sets: newSets(all, judge),
		Judgements: newJudgements(all), Duplicates: newDuplicates(all),
	}
}

func countPhotos(all []result, took, busy time.Duration) Photos {
	out := Photos{Files: len(all), PeakMemory: peakMemory()}
	var times []float64
	for _, r := range all {
		if !r.decoded {
			out.NotJudged = append(out.NotJudged, Problem{r.label.File, r.problem})
			continue
		}
		times = append(times, float64(r.took.Microseconds())/1000)
	}
	out.Median, out.Slow = Percentile(times, 0.5), Percentile(times, 0.95)
	out.Processor = float64(busy.Milliseconds()) / float64(max(len(all), 1))
	if seconds := took.Seconds(); seconds > 0 {
		out.PerSecond = float64(len(all)) / seconds
	}
	return out
}
