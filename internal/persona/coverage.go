package persona

import (
	"fmt"
	"strings"
)

// String returns the coverage as one line: "pose: front 5, half left 1 of 2, profile 0". A count that is less
// than wanted comes with what is wanted; kinds that are neither there nor wanted are left out.
func (c Coverage) String() string {
	var kinds []string
	for _, k := range c.Kinds {
		name := strings.ReplaceAll(string(k.Kind), "_", " ")
		switch {
		case k.Count < k.Wanted:
			kinds = append(kinds, fmt.Sprintf("%s %d of %d", name, k.Count, k.Wanted))
		case k.Count > 0:
			kinds = append(kinds, fmt.Sprintf("%s %d", name, k.Count))
		}
	}
	return string(c.Aspect) + ": " + strings.Join(kinds, ", ")
}
