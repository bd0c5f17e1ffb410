package api

import "sync"

// Defaults of the limits of one user; each process that serves the API counts for itself.
const (
	// DefaultUserRequests is the number of requests of one user that are served at one time. A page that shows 40 photos
	// asks for all of them at once over HTTP/2.
	DefaultUserRequests = 64
	// DefaultUserTrainings is the number of trainings of one user that may run at one time.
	DefaultUserTrainings = 10

	// userScorings is the number of requests to score photos of one user that are served at one time. Each waits for the
	// processor with one photo at a time, so this is a user's share of the photos that wait.
	userScorings = 2
)

// perUser counts what runs for each user, up to a limit.
type perUser struct {
	limit int

	mu      sync.Mutex
	running map[string]int
}

func newPerUser(limit int) *perUser {
	return &perUser{limit: limit, running: map[string]int{}}
}

// take reports whether one more may run for the user. After true, call release when it has ended.
func (p *perUser) take(user string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running[user] >= p.limit {
		return false
	}
	p.running[user]++
	return true
}

func (p *perUser) release(user string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running[user]--; p.running[user] == 0 {
		delete(p.running, user)
	}
}
