package eval

import (
	"slices"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// Sets tells how well a stranger's photo among one person's is noticed, by judging each labelled set as it is and again
// with one photo of another person put in. Photos count whether or not they are good enough by themselves.
type Sets struct {
	Clean        Share `json:"clean"`         // sets of one person in which somebody was noticed, wrongly
	CleanPhotos  Share `json:"clean_photos"`  // photos of these sets that were named
	CleanRefused int   `json:"clean_refused"` // of them, photos that would be refused for it

	Intruder        Share `json:"intruder"`         // sets with a stranger in which the stranger's photo was named
	IntruderRefused int   `json:"intruder_refused"` // of them, refused
	Unlike          int   `json:"unlike"`           // of them, named as unlike the others
	TwoPeople       int   `json:"two_people"`       // of them, named as one of two people
	Beside          Share `json:"beside"`           // own photos in these sets that were named
}

const (
	smallestSet = 4   // with fewer faces nobody can say who does not belong
	mostTrials  = 500 // sets with a stranger, spread evenly over all there could be
)

// somebodyElse are the codes that say it.
var somebodyElse = []persona.PhotoCode{persona.PhotoUnlikeOthers, persona.PhotoProbablyTwoSet}

// party is one set: photos of one person.
type party struct {
	person  string
	members []*result
}

// newSets takes a judge that may use one photo more than sets have: the stranger's.
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

// parties are the sets of one person each that are large enough. Of a larger one than is trained on, the first photos.
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

// strangers is how many photos show somebody else than the set.
func strangers(faces []*result, s party) int {
	n := 0
	for _, r := range faces {
		if r.label.Person != s.person {
			n++
		}
	}
	return n
}

// stranger is the nth of them.
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

// named tells whether a photo was called somebody else's, and as what.
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
