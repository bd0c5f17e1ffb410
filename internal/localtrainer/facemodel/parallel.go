package facemodel

import (
	"runtime"
	"sync"
)

// inParallel splits rows 0 to n over the processors. The result must not depend on the split.
func inParallel(n int, do func(from, to int)) {
	parts := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for i := range parts {
		wg.Go(func() { do(i*n/parts, (i+1)*n/parts) })
	}
	wg.Wait()
}
