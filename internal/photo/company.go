package photo

import (
	"math"
	"slices"

	"github.com/inflio/persona/internal/persona"
)

// The fewest faces for each comparison.
const (
	fewestCompared = 4 // to find one that is unlike the others, or two groups
	twoGroupsLeast = 2 // photos in the smaller group
	fewestOwn      = 3 // left after strangers are removed: the mean of two does not describe a person
)

// findStrangers compares the faces of the photos in use, by the cuts of the judge's describer. It warns of faces that
// seem to be another person's, and refuses their photos only if the describer has a cut for strangers.
func (j *Judge) findStrangers(members []Member, choices []Choice) {
	f := j.facesOf(members, choices)
	if len(f.of) < fewestCompared {
		return
	}
	note := func(at int, code persona.PhotoCode, refuses bool) {
		c := &choices[f.of[at]]
		c.Use = c.Use && !refuses
		c.Findings = append(c.Findings, persona.NewFinding(code, refuses, ""))
	}
	alike := similarities(f.descriptors)
	small, sure := f.twoGroups(alike)
	for _, at := range small {
		note(at, persona.PhotoProbablyTwoSet, sure)
	}
	if small != nil && !sure {
		return
	}
	if sure {
		f = j.facesOf(members, choices)
		alike = similarities(f.descriptors)
	}
	strangers := f.strangers()
	for _, at := range strangers {
		note(at, persona.PhotoUnlikeOthers, true)
	}
	if len(f.of) < fewestCompared {
		return
	}
	for _, at := range f.unlike(alike) {
		if !slices.Contains(strangers, at) {
			note(at, persona.PhotoUnlikeOthers, false)
		}
	}
}

// facesOf returns the faces of the photos in use that have a descriptor of this judge's describer.
func (j *Judge) facesOf(members []Member, choices []Choice) faces {
	f := faces{cuts: j.describer.Cuts()}
	for i, c := range choices {
		m := members[i].Measures
		if c.Use && len(m.Descriptor) > 0 && m.DescribedBy == j.DescribedBy() {
			f.of = append(f.of, i)
			f.descriptors = append(f.descriptors, m.Descriptor)
			f.named = append(f.named, members[i].Primary)
		}
	}
	return f
}

// faces are the described faces of a set.
type faces struct {
	cuts        Cuts
	of          []int // index of each face's member
	descriptors []Descriptor
	named       []bool // the person named this photo as the primary one
}

// centroid is the middle of some of the faces.
func (f faces) centroid(of []int) Descriptor {
	some := make([]Descriptor, len(of))
	for i, at := range of {
		some[i] = f.descriptors[at]
	}
	return Centroid(some)
}

// strangers finds the faces that are too far from the mean of the others to be the same person's. The furthest is
// removed first, because it shifts the mean of the others. The photo that the person named stays, and so does at least
// half of the set.
func (f faces) strangers() []int {
	left := make([]int, len(f.descriptors))
	for i := range left {
		left[i] = i
	}
	var out []int
	for len(left) > max(fewestOwn, (len(f.descriptors)+1)/2) {
		worst, at := f.cuts.Stranger, -1
		for i, face := range left {
			others := slices.Delete(slices.Clone(left), i, i+1)
			if s := f.descriptors[face].Similarity(f.centroid(others)); s < worst && !f.named[face] {
				worst, at = s, i
			}
		}
		if at < 0 {
			break
		}
		out = append(out, left[at])
		left = slices.Delete(left, at, at+1)
	}
	slices.Sort(out)
	return out
}

// unlike finds the photos whose mean similarity to the others lies far below what is usual in this set.
func (f faces) unlike(alike [][]float64) []int {
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
	limit := max(f.cuts.UnlikeDeviations*1.4826*median(deviations), f.cuts.UnlikeLeast)
	var out []int
	for i, m := range means {
		if middle-m > limit {
			out = append(out, i)
		}
	}
	return out
}

// twoGroups splits the photos into two groups by average linkage. It returns the smaller group if the split is clear,
// and whether that group is surely another person's: the larger group shows one person, and each face of the smaller one
// is too far from its mean. The mean of the set is subtracted from each descriptor before the split, because what all
// faces have in common hides the differences: on portraits of two people the split is then right in nearly all draws,
// otherwise in half of them.
func (f faces) twoGroups(alike [][]float64) (small []int, sure bool) {
	centred := similarities(aroundMiddle(f.descriptors))
	groups := make([][]int, len(f.descriptors))
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
	small, large := f.smaller(groups[0], groups[1], alike)
	if len(small) < twoGroupsLeast {
		return nil, false
	}
	gap := (within(alike, small)+within(alike, large))/2 - between(alike, small, large)
	if gap < f.cuts.TwoGroupsGap+f.cuts.TwoGroupsSlack/float64(len(small)) {
		return nil, false
	}
	slices.Sort(small)
	if within(alike, large) < f.cuts.Stranger { // the larger group does not show one person either
		return small, false
	}
	owner := f.centroid(large)
	sure = !slices.ContainsFunc(small, func(at int) bool {
		return f.descriptors[at].Similarity(owner) >= f.cuts.Stranger || f.named[at]
	})
	return small, sure
}

// smaller orders two groups by size. Of two groups of the same size, the larger is the one with the photo that the
// person named, else the one whose photos are more alike, else the one with the first photo.
func (f faces) smaller(a, b []int, alike [][]float64) (small, large []int) {
	named := func(group []int) bool {
		return slices.ContainsFunc(group, func(at int) bool { return f.named[at] })
	}
	switch {
	case len(a) != len(b):
		if len(a) < len(b) {
			return a, b
		}
		return b, a
	case named(a) != named(b):
		if named(b) {
			return a, b
		}
		return b, a
	case len(a) > 1 && within(alike, a) != within(alike, b):
		if within(alike, a) < within(alike, b) {
			return a, b
		}
		return b, a
	case slices.Min(a) < slices.Min(b):
		return b, a
	default:
		return a, b
	}
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

// aroundMiddle subtracts the mean of all from each.
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
