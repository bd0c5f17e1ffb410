package photo

import (
	"cmp"
	"slices"

	"github.com/inflio/persona/internal/persona"
)

// Member is one judged photo of a set.
type Member struct {
	Photo    string // id, passed through
	Index    int    // position in the request, from 0
	Accepted bool   // by itself; others are never used
	Primary  bool   // the person named this photo as the primary one
	Measures Measures
}

// Choice is the result for a Member.
type Choice struct {
	Photo    string
	Index    int
	Use      bool              // trained on
	Primary  bool              // the one photo that represents the persona
	Findings []persona.Finding // from comparing the photos; the photo's own findings are in its Measures
}

// Set is the result for all photos of one training.
type Set struct {
	Choices []Choice          // in the order of the members
	Report  persona.SetReport // about the photos in use
}

// Set chooses the photos of one training: the best of copies of one photo, none that surely shows another person, and of
// the rest the use photos that are best and most varied. It warns of photos that look like another person's. The primary
// photo is the named one if it is used, else the best frontal one. The choices are in the order of the members, and the
// same members always give the same Set.
//
// Set does not panic: a member whose measures cause a panic is refused with the finding PhotoCannotBeJudged.
func (j *Judge) Set(members []Member, use int) Set {
	return withoutPanics(members, func(members []Member) Set { return j.choose(members, use) })
}

// withoutPanics calls choose. If it panics, withoutPanics accepts the members one after the other, refuses those with
// which choose panics, and returns the choice among the others.
func withoutPanics(members []Member, choose func([]Member) Set) Set {
	set := Set{Choices: make([]Choice, len(members)), Report: persona.SetReport{Photos: len(members)}}
	for i, m := range members {
		set.Choices[i] = Choice{Photo: m.Photo, Index: m.Index}
	}
	works := func(members []Member) bool {
		return guard(nil, func() error {
			set = choose(members)
			return nil
		}) == nil
	}
	if works(members) {
		return set
	}
	some := make([]Member, len(members))
	for i, m := range members {
		some[i] = Member{Photo: m.Photo, Index: m.Index}
	}
	faulty := make([]bool, len(members))
	for i, m := range members {
		empty := some[i]
		some[i] = m
		if faulty[i] = !works(some); faulty[i] {
			some[i] = empty
		}
	}
	for i := range set.Choices {
		if faulty[i] {
			set.Choices[i].Findings = append(set.Choices[i].Findings, cannotBeJudged())
		}
	}
	return set
}

// choose is Set without protection against panics.
func (j *Judge) choose(members []Member, use int) Set {
	choices := make([]Choice, len(members))
	for i, m := range members {
		choices[i] = Choice{Photo: m.Photo, Index: m.Index, Use: m.Accepted}
	}
	alike := compare(members, choices)
	dropDuplicates(members, choices, alike)
	j.findStrangers(members, choices)
	keepBest(members, choices, alike, min(use, j.Policy.MaxUsed))
	choosePrimary(members, choices)
	return Set{Choices: choices, Report: j.report(members, choices, alike)}
}

// report summarises the photos in use and what is missing.
func (j *Judge) report(members []Member, choices []Choice, alike [][]likeness) persona.SetReport {
	r := persona.SetReport{Photos: len(members)}
	var used []Member
	for i, c := range choices {
		if members[i].Accepted {
			r.Accepted++
		}
		if c.Use {
			used = append(used, members[i])
		}
	}
	r.Used = len(used)
	if r.Used >= j.Policy.MinPhotos {
		// There is always a tier if none is asked for.
		terms, _ := persona.TermsFor("", r.Used)
		r.Tier = terms.Tier
	}
	if r.Used > 0 {
		shown := newTally()
		for _, t := range traitsOf(used) {
			shown.add(t)
		}
		r.Coverage = shown.coverage()
	}
	r.Advice = j.advise(members, choices, r, moments(members, choices, alike))
	return r
}

// ranked lists the indexes of the members in use, best first.
func ranked(members []Member, choices []Choice) []int {
	var order []int
	for i, c := range choices {
		if c.Use {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if c := cmp.Compare(rank(members[b]), rank(members[a])); c != 0 {
			return c
		}
		return cmp.Compare(members[a].Index, members[b].Index)
	})
	return order
}

// namedBonus ranks the photo that the person named above all others.
const namedBonus = 1000

func rank(m Member) float64 {
	r := m.Measures.Score.Overall
	if m.Primary {
		r += namedBonus
	}
	return r
}
