package app

import (
	"runtime/debug"

	"github.com/inflio/persona/internal/persona"
	"github.com/inflio/persona/internal/photo"
)

// limitMemory sets the memory limit of the process to what photos may take and 192 MB for everything else. An operator
// who has set GOMEMLIMIT knows better, so that limit stays.
func limitMemory(p persona.PhotoPolicy, getenv func(name string) string) {
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(photo.MemoryLimit(p))
	}
}
