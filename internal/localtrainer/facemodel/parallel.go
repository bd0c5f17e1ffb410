package facemodel

import (
	"runtime"
	"sync"
)

// inParallel splits rows 0 to n over the processors. The result must not depend on the split. A panic of do is a panic of
// the caller, who may recover from it.
func inParallel(n int, do func(from, to int)) {
	parts := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	panics := make(chan any, parts)
	for i := range parts {
		wg.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					panics <- r
				}
			}()
			do(i*n/parts, (i+1)*n/parts)
		})
	}
	wg.Wait()
	select {
	case r := <-panics:
		panic(r)
	default:
	}
}
