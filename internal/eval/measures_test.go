package eval_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/eval"
	"github.com/inflio/persona/internal/persona"
)

// notMeasured are the codes without a measure that could be compared with labels, and why.
var notMeasured = map[persona.PhotoCode]string{
	persona.PhotoEmpty:          "the file decides, exactly",
	persona.PhotoNotImage:       "the file decides, exactly",
	persona.PhotoTooSmallFile:   "the file decides, exactly",
	persona.PhotoTooLargeFile:   "the file decides, exactly",
	persona.PhotoTooFewPixels:   "the file decides, exactly",
	persona.PhotoTooManyPixels:  "the file decides, exactly",
	persona.PhotoDamaged:        "the file decides, exactly",
	persona.PhotoTooOld:         "the file's date decides, exactly",
	persona.PhotoUnreachable:    "there is no file",
	persona.PhotoCannotBeJudged: "a fault of the program",
	persona.PhotoNoFace:         "there is no face to measure; see Detection",
	persona.PhotoDuplicate:      "compares photos; see Duplicates",
	persona.PhotoUnlikeOthers:   "compares photos; see Sets and Identity",
	persona.PhotoProbablyTwoSet: "compares photos; see Sets and Identity",
	persona.PhotoNotAmongBest:   "compares good photos",
}

func TestEveryCodeIsMeasured(t *testing.T) {
	t.Parallel()
	var codes []persona.PhotoCode
	for _, advice := range persona.PhotoCodes() {
		codes = append(codes, advice.Code)
		if reason := notMeasured[advice.Code]; reason != "" {
			require.NotContains(t, eval.Measured(), advice.Code, "it has a measure, so it can have one: %s", reason)
			continue
		}
		require.Contains(t, eval.Measured(), advice.Code, "it has no measure, and notMeasured gives no reason")
	}
	require.Subset(t, codes, eval.Measured())
	for code := range notMeasured {
		require.Contains(t, codes, code, "a reason for a code that does not exist")
	}
}
