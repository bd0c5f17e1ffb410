package app_test

import (
	"math"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inflio/persona/internal/app"
	"github.com/inflio/persona/internal/persona"
)

// Not parallel: the limit is the process's.
func TestTheMemoryLimitFollowsThePolicyUnlessTheOperatorSetsIt(t *testing.T) { //nolint:paralleltest // sets the process's memory limit
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	p := persona.DefaultPhotoPolicy()
	p.MaxMemory = 800 << 20

	debug.SetMemoryLimit(math.MaxInt64)
	app.LimitMemory(p, func(string) string { return "2GiB" })
	require.Equal(t, int64(math.MaxInt64), debug.SetMemoryLimit(-1))

	app.LimitMemory(p, func(name string) string {
		require.Equal(t, "GOMEMLIMIT", name)
		return ""
	})
	require.Equal(t, int64((800+192)<<20), debug.SetMemoryLimit(-1))
}
