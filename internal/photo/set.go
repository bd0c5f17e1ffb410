package photo

import (
	"cmp"
	"math"
	"slices"
	"strconv"

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

// Choice says what becomes of a Member.
type Choice struct {
	Photo    string
	Index    int
	Use      bool              // trained on
	Primary  bool              // the one photo that stands for the persona
	Findings []persona.Finding // what comparing the photos told, besides what each photo's own findings say
}

// Set is what the photos of one training come to together.
type Set struct {
	Choices []Choice          // in the order of the members
	Report  persona.SetReport // about the photos in use
}

// What the classical descriptor may say. It can warn, never refuse: with these cuts 43 % of intruders among five drawn
// people's photos are caught and 3 % of clean sets are warned of; look-alikes are not caught at all.
const (
	unlikeDeviations = 5.0  // of the median absolute deviation below the median closeness
	unlikeLeast      = 0.08 // and at least this much closer to nobody

	// How much closer photos must be inside the two groups than between them: a fixed part, and one that shrinks with the
	// number of photos, because few photos split apart by chance. 1 % of one person's sets reach it, and 95 % of those
	// with as many photos of somebody else do.
	twoGroupsGap   = 0.06
	twoGroupsSlack = 0.09
	twoGroupsLeast = 2 // photos in the smaller group
)

// Set chooses the photos of one training: of each group of duplicates the best, then the best use of those that
// are left, by overall score with variety of angle as a tie-breaker. Photos that look like another person's are warned
// of but used. The primary photo is the named one if it is used, else the best frontal one. The choices come in the
// order of the members.
func (j *Judge) Set(members []Member, use int) Set {
	choices := make([]Choice, len(members))
	for i, m := range members {
		choices[i] = Choice{Photo: m.Photo, Index: m.Index, Use: m.Accepted}
	}
	dropDuplicates(members, choices)
	warnOfOthers(members, choices)
	keepBest(members, choices, min(use, j.Policy.MaxUsed))
	choosePrimary(members, choices)
	return Set{Choices: choices, Report: j.report(members, choices)}
}

// report counts.
func (j *Judge) report(members []Member, choices []Choice) persona.SetReport {
	r := persona.SetReport{Photos: len(members)}
	for i, c := range choices {
		if members[i].Accepted {
			r.Accepted++
		}
		if c.Use {
			r.Used++
		}
	}
	if r.Used >= j.Policy.MinPhotos {
		// Without a wanted tier there is always one.
		terms, _ := persona.TermsFor("", r.Used)
		r.Tier = terms.Tier
	}
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

// namedBonus lifts the photo that the person named above every other of a group.
const namedBonus = 1000

func rank(m Member) float64 {
	r := m.Measures.Score.Overall
	if m.Primary {
		r += namedBonus
	}
	return r
}

// dropDuplicates keeps the best of each group of copies of one photo. The finding names the kept one by its number as
// people count, from 1.
func dropDuplicates(members []Member, choices []Choice) {
	var kept []int
	for _, i := range ranked(members, choices) {
		twin := slices.IndexFunc(kept, func(k int) bool {
			return members[i].Measures.Hash.Duplicate(members[k].Measures.Hash)
		})
		if twin < 0 {
			kept = append(kept, i)
			continue
		}
		choices[i].Use = false
		choices[i].Findings = append(choices[i].Findings, persona.NewFinding(
			persona.PhotoDuplicate, true, strconv.Itoa(members[kept[twin]].Index+1)))
	}
}

// keepBest drops what is beyond the number wanted.
func keepBest(members []Member, choices []Choice, use int) {
	for n, i := range ranked(members, choices) {
		if n >= use {
			choices[i].Use = false
			choices[i].Findings = append(choices[i].Findings, persona.NewFinding(persona.PhotoNotAmongBest, false, ""))
		}
	}
}

// choosePrimary marks one photo. Turned heads stand less well for a person.
func choosePrimary(members []Member, choices []Choice) {
	best, at := math.Inf(-1), -1
	for _, i := range ranked(members, choices) {
		if v := rank(members[i]) - math.Abs(members[i].Measures.Face.Yaw)/2; v > best {
			best, at = v, i
		}
	}
	if at >= 0 {
		choices[at].Primary = true
	}
}

// warnOfOthers compares the faces of the photos in use.
func warnOfOthers(members []Member, choices []Choice) {
	var faces []int
	for i, c := range choices {
		if c.Use && len(members[i].Measures.Descriptor) > 0 {
			faces = append(faces, i)
		}
	}
	if len(faces) < 4 {
		return
	}
	descriptors := make([]Descriptor, len(faces))
	for at, i := range faces {
		descriptors[at] = members[i].Measures.Descriptor
	}
	alike := similarities(descriptors)
	warn := func(at int, code persona.PhotoCode) {
		i := faces[at]
		choices[i].Findings = append(choices[i].Findings, persona.NewFinding(code, false, ""))
	}
	if small := twoGroups(descriptors, alike); small != nil {
		for _, at := range small {
			warn(at, persona.PhotoProbablyTwoSet)
		}
		return
	}
	for _, at := range unlike(alike) {
		warn(at, persona.PhotoUnlikeOthers)
	}
}

// unlike finds the photos whose mean similarity to the others lies far below what is usual in this set.
func unlike(alike [][]float64) []int {
	means := make([]float64, len(alike))
	for a, row := range alike {
		for b, v := range row {
			if a != b {
				means[a] += v / float64(len(row)-1)
			}
		}
	}
	middle := median(means)
	deviations := make([]float64, len(means))
	for i, m := range means {
		deviations[i] = math.Abs(m - middle)
	}
	limit := max(unlikeDeviations*1.4826*median(deviations), unlikeLeast)
	var out []int
	for i, m := range means {
		if middle-m > limit {
			out = append(out, i)
		}
	}
	return out
}

func similarities(d []Descriptor) [][]float64 {
	alike := make([][]float64, len(d))
	for a := range d {
		alike[a] = make([]float64, len(d))
		for b := range d {
			alike[a][b] = d[a].Similarity(d[b])
		}
	}
	return alike
}

// twoGroups splits the photos in two and returns the smaller group if the split is clear. For splitting, the middle of
// the set is taken away from each descriptor: what all faces share hides what tells two people apart (on portraits of
// two people the split is then right in nearly all draws, else in half of them). Groups grow by joining the two that
// are most alike on average until two are left.
func twoGroups(d []Descriptor, alike [][]float64) []int {
	centred := similarities(aroundMiddle(d))
	groups := make([][]int, len(d))
	for i := range groups {
		groups[i] = []int{i}
	}
	for len(groups) > 2 {
		best, x, y := math.Inf(-1), 0, 1
		for a := range groups {
			for b := a + 1; b < len(groups); b++ {
				if v := between(centred, groups[a], groups[b]); v > best {
					best, x, y = v, a, b
				}
			}
		}
		groups[x] = append(groups[x], groups[y]...)
		groups = slices.Delete(groups, y, y+1)
	}
	small, large := groups[0], groups[1]
	if len(small) > len(large) {
		small, large = large, small
	}
	if len(small) < twoGroupsLeast {
		return nil
	}
	gap := (within(alike, small)+within(alike, large))/2 - between(alike, small, large)
	if gap < twoGroupsGap+twoGroupsSlack/float64(len(d)) {
		return nil
	}
	slices.Sort(small)
	return small
}

// aroundMiddle takes the mean of all away from each.
func aroundMiddle(d []Descriptor) []Descriptor {
	mean := make([]float64, len(d[0]))
	for _, one := range d {
		for i := range min(len(one), len(mean)) {
			mean[i] += float64(one[i]) / float64(len(d))
		}
	}
	out := make([]Descriptor, len(d))
	for at, one := range d {
		out[at] = make(Descriptor, len(one))
		for i, v := range one {
			if i < len(mean) {
				out[at][i] = float32(float64(v) - mean[i])
			}
		}
	}
	return out
}

// between is the mean similarity of the pairs across two groups.
func between(alike [][]float64, a, b []int) float64 {
	var sum float64
	for _, i := range a {
		for _, j := range b {
			sum += alike[i][j]
		}
	}
	return sum / float64(len(a)*len(b))
}

// within is the mean similarity of the pairs inside a group of two or more.
func within(alike [][]float64, group []int) float64 {
	var sum float64
	for _, i := range group {
		for _, j := range group {
			if i != j {
				sum += alike[i][j]
			}
		}
	}
	return sum / float64(len(group)*(len(group)-1))
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
