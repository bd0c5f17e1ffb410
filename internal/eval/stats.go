package eval

import (
	"cmp"
	"math"
	"slices"
)

// Share is a number of things out of a total.
type Share struct {
	N  int `json:"n"`
	Of int `json:"of"`
}

// Value is the share, 0 to 1; 0 of none is 0.
func (s Share) Value() float64 { return float64(s.N) / float64(max(s.Of, 1)) }

func (s *Share) count(yes bool) {
	s.Of++
	if yes {
		s.N++
	}
}

// AUC is the area under the ROC curve: how often a value of yes is above one of no, ties counting half. .5 is chance.
// It is 0 when either is empty.
func AUC(yes, no []float64) float64 {
	if len(yes) == 0 || len(no) == 0 {
		return 0
	}
	yes, no = slices.Sorted(slices.Values(yes)), slices.Sorted(slices.Values(no))
	var won float64
	below, notAbove := 0, 0
	for _, v := range yes {
		for below < len(no) && no[below] < v {
			below++
		}
		for notAbove < len(no) && no[notAbove] <= v {
			notAbove++
		}
		won += float64(below+notAbove) / 2
	}
	return won / float64(len(yes)) / float64(len(no))
}

// EER is the equal error rate: the share of same below the cut at which it equals the share of different at or above it.
// Between two values it is their mean. Neither may be empty.
func EER(same, different []float64) (rate, cut float64) {
	same, different = slices.Sorted(slices.Values(same)), slices.Sorted(slices.Values(different))
	cuts := slices.Compact(slices.Sorted(slices.Values(slices.Concat(same, different))))
	closest := math.Inf(1)
	for _, at := range cuts {
		rejected := float64(below(same, at)) / float64(len(same))
		accepted := 1 - float64(below(different, at))/float64(len(different))
		if gap := math.Abs(rejected - accepted); gap < closest {
			closest, rate, cut = gap, (rejected+accepted)/2, at
		}
	}
	return rate, cut
}

// AcceptedAt finds the lowest cut above which at most the share rate of different lies. It returns the share of same above
// that cut, and the cut.
func AcceptedAt(same, different []float64, rate float64) (accepted Share, cut float64) {
	falling := slices.SortedFunc(slices.Values(different), func(a, b float64) int { return cmp.Compare(b, a) })
	cut = falling[int(rate*float64(len(falling)))]
	for _, v := range same {
		accepted.count(v > cut)
	}
	return accepted, cut
}

// below counts the values under the limit in a sorted list.
func below(sorted []float64, limit float64) int {
	n, _ := slices.BinarySearch(sorted, limit)
	return n
}

// Percentile returns the value at or below which a share of 0 to 1 of all values lies, interpolated linearly. It is 0
// without values.
func Percentile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := share * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}
