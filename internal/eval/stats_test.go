package eval_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/eval"
)

const exact = 1e-12

func TestAUC(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		yes, no []float64
		want    float64
	}{
		"apart":          {[]float64{3, 4}, []float64{1, 2}, 1},
		"the wrong way":  {[]float64{1, 2}, []float64{3, 4}, 0},
		"all alike":      {[]float64{1, 1}, []float64{1, 1, 1}, 0.5},
		"two of six won": {[]float64{2, 9, 1}, []float64{3, 5}, 2.0 / 6},
		"a tie is half":  {[]float64{2, 3}, []float64{1, 2}, 3.5 / 4},
		"unsorted":       {[]float64{7, 1, 5}, []float64{6, 0, 4, 2}, 8.0 / 12},
		"nothing":        {nil, []float64{1}, 0},
	} {
		require.InDelta(t, c.want, eval.AUC(c.yes, c.no), exact, name)
	}
}

func TestEER(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		same, different []float64
		rate, cut       float64
	}{
		// At .6, one of four of the same is below, and one of four of the different at or above.
		"a quarter": {[]float64{0.9, 0.8, 0.6, 0.3}, []float64{0.7, 0.4, 0.2, 0.1}, 0.25, 0.6},
		"apart":     {[]float64{0.9, 0.8}, []float64{0.2, 0.1}, 0, 0.8},
		"swapped":   {[]float64{0.1}, []float64{0.9}, 1, 0.9},
		// At .5, none of two is below and one of three at or above; at .6 one and one: 1/6 apart and closer.
		"between": {[]float64{0.5, 0.9}, []float64{0.6, 0.2, 0.1}, (1.0/2 + 1.0/3) / 2, 0.6},
	} {
		rate, cut := eval.EER(c.same, c.different)
		require.InDelta(t, c.rate, rate, exact, name)
		require.InDelta(t, c.cut, cut, exact, name)
	}
}

func TestAcceptedAt(t *testing.T) {
	t.Parallel()
	different := make([]float64, 100) // 0 to .99
	for i := range different {
		different[i] = float64(i) / 100
	}
	same := []float64{0.975, 0.98, 0.985, 1}
	for _, c := range []struct {
		rate     float64
		accepted int
		cut      float64
	}{
		{0.02, 4, 0.97}, // .98 and .99 pass
		{0.01, 2, 0.98}, // .99 passes, and .98 itself is not above the cut
		{0.001, 1, 0.99},
	} {
		accepted, cut := eval.AcceptedAt(same, different, c.rate)
		require.InDelta(t, c.cut, cut, exact)
		require.Equal(t, eval.Share{N: c.accepted, Of: 4}, accepted)
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	values := []float64{40, 10, 30, 20}
	for share, want := range map[float64]float64{0: 10, 0.5: 25, 1: 40, 0.95: 38.5} {
		require.InDelta(t, want, eval.Percentile(values, share), exact)
	}
	require.Equal(t, []float64{40, 10, 30, 20}, values, "the caller's order stays")
	require.Zero(t, eval.Percentile(nil, 0.5))
}

func TestShare(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 0.25, eval.Share{N: 1, Of: 4}.Value(), exact)
	require.Zero(t, eval.Share{}.Value())
}
