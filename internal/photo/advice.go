package photo

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/inflio/persona/internal/persona"
)

const (
	// recommended is the number of photos from which the guide's optimum begins.
	recommended = 10
	// mostAdvice is the largest number of sentences of advice.
	mostAdvice = 5
	// commonFault is the number of photos refused for one reason from which the reason is advice for the set.
	commonFault = 2
)

// advise returns sentences on how to improve the set, the most useful first: check photos of other people, add photos,
// and what those should show.
func (j *Judge) advise(members []Member, choices []Choice, r persona.SetReport, moments [][]int) []string {
	var out []string
	say := func(format string, a ...any) { out = append(out, fmt.Sprintf(format, a...)) }
	if others := withCode(members, choices, persona.PhotoProbablyTwoSet, persona.PhotoUnlikeOthers); len(others) > 0 {
		say("Check that %s the same person as the others.", plural(others, "shows", "show"))
	}
	switch {
	case r.Used < j.Policy.MinPhotos:
		say("Add at least %s; %d are needed, and %d to 20 are best.",
			number(j.Policy.MinPhotos-r.Used, "more good photo"), j.Policy.MinPhotos, recommended)
	case r.Used < recommended && j.Policy.MaxUsed >= recommended:
		say("Add %s; %d to 20 are best.", number(recommended-r.Used, "more photo"), recommended)
	}
	if r.Used < recommended {
		out = append(out, commonFaults(members)...)
		for _, moment := range moments {
			say("Add photos of other moments: %s nearly the same picture.", plural(moment, "is", "are"))
			break
		}
	}
	if r.Used > 0 {
		out = append(out, lacking(r.Coverage)...)
	}
	return out[:min(len(out), mostAdvice)]
}

// withCode lists the photos that have one of the codes, by their number from 1.
func withCode(members []Member, choices []Choice, codes ...persona.PhotoCode) []int {
	var out []int
	for i, c := range choices {
		if slices.ContainsFunc(c.Findings, func(f persona.Finding) bool { return slices.Contains(codes, f.Code) }) {
			out = append(out, members[i].Index+1)
		}
	}
	return out
}

// commonFaults returns a sentence about the most frequent refusal, if at least commonFault photos have it.
func commonFaults(members []Member) []string {
	counts := map[persona.PhotoCode]int{}
	var worst persona.Finding
	for _, m := range members {
		for _, f := range m.Measures.Findings {
			if !f.Refuses {
				continue
			}
			counts[f.Code]++
			if counts[f.Code] > counts[worst.Code] {
				worst = f
			}
		}
	}
	if counts[worst.Code] < commonFault {
		return nil
	}
	return []string{fmt.Sprintf("%s have the same fault. %s", sentence(number(counts[worst.Code], "photo")), worst.Do)}
}

// lacking returns a sentence for each aspect of which the set shows too little.
func lacking(coverage []persona.Coverage) []string {
	type want struct {
		urgency float64
		text    string
	}
	var wants []want
	for _, c := range coverage {
		v := varieties[slices.IndexFunc(varieties, func(v variety) bool { return v.aspect == c.Aspect })]
		met, wanted, worst := 0, 0, persona.CoverageKind{}
		for _, k := range c.Kinds {
			met += min(k.Count, k.Wanted)
			wanted += k.Wanted
			if k.Wanted-k.Count > worst.Wanted-worst.Count {
				worst = k
			}
		}
		if met < v.enough {
			wants = append(wants, want{v.weight * float64(wanted-met) / float64(wanted), ask(worst)})
		}
	}
	slices.SortStableFunc(wants, func(a, b want) int { return cmp.Compare(b.urgency, a.urgency) })
	out := make([]string, len(wants))
	for i, w := range wants {
		out[i] = w.text
	}
	return out
}

// asks are the sentences about missing kinds of photos; … is replaced by how many.
var asks = map[persona.Shot]string{
	persona.ShotFront:     "Add … from the front.",
	persona.ShotHalfLeft:  "Add … with the head half turned to the left of the picture.",
	persona.ShotHalfRight: "Add … with the head half turned to the right of the picture.",
	persona.ShotProfile:   "Add … from the side, with both eyes still to be seen.",
	persona.ShotSerious:   "Add … with a serious face and closed mouth.",
	persona.ShotSmiling:   "Add … with a smile.",
	persona.ShotLaughing:  "Add … laughing or speaking.",
	persona.ShotSoft:      "Add … in soft daylight, for example facing a window.",
	persona.ShotSide:      "Add … with light from one side, for example beside a window.",
	persona.ShotBright:    "Add … in brighter light, for example outdoors.",
	persona.ShotCloseUp:   "Add … taken closer, with the face filling half of the picture.",
	persona.ShotPortrait:  "Add … of head and shoulders.",
	persona.ShotHalfBody:  "Add … taken from further away, down to the waist.",
}

func ask(k persona.CoverageKind) string {
	switch {
	case k.Kind != persona.ShotDifferent:
		return strings.Replace(asks[k.Kind], "…", number(k.Wanted-k.Count, "photo"), 1)
	case k.Count <= 1:
		return "All photos have the same background: add some from other places."
	default:
		return fmt.Sprintf("The photos have only %s: add some from other places.", number(k.Count, "different background"))
	}
}

var numerals = [...]string{"no", "a", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// number counts things in words: a photo, two photos, 12 photos.
func number(n int, thing string) string {
	word := strconv.Itoa(n)
	if n >= 0 && n < len(numerals) {
		word = numerals[n]
	}
	switch {
	case n == 1 && strings.HasPrefix(thing, "more "):
		return "one " + thing
	case n == 1:
		return word + " " + thing
	default:
		return word + " " + thing + "s"
	}
}

// sentence begins with a capital letter.
func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// plural names photos by number with the verb that fits: photo 3 is, photos 3, 4 and 9 are.
func plural(photos []int, one, many string) string {
	if len(photos) == 1 {
		return fmt.Sprintf("photo %d %s", photos[0], one)
	}
	words := make([]string, len(photos))
	for i, n := range photos {
		words[i] = strconv.Itoa(n)
	}
	last := len(words) - 1
	return fmt.Sprintf("photos %s and %s %s", strings.Join(words[:last], ", "), words[last], many)
}
