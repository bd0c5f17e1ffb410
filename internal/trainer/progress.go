package trainer

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	countPattern   = regexp.MustCompile(`(\d{1,6})\s*(?:/|of)\s*(\d{1,6})`)
	percentPattern = regexp.MustCompile(`(\d{1,3})(?:\.\d+)?\s*%`)
)

// stepsIn reads a training's progress from a line of its log. The lines are written for people and can change, so it
// accepts several forms: a count such as "120/1000" from a line that mentions steps or is a progress bar, and a
// percentage (as steps of 100) from a line that mentions training. Counts of files, epochs and the like are ignored.
func stepsIn(line string) (done, total int, ok bool) {
	lower := strings.ToLower(line)
	for _, other := range []string{"epoch", "download", "load", "image", "file", "shard", "caption", "mask"} {
		if strings.Contains(lower, other) && !strings.Contains(lower, "step") {
			return 0, 0, false
		}
	}
	if strings.Contains(lower, "step") || strings.Contains(lower, "%|") || strings.Contains(lower, "train") {
		m := countPattern.FindStringSubmatch(lower[max(strings.Index(lower, "step"), 0):])
		if m == nil {
			m = countPattern.FindStringSubmatch(lower) // "120/1000 steps"
		}
		if m != nil {
			done, total = atoi(m[1]), atoi(m[2])
			return done, total, total > 0 && done <= total
		}
	}
	if strings.Contains(lower, "train") {
		if m := percentPattern.FindStringSubmatch(lower); m != nil {
			done = atoi(m[1])
			return done, 100, done <= 100
		}
	}
	return 0, 0, false
}

func atoi(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}
