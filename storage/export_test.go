package storage

// SetEndings makes the trigger words' endings come from a list, so that a test can make them collide.
func (s *Store) SetEndings(endings ...string) {
	s.ending = func() string {
		next := endings[0]
		if len(endings) > 1 {
			endings = endings[1:]
		}
		return next
	}
}

// CachedKeys is how many unwrapped keys are in memory.
func (s *Store) CachedKeys() int {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	return len(s.keys.cached)
}

// Before reports whether a stage comes before another.
var Before = before
