package api

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/storage"
)

// hint is a row of the guide's troubleshooting table that fits a version of a persona.
type hint struct {
	Version  int    `json:"version" doc:"The version that it is about."`
	Issue    string `json:"issue"`
	Cause    string `json:"cause"`
	Solution string `json:"solution"`
	Because  string `json:"because" doc:"The measurement that makes this hint fit."`
}

// When a hint is given. A check between the pass mark of 0.8 and 0.9 passes and can still be improved. The guide
// recommends ten photos. A loss of 0.05 in quality can be seen.
const (
	weakCheck         = 0.9
	visibleLoss       = 0.05
	recommendedPhotos = 10
)

// hints returns the rows of the troubleshooting table that fit the version shown, in the order of the table, and those
// that fit the failure of the newest version if that is another one. Photos of several people come first, because no
// other solution helps with them.
func hints(shown, newest storage.Version, photos []storage.Photo) []hint {
	found := []hint{}
	others, several := strangers(photos)
	if len(others) > 0 {
		because := "The face looks unlike the others in "
		if several {
			because = "The photos probably show two people. The smaller group is "
		}
		found = append(found, hint{
			newest.Number, "Wrong person appearing", "Photos of two people",
			"Check that every photo shows the same person, and train again without the others", because + numbered(others) + ".",
		})
	}
	found = append(found, failureHints(shown)...)
	if newest.Number != shown.Number {
		found = append(found, failureHints(newest)...)
	}
	if shown.Checks != nil {
		found = append(found, checkHints(shown)...)
	}
	return found
}

// failureHints returns the hint for a version whose photos were refused.
func failureHints(v storage.Version) []hint {
	if v.Checks != nil || v.Failure == nil || v.Failure.Code != persona.CodePhotosRejected {
		return nil
	}
	return []hint{{
		v.Number, "Inconsistent results", "Poor training data", "Add more diverse photos",
		strings.Join(append([]string{"Too few of the photos were good enough; each photo's report says why."}, missing(v)...), " "),
	}}
}

// checkHints returns the hints for a version with measured checks.
func checkHints(v storage.Version) []hint {
	var found []hint
	note := func(applies bool, issue, cause, solution, because string) {
		if applies {
			found = append(found, hint{v.Number, issue, cause, solution, because})
		}
	}
	c := *v.Checks
	weakest, best, strongest := sweepEnds(v)
	note(c.FaceConsistency <= weakCheck || weakest.Consistency <= weakCheck && weakest.Strength < best.Strength,
		"Face not recognizable", "Low blend strength", "Increase LoRA scale to 0.7-0.8",
		fmt.Sprintf("The face was found to be the person's in %.0f of 100 pictures at a blend strength of %.1f, and in %.0f at %.1f.",
			100*weakest.Consistency, weakest.Strength, 100*best.Consistency, best.Strength))
	note(c.QualityScore <= weakCheck || best.Quality-strongest.Quality >= visibleLoss,
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

// maxMissing is how many sentences of advice a hint has. The report on the set has all of them.
const maxMissing = 2

// missing says what the photos of a version lack: the most useful advice of the report on the set, or how few they are
// if there is no report.
func missing(v storage.Version) []string {
	switch {
	case v.PhotoSet != nil:
		return v.PhotoSet.Advice[:min(len(v.PhotoSet.Advice), maxMissing)]
	case v.PhotosUsed < recommendedPhotos:
		return []string{fmt.Sprintf("Trained on %d photos; %d to 20 are recommended.", v.PhotosUsed, recommendedPhotos)}
	default:
		return nil
	}
}

// strangers returns the numbers, counted from 1, of the photos that may show another person. several is true if they seem
// to form a group.
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

// numbered returns a list such as: photo 3, photos 3 and 4, photos 3, 4 and 9.
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

// sweepEnds returns the measures at the weakest, the chosen and the strongest blend strength. Without a sweep all three
// are those of the checks.
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
