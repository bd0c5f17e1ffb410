package eval

import (
	"slices"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// Sets measures how well a stranger's photo in a person's set is found, by judging each labelled set as it is, and again
// with a photo of another person. Photos count even if they are not good enough by themselves.
type Sets struct {
	Clean        Share `json:"clean"`         // sets of one person with a false finding
	CleanPhotos  Share `json:"clean_photos"`  // photos of these sets with a false finding
	CleanRefused int   `json:"clean_refused"` // of these, photos that would be refused for it

	Intruder        Share `json:"intruder"`         // sets with a stranger in which the stranger's photo was found
	IntruderRefused int   `json:"intruder_refused"` // of these, refused
	Unlike          int   `json:"unlike"`           // of these, found as unlike the others
	TwoPeople       int   `json:"two_people"`       // of these, found as one of two people
	Beside          Share `json:"beside"`           // own photos in these sets with a false finding
}

const (
	smallestSet = 4   // with fewer faces there is no majority
	mostTrials  = 500 // sets with a stranger, spread evenly over all possible ones
)

// somebodyElse are the codes of photos that show another person.
var somebodyElse = []persona.PhotoCode{persona.PhotoUnlikeOthers, persona.PhotoProbablyTwoSet}

// party is one set: photos of one person.
type party struct {
	person  string
	members []*result
}

// newSets needs a judge whose policy allows one photo more than sets have: the stranger's.
func newSets(all []result, judge *photo.Judge) *Sets {
	faces := described(all)
	sets := parties(faces, judge.Policy.MaxUsed-1)
	if len(sets) == 0 {
		return nil
	}
	out := &Sets{}
	for _, s := range sets {
		out.judgeClean(judge, s.members)
	}
	total := 0
	for _, s := range sets {
		total += strangers(faces, s)
	}
	if total == 0 {
		return out
	}
	trials := min(total, mostTrials)
	at, before := 0, 0 // the set of the next trial, and how many strangers the sets before it have
	for t := range trials {
		n := t * total / trials
		for n >= before+strangers(faces, sets[at]) {
			before += strangers(faces, sets[at])
			at++
		}
		out.judgeIntruded(judge, sets[at].members, stranger(faces, sets[at], n-before))
	}
	return out
}

// parties returns the labelled sets that show one person and are large enough, each cut to its first most photos.
func parties(faces []*result, most int) []party {
	var out []party
	numbers := map[string]int{}
	for _, r := range faces {
		n, there := numbers[r.label.Set]
		if !there {
			n = len(out)
			numbers[r.label.Set] = n
			out = append(out, party{person: r.label.Person})
		}
		out[n].members = append(out[n].members, r)
	}
	out = slices.DeleteFunc(out, func(s party) bool {
		mixed := slices.ContainsFunc(s.members, func(r *result) bool { return r.label.Person != s.person })
		return mixed || len(s.members) < smallestSet
	})
	for i := range out {
		out[i].members = out[i].members[:min(most, len(out[i].members))]
	}
	return out
}

// strangers counts the photos of other people than the set's.
func strangers(faces []*result, s party) int {
	n := 0
	for _, r := range faces {
		if r.label.Person != s.person {
			n++
		}
	}
	return n
}

// stranger is the nth of these photos.
func stranger(faces []*result, s party, n int) *result {
	for _, r := range faces {
		if r.label.Person == s.person {
			continue
		}
		if n == 0 {
			return r
		}
		n--
	}
	return nil
}

func (s *Sets) judgeClean(judge *photo.Judge, members []*result) {
	noticed := false
	for _, c := range judgeSet(judge, members) {
		code, refuses := named(c)
		s.CleanPhotos.count(code != "")
		noticed = noticed || code != ""
		if refuses {
			s.CleanRefused++
		}
	}
	s.Clean.count(noticed)
}

func (s *Sets) judgeIntruded(judge *photo.Judge, members []*result, intruder *result) {
	choices := judgeSet(judge, append(slices.Clone(members), intruder))
	last := len(choices) - 1
	for _, c := range choices[:last] {
		code, _ := named(c)
		s.Beside.count(code != "")
	}
	code, refuses := named(choices[last])
	s.Intruder.count(code != "")
	switch code {
	case persona.PhotoUnlikeOthers:
		s.Unlike++
	case persona.PhotoProbablyTwoSet:
		s.TwoPeople++
	default:
	}
	if refuses {
		s.IntruderRefused++
	}
}

// named returns the code by which a photo was found to be another person's, if it was.
func named(c photo.Choice) (code persona.PhotoCode, refuses bool) {
	for _, f := range c.Findings {
		if slices.Contains(somebodyElse, f.Code) {
			return f.Code, f.Refuses
		}
	}
	return "", false
}

func judgeSet(judge *photo.Judge, members []*result) []photo.Choice {
	set := make([]photo.Member, len(members))
	for i, r := range members {
		set[i] = photo.Member{Photo: r.label.File, Index: i, Accepted: true, Measures: r.measures}
	}
	return judge.Set(set, len(set)).Choices
}
