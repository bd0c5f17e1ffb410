package photo

import (
	"slices"
	"strconv"

	"github.com/inflio/persona/internal/persona"
)

// compare compares every two photos in use. Other photos count as different.
func compare(members []Member, choices []Choice) [][]likeness {
	alike := make([][]likeness, len(members))
	prints := make([]fingerprint, len(members))
	for i, m := range members {
		alike[i] = make([]likeness, len(members))
		if choices[i].Use {
			prints[i] = newPrint(m.Measures)
		}
	}
	for i := range members {
		for k := range i {
			if choices[i].Use && choices[k].Use {
				alike[i][k] = prints[i].likeness(prints[k])
				alike[k][i] = alike[i][k]
			}
		}
	}
	return alike
}

// dropDuplicates keeps the best of each group of copies of one photo. The finding names the kept one by its number,
// from 1.
func dropDuplicates(members []Member, choices []Choice, alike [][]likeness) {
	var kept []int
	for _, i := range ranked(members, choices) {
		twin := slices.IndexFunc(kept, func(k int) bool { return alike[i][k] == samePhoto })
		if twin < 0 {
			kept = append(kept, i)
			continue
		}
		choices[i].Use = false
		choices[i].Findings = append(choices[i].Findings, persona.NewFinding(
			persona.PhotoDuplicate, true, strconv.Itoa(members[kept[twin]].Index+1)))
	}
}

// moments lists the groups of photos in use that show one moment, by their numbers from 1, the largest group first.
func moments(members []Member, choices []Choice, alike [][]likeness) [][]int {
	var out [][]int
	seen := make([]bool, len(members))
	for i := range members {
		if seen[i] || !choices[i].Use {
			continue
		}
		group := []int{members[i].Index + 1}
		for k := i + 1; k < len(members); k++ {
			if !seen[k] && choices[k].Use && alike[i][k] >= veryAlike {
				seen[k] = true
				group = append(group, members[k].Index+1)
			}
		}
		if len(group) > 1 {
			out = append(out, group)
		}
	}
	slices.SortStableFunc(out, func(a, b []int) int { return len(b) - len(a) })
	return out
}
