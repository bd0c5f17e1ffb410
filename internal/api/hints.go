package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

// hint is one row of the guide's troubleshooting table that fits a persona, and why it does.
type hint struct {
	Issue    string `json:"issue"`
	Cause    string `json:"cause"`
	Solution string `json:"solution"`
	Because  string `json:"because" doc:"What was measured that makes this hint fit."`
}

// When a hint is worth giving. A check between the pass mark of 0.8 and 0.9 is good enough to use and still has something
// to gain; ten photos are where the guide's recommendation begins; a loss of 0.05 in quality is one that can be seen.
const (
	weakCheck         = 0.9
	seenLoss          = 0.05
	recommendedPhotos = 10
)

// hints tells first when the photos seem to show several people, which no other remedy mends. Then it picks the rows of
// the troubleshooting table that fit what was measured of v, in the table's order; a version that has not been measured
// has none of those.
func hints(v storage.Version, photos []storage.Photo) []hint {
	found := []hint{}
	note := func(applies bool, issue, cause, solution, because string) {
		if applies {
			found = append(found, hint{Issue: issue, Cause: cause, Solution: solution, Because: because})
		}
	}
	others, several := strangers(photos)
	because := "The face looks unlike the others in "
	if several {
		because = "The photos probably show two people. The smaller group is "
	}
	note(len(others) > 0,
		"Wrong person appearing", "Photos of two people", "Check that every photo shows the same person, and train again without the others",
		because+numbered(others)+".")
	if v.Checks == nil {
		note(v.Failure != nil && v.Failure.Code == persona.CodePhotosRejected,
			"Inconsistent results", "Poor training data", "Add more diverse photos",
			strings.Join(append([]string{"Too few of the photos were good enough; each photo's report says why."}, missing(v)...), " "))
		return found
	}
	c := *v.Checks
	weakest, best, strongest := sweepEnds(v)
	note(c.FaceConsistency <= weakCheck || weakest.Consistency <= weakCheck && weakest.Strength < best.Strength,
		"Face not recognizable", "Low blend strength", "Increase LoRA scale to 0.7-0.8",
		fmt.Sprintf("The face was found to be the person's in %.0f of 100 pictures at a blend strength of %.1f, and in %.0f at %.1f.",
			100*weakest.Consistency, weakest.Strength, 100*best.Consistency, best.Strength))
	note(c.QualityScore <= weakCheck || best.Quality-strongest.Quality >= seenLoss,
		"Distorted features", "Too high blend", "Reduce LoRA scale to 0.3-0.4",
		fmt.Sprintf("Pictures scored %.0f of 100 for quality at a blend strength of %.1f, and %.0f at %.1f.",
			100*best.Quality, best.Strength, 100*strongest.Quality, strongest.Strength))
	few := missing(v)
	note(len(few) > 0, "Inconsistent results", "Poor training data", "Add more diverse photos", strings.Join(few, " "))
	note(c.TriggerEffectiveness <= weakCheck,
		"Wrong person appearing", "Trigger word conflict", "Use unique trigger word",
		fmt.Sprintf("The trigger word brought the picture closer to the person in %.0f of 100 pairs.", 100*c.TriggerEffectiveness))
	note(v.Status == persona.VersionActive,
		"Slow generation", "High-res + persona", "Use lower resolution first",
		"A picture with a persona takes about 18 seconds, 3 more than one without.")
	return found
}

// mostMissing sentences of advice are enough for a hint; the set has them all.
const mostMissing = 2

// missing tells what the photos of a version lack: the most useful of the set's advice, or how few they are where no
// set was kept.
func missing(v storage.Version) []string {
	switch {
	case v.PhotoSet != nil:
		return v.PhotoSet.Advice[:min(len(v.PhotoSet.Advice), mostMissing)]
	case v.PhotosUsed < recommendedPhotos:
		return []string{fmt.Sprintf("Trained on %d photos; %d to 20 are recommended.", v.PhotosUsed, recommendedPhotos)}
	default:
		return nil
	}
}

// strangers returns the numbers, as people count them, of the photos that may show somebody else. several is true when
// they seem to be a group.
func strangers(photos []storage.Photo) (numbers []int, several bool) {
	for _, p := range photos {
		if p.Report == nil {
			continue
		}
		for _, f := range p.Report.Findings {
			if f.Code == persona.PhotoProbablyTwoSet || f.Code == persona.PhotoUnlikeOthers {
				numbers, several = append(numbers, p.Index+1), several || f.Code == persona.PhotoProbablyTwoSet
				break
			}
		}
	}
	slices.Sort(numbers)
	return numbers, several
}

// numbered names photos: photo 3, photos 3 and 4, photos 3, 4 and 9.
func numbered(numbers []int) string {
	var b strings.Builder
	for i, n := range numbers {
		switch {
		case i == 0:
			b.WriteString("photo")
			if len(numbers) > 1 {
				b.WriteString("s")
			}
			b.WriteString(" ")
		case i == len(numbers)-1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// sweepEnds returns what was measured at the weakest, the chosen and the strongest blend strength. Without a sweep all
// three are the checks themselves.
func sweepEnds(v storage.Version) (weakest, best, strongest persona.StrengthScore) {
	best = persona.StrengthScore{Consistency: v.Checks.FaceConsistency, Quality: v.Checks.QualityScore}
	if v.Strength != nil {
		best.Strength = *v.Strength
	}
	if len(v.Sweep) == 0 {
		return best, best, best
	}
	weakest, strongest = v.Sweep[0], v.Sweep[len(v.Sweep)-1]
	for _, point := range v.Sweep {
		if point.Strength == best.Strength {
			best = point
		}
	}
	return weakest, best, strongest
}
